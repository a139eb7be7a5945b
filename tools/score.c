/*
 * score.c - `qualiclip score`: images in, a line for each out, in their order or the best first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "diagnostics.h"
#include "image_run.h"
#include "memory.h"
#include "names.h"
#include "pictures.h"
#include "progress.h"

static const char help[] =
    "Usage: qualiclip score [OPTION]... IMAGE...\n"
    "\n"
    "Scores PNG and JPEG photos: 0 is bad, 1 is good.  `-` is an image on standard input.\n"
    "A photo is scored as it is stored, unless --size says otherwise at its own size; EXIF\n"
    "orientation is ignored.\n"
    "\n"
    "      --profile=NAME       score by another recipe than the model's: qualiclip,\n"
    "                           qualiclip-pyiqa, qualiclip+, clip-iqa, clip-iqa-pyiqa, clip-iqa+,\n"
    "                           liqe, liqe-mix (1 to 5), grepq (0 to 2), clip.  Prompts that the\n"
    "                           model does not store are encoded by its text tower\n"
    "      --prompts=FILE       compare with these instead of the model's: a pair a line, "
    "positive\n"
    "                           TAB negative [TAB name]; # begins a comment.  The model must hold\n"
    "                           its text tower and vocabulary (convert --vocab)\n"
    "      --text=TEXT          compare with this text (several times: with each of them): the\n"
    "                           probabilities add up to 1, the score is the first text's.  Means\n"
    "                           --profile=clip, under which --prompts names a file of one text a\n"
    "                           line: text [TAB name]\n"
    "      --truncate           cut prompts of too many tokens instead of refusing them\n"
    "      --sort               the best first, failed ones last (waits for all of "
    "them)\n" IMAGE_OPTIONS_HELP "\n"
    "Output: text  0.8731  photo.jpg        and the recipe, where it is not the model's own\n"
    "        csv   path,score,width,height,error,model,recipe\n"
    "        json  path, score, pairs (a probability for each pair of opposite prompts),\n"
    "              pair_names, width, height, model, profile, kernels, precision, positions,\n"
    "              temperature, logit_scale, size, score_range, recipe; or path, error\n"
    "Scores can be compared where model and recipe are the same.\n"
    "\n"
    "A photo that cannot be scored is reported on standard error; the others are scored, and\n"
    "the exit status is 1.\n"
    "\n"
    "Examples:\n"
    "  qualiclip score photo.jpg\n"
    "  qualiclip score -m clip.gguf --text='a sharp photo' --text='a blurry photo' photo.jpg\n"
    "  qualiclip score --sort -r ~/Pictures | head -20        the twenty best\n"
    "  curl -s https://example.org/photo.jpg | qualiclip score -\n"
    "  qualiclip score --format=json *.jpg | jq -r 'select(.score < 0.3).path'\n";

/* An image on its way from its name to its line. */
struct record {
    const char *path;
    qc_picture *picture;
    qc_result result; /* status and message for every kind of failure */
};

static void set_error(struct record *record, const char *message)
{
    record->result.status = QC_ERROR_IO;
    snprintf(record->result.message, sizeof record->result.message, "%s", message);
}

static void read_record(struct record *record, const struct input *input)
{
    char message[QC_MESSAGE_SIZE];
    memset(record, 0, sizeof *record);
    record->path = input->path;
    if (input->error)
        set_error(record, input->error);
    else if (!(record->picture = picture_open(input->path, message)))
        set_error(record, message);
}

/* Scores those that could be read, and lets go of their pixels. */
static void score_records(struct workspace *workspace, struct record *records, size_t count)
{
    qc_image *images = reallocate(NULL, count, sizeof *images);
    qc_result *results = reallocate(NULL, count, sizeof *results);
    size_t readable = 0;
    for (size_t i = 0; i < count; i++)
        if (records[i].picture)
            images[readable++] = qc_picture_view(records[i].picture);
    workspace_score(workspace, images, readable, results);
    for (size_t i = 0, next = 0; i < count; i++) {
        if (records[i].picture)
            records[i].result = results[next++];
        qc_picture_free(records[i].picture);
        records[i].picture = NULL;
    }
    free(images);
    free(results);
}

static void print_text(const struct image_run *run, const struct record *record)
{
    if (record->result.status != QC_OK)
        return;
    printf("%.4f  %s", (double)record->result.score, record->path);
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
}

static cJSON *describe(const struct image_run *run, const struct record *record)
{
    const qc_result *result = &record->result;
    const float range[] = {result->score_minimum, result->score_maximum};
    cJSON *object = cJSON_CreateObject();
    json_add_text(object, "path", record->path);
    if (result->status != QC_OK) {
        json_add_text(object, "error", result->message);
        return object;
    }
    json_add_float(object, "score", result->score);
    json_add_floats(object, "pairs", result->pairs, result->pair_count);
    cJSON *names = cJSON_AddArrayToObject(object, "pair_names");
    for (uint32_t i = 0; i < result->pair_count; i++)
        json_append_text(names, qc_scorer_pair_name(run->workspace.prompts, i));
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

/* False if standard output takes no more. */
static bool print_record(struct image_run *run, const struct record *record)
{
    if (run->format == OUTPUT_JSON)
        return output_json_line(describe(run, record));
    if (run->format == OUTPUT_TEXT && record->result.status != QC_OK)
        return true; /* it is on standard error */
    output_begin_line();
    (run->format == OUTPUT_CSV ? print_csv : print_text)(run, record);
    return output_end_line();
}

static bool print_header(const struct image_run *run)
{
    if (run->format != OUTPUT_CSV)
        return true;
    output_begin_line();
    fputs("path,score,width,height,error,model,recipe", stdout);
    return output_end_line();
}

/* Reads and scores the next `count` inputs, and complains about those that fail. */
static void process(struct image_run *run, struct record *records, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        read_record(&records[i], &run->inputs.items[first + i]);
        progress_show(first + i);
    }
    score_records(&run->workspace, records, count);
    for (size_t i = 0; i < count; i++)
        if (records[i].result.status != QC_OK)
            image_run_failed(run, records[i].path, records[i].result.message);
}

/* Where an image comes among the sorted: its score, then its place on the command line. */
struct rank {
    float score; /* -1: failed */
    size_t index;
};

static int best_first(const void *left, const void *right)
{
    const struct rank *a = left, *b = right;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

static bool print_sorted(struct image_run *run, const struct record *records)
{
    size_t count = run->inputs.count;
    struct rank *ranks = reallocate(NULL, count, sizeof *ranks);
    for (size_t i = 0; i < count; i++)
        ranks[i] =
            (struct rank){records[i].result.status == QC_OK ? records[i].result.score : -1.0f, i};
    qsort(ranks, count, sizeof *ranks, best_first);
    bool written = true;
    for (size_t i = 0; i < count && written; i++)
        written = print_record(run, &records[ranks[i].index]);
    free(ranks);
    return written;
}

static bool score_all(struct image_run *run)
{
    size_t batch = run->workspace.batch, total = run->inputs.count;
    struct record *records = reallocate(NULL, run->sort ? total : batch, sizeof *records);
    bool written = print_header(run);
    for (size_t first = 0; first < total && written; first += batch) {
        size_t count = total - first < batch ? total - first : batch;
        struct record *part = run->sort ? records + first : records;
        process(run, part, first, count);
        for (size_t i = 0; i < count && written && !run->sort; i++)
            written = print_record(run, &part[i]);
        progress_show(first + count);
    }
    if (run->sort && written)
        written = print_sorted(run, records);
    free(records);
    return written;
}

int command_score(int argc, char **argv)
{
    static const struct image_command command = {"score", help, true};
    struct image_run run;
    if (!image_run_open(&run, &command, argc, argv))
        return run.status;
    if (!score_all(&run))
        run.status = COMMAND_FAILED;
    return image_run_close(&run);
}
