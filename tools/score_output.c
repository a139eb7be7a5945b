/*
 * score_output.c - results as lines of text, CSV and JSON.
 */
#include "score_output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "diagnostics.h"
#include "names.h"

static void print_text(const struct image_run *run, const struct record *record)
{
    if (record->result.status != QC_OK)
        return;
    printf("%.4f  %s", (double)record->result.score, record->path);
    if (record->frame != NOT_A_FRAME)
        printf("#%" PRIu64, record->frame);
    if (run->other_recipe)
        printf("  (%s)", printable(record->result.recipe).text);
}

static void print_csv(const struct image_run *run, const struct record *record)
{
    (void)run;
    const qc_result *result = &record->result;
    output_csv_text(record->path);
    if (result->status == QC_OK) {
        printf(",%.9g,%u,%u,,%s,", (double)result->score, (unsigned)result->width,
               (unsigned)result->height, result->model);
        output_csv_text(result->recipe);
    } else {
        fputs(",,,,", stdout);
        output_csv_text(result->message);
        fputs(",,", stdout);
    }
    if (record->frame != NOT_A_FRAME)
        printf(",%" PRIu64, record->frame);
}

static cJSON *describe(const struct image_run *run, const struct record *record)
{
    const qc_result *result = &record->result;
    const float range[] = {result->score_minimum, result->score_maximum};
    cJSON *object = cJSON_CreateObject();
    json_add_text(object, "path", record->path);
    if (record->frame != NOT_A_FRAME)
        cJSON_AddNumberToObject(object, "frame", (double)record->frame);
    if (result->status != QC_OK) {
        json_add_text(object, "error", result->message);
        return object;
    }
    json_add_float(object, "score", result->score);
    json_add_floats(object, "pairs", result->pairs, result->pair_count);
    cJSON *names = cJSON_AddArrayToObject(object, "pair_names");
    for (uint32_t i = 0; i < result->pair_count; i++)
        json_append_text(names, qc_scorer_pair_name(run->lanes.whole.prompts, i));
    cJSON_AddNumberToObject(object, "width", result->width);
    cJSON_AddNumberToObject(object, "height", result->height);
    json_add_text(object, "model", result->model);
    json_add_text(object, "profile", result->profile);
    json_add_text(object, "kernels", result->kernels);
    json_add_text(object, "precision", result->precision);
    json_add_text(object, "positions", positions_name(result->positions));
    json_add_float(object, "temperature", result->temperature);
    json_add_float(object, "logit_scale", result->logit_scale);
    json_add_text(object, "size", size_name(result->size_rule, result->size_pixels).text);
    json_add_floats(object, "score_range", range, 2);
    if (strcmp(result->profile, "grepq") == 0)
        json_add_float(object, "low_level", result->low_level);
    json_add_text(object, "recipe", result->recipe);
    return object;
}

bool score_print(const struct image_run *run, const struct record *record)
{
    if (run->format == OUTPUT_JSON)
        return output_json_line(describe(run, record));
    if (run->format == OUTPUT_TEXT && record->result.status != QC_OK)
        return true; /* it is on standard error */
    output_begin_line();
    (run->format == OUTPUT_CSV ? print_csv : print_text)(run, record);
    return output_end_line();
}

bool score_print_header(const struct image_run *run)
{
    if (run->format != OUTPUT_CSV)
        return true;
    output_begin_line();
    fputs("path,score,width,height,error,model,recipe", stdout);
    if (run->films.any)
        fputs(",frame", stdout);
    return output_end_line();
}

/* ----------------------------------------------------------------------------- films as a whole */

static size_t worst_count(const struct image_run *run, const struct film_pool *pool)
{
    return pool->count < run->films.worst ? pool->count : run->films.worst;
}

static bool print_pool_line(const char *path, double score, const char *what)
{
    output_begin_line();
    printf("%.4f  %s  %s", score, path, what);
    return output_end_line();
}

static bool print_pool_text(const struct image_run *run, const char *path,
                            const struct film_pool *pool)
{
    char what[64];
    snprintf(what, sizeof what, "mean of %zu frames", pool->count);
    bool written = print_pool_line(path, film_pool_mean(pool), what);
    snprintf(what, sizeof what, "percentile %u", (unsigned)run->films.percentile);
    if (written)
        written =
            print_pool_line(path, (double)film_pool_percentile(pool, run->films.percentile), what);
    for (size_t i = 0; i < worst_count(run, pool) && written; i++) {
        snprintf(what, sizeof what, "worst: frame %" PRIu64, pool->scores[i].frame);
        written = print_pool_line(path, (double)pool->scores[i].score, what);
    }
    return written;
}

/* A row like those of frames; `what` stands where their number does. */
static bool print_pool_row(const char *path, double score, const qc_result *example,
                           const char *what)
{
    output_begin_line();
    output_csv_text(path);
    printf(",%.9g,%u,%u,,%s,", score, (unsigned)example->width, (unsigned)example->height,
           example->model);
    output_csv_text(example->recipe);
    printf(",%s", what);
    return output_end_line();
}

static bool print_pool_csv(const struct image_run *run, const char *path,
                           const struct film_pool *pool, const qc_result *example)
{
    char what[64];
    bool written = print_pool_row(path, film_pool_mean(pool), example, "mean");
    snprintf(what, sizeof what, "percentile %u", (unsigned)run->films.percentile);
    if (written)
        written = print_pool_row(path, (double)film_pool_percentile(pool, run->films.percentile),
                                 example, what);
    for (size_t i = 0; i < worst_count(run, pool) && written; i++) {
        snprintf(what, sizeof what, "worst %" PRIu64, pool->scores[i].frame);
        written = print_pool_row(path, (double)pool->scores[i].score, example, what);
    }
    return written;
}

static cJSON *describe_pool(const struct image_run *run, const char *path,
                            const struct film_pool *pool, const qc_result *example)
{
    cJSON *object = cJSON_CreateObject();
    json_add_text(object, "path", path);
    cJSON_AddNumberToObject(object, "frames", (double)pool->count);
    json_add_float(object, "mean", (float)film_pool_mean(pool));
    json_add_float(object, "percentile", film_pool_percentile(pool, run->films.percentile));
    cJSON_AddNumberToObject(object, "percent", run->films.percentile);
    cJSON *worst = cJSON_AddArrayToObject(object, "worst");
    for (size_t i = 0; i < worst_count(run, pool); i++) {
        cJSON *frame = cJSON_CreateObject();
        cJSON_AddNumberToObject(frame, "frame", (double)pool->scores[i].frame);
        json_add_float(frame, "score", pool->scores[i].score);
        cJSON_AddItemToArray(worst, frame);
    }
    json_add_text(object, "model", example->model);
    json_add_text(object, "recipe", example->recipe);
    return object;
}

bool score_print_pool(const struct image_run *run, const char *path, const struct film_pool *pool,
                      const qc_result *example)
{
    switch (run->format) {
    case OUTPUT_JSON: return output_json_line(describe_pool(run, path, pool, example));
    case OUTPUT_CSV: return print_pool_csv(run, path, pool, example);
    default: return print_pool_text(run, path, pool);
    }
}
