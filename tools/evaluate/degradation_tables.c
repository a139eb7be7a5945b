/*
 * degradation_tables.c - the tables of `eval --degradations` as text, CSV and JSON.
 */
#include "degradation_tables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "page.h"

/* ---------------------------------------------------------------------------------------- text */

enum { label_width = 46 };

/* A row: what it is, the models' numbers, and the second's less the first's. */
static bool print_row(const struct judgement *judgement, const char *label, const double *values,
                      int digits)
{
    const struct judged_models *models = judgement->models;
    output_begin_line();
    printf("%-*s", label_width, label);
    for (size_t i = 0; i < models->count; i++) {
        const int width = (int)strlen(models->items[i].name) + 2;
        printf("%*.*f", width > 9 ? width : 9, digits, values[i]);
    }
    if (models->count == 2)
        printf("%+13.*f", digits, without_sign_of_nothing(values[1] - values[0], digits));
    return output_end_line();
}

static bool print_head(const struct judgement *judgement, const char *label)
{
    const struct judged_models *models = judgement->models;
    output_begin_line();
    printf("\n%-*s", label_width, label);
    for (size_t i = 0; i < models->count; i++)
        printf("%*s",
               strlen(models->items[i].name) > 7 ? (int)strlen(models->items[i].name) + 2 : 9,
               models->items[i].name);
    if (models->count == 2)
        printf("%13s", "difference");
    return output_end_line();
}

/* The number at `field` bytes into each model's summary. */
static bool print_field(const struct judgement *judgement, const char *label, size_t field)
{
    double values[judged_models_max];
    for (size_t i = 0; i < judgement->models->count; i++)
        memcpy(&values[i], (const char *)&judgement->summaries[i] + field, sizeof *values);
    return print_row(judgement, label, values, 3);
}

#define PRINT_FIELD(judgement, label, member)                                                      \
    print_field(judgement, label, offsetof(struct trial_summary, member))

static bool print_types(const struct judgement *judgement)
{
    for (size_t group = 0; group < degradation_group_count; group++) {
        for (size_t type = 0; type < degradation_count; type++) {
            const struct degradation_kind *kind = &degradation_kinds[type];
            if (!judgement->trial->tried[type] || kind->group != (enum degradation_group)group)
                continue;
            char label[label_width + 1];
            snprintf(label, sizeof label, "  %s", kind->title);
            if (!print_field(judgement, label,
                             offsetof(struct trial_summary, types) +
                                 type * sizeof(struct within_image) +
                                 offsetof(struct within_image, levels)))
                return false;
        }
    }
    return true;
}

static bool print_weakest(const struct judgement *judgement)
{
    enum { shown = 3 };
    const size_t types = degradation_trial_types(judgement->trial);
    for (size_t i = 0; i < judgement->models->count; i++) {
        const struct trial_summary *summary = &judgement->summaries[i];
        output_begin_line();
        printf("  weakest of %s:", judgement->models->items[i].name);
        for (size_t j = 0; j < shown && j < types; j++) {
            const enum degradation type = summary->by_weakness[j];
            printf("%s %s %.3f", j ? "," : "", degradation_kinds[type].title,
                   summary->types[type].levels);
        }
        if (!output_end_line())
            return false;
    }
    return true;
}

static bool print_distribution(const struct judgement *judgement)
{
    return print_head(judgement, "Scores") &&
           PRINT_FIELD(judgement, "  pristine photos: lower quartile", pristine.lower) &&
           PRINT_FIELD(judgement, "    median", pristine.median) &&
           PRINT_FIELD(judgement, "    upper quartile", pristine.upper) &&
           PRINT_FIELD(judgement, "    share above 0.7", pristine.share) &&
           PRINT_FIELD(judgement, "  of level 5: lower quartile", worst.lower) &&
           PRINT_FIELD(judgement, "    median", worst.median) &&
           PRINT_FIELD(judgement, "    upper quartile", worst.upper) &&
           PRINT_FIELD(judgement, "    share below 0.3", worst.share);
}

/* What figure 1 draws. */
static bool print_curves(const struct judgement *judgement, size_t model)
{
    const struct trial_summary *summary = &judgement->summaries[model];
    char label[label_width + 1];
    snprintf(label, sizeof label, "Mean score at intensity, %.20s",
             judgement->models->items[model].name);
    output_begin_line();
    printf("\n%-*s", label_width, label);
    for (size_t i = 0; i < trial_steps; i++)
        printf("%9.1f", (double)i / degradation_levels);
    if (!output_end_line())
        return false;
    for (size_t group = 0; group < degradation_group_count; group++) {
        if (isnan(summary->curves[group][0]))
            continue;
        output_begin_line();
        snprintf(label, sizeof label, "  %s", degradation_group_titles[group]);
        printf("%-*s", label_width, label);
        for (size_t i = 0; i < trial_steps; i++)
            printf("%9.3f", summary->curves[group][i]);
        if (!output_end_line())
            return false;
    }
    return true;
}

static bool print_text(const struct judgement *judgement)
{
    const struct degradation_trial *trial = judgement->trial;
    const size_t photos = degradation_trial_scored(trial);
    output_begin_line();
    printf("%zu photo%s of %u x %u, %zu types of degradation, seed %llu: %zu images a model",
           photos, photos == 1 ? "" : "s", (unsigned)judgement->setup->side,
           (unsigned)judgement->setup->side, degradation_trial_types(trial),
           (unsigned long long)judgement->setup->seed, degradation_trial_images(trial, photos));
    if (!output_end_line())
        return false;
    for (size_t i = 0; i < judgement->models->count; i++) {
        const struct judged_model *model = &judgement->models->items[i];
        output_begin_line();
        printf("%s: %s", model->name, model->info.hash);
        if (!output_end_line())
            return false;
    }
    return print_head(judgement, "Rank correlation within an image") && print_types(judgement) &&
           PRINT_FIELD(judgement, "mean of the types", mean.levels) &&
           PRINT_FIELD(judgement, "  without linear contrast", mean_but_linear.levels) &&
           PRINT_FIELD(judgement, "  with the pristine photo as level 0", mean.pristine) &&
           PRINT_FIELD(judgement, "  by the level's number, whatever its sign", mean.as_counted) &&
           print_weakest(judgement) && print_head(judgement, "Rank correlation across images") &&
           PRINT_FIELD(judgement, "all photos, types and levels", across) &&
           PRINT_FIELD(judgement, "  with the pristine photos as level 0", across_pristine) &&
           print_distribution(judgement) && print_curves(judgement, 0) &&
           (judgement->models->count < 2 || print_curves(judgement, 1));
}

/* ----------------------------------------------------------------------------------------- CSV */

static void csv_number(double value)
{
    if (isnan(value))
        putchar(',');
    else
        printf(",%.6f", value);
}

/* A line for each model and type, and one for the mean over these. */
static bool print_csv(const struct judgement *judgement)
{
    output_begin_line();
    fputs("model,type,group,within_image,with_pristine,by_number,level_0,level_1,level_2,level_3,"
          "level_4,level_5",
          stdout);
    if (!output_end_line())
        return false;
    for (size_t i = 0; i < judgement->models->count; i++) {
        const struct trial_summary *summary = &judgement->summaries[i];
        for (size_t type = 0; type < degradation_count; type++) {
            const struct within_image *within = &summary->types[type];
            const struct degradation_kind *kind = &degradation_kinds[type];
            if (!judgement->trial->tried[type])
                continue;
            output_begin_line();
            output_csv_text(judgement->models->items[i].name);
            printf(",%s,", kind->name);
            output_csv_text(degradation_group_titles[kind->group]);
            csv_number(within->levels);
            csv_number(within->pristine);
            csv_number(within->as_counted);
            for (size_t step = 0; step < trial_steps; step++)
                csv_number(summary->step_means[type][step]);
            if (!output_end_line())
                return false;
        }
    }
    return true;
}

/* ---------------------------------------------------------------------------------------- JSON */

static void json_number(cJSON *object, const char *name, double value)
{
    if (isfinite(value))
        json_add_measurement(object, name, value);
    else
        cJSON_AddNullToObject(object, name);
}

static void json_within(cJSON *object, const struct within_image *within)
{
    json_number(object, "within_image", within->levels);
    json_number(object, "with_pristine", within->pristine);
    json_number(object, "by_number", within->as_counted);
}

static void json_steps(cJSON *object, const char *name, const double *steps)
{
    cJSON *array = cJSON_AddArrayToObject(object, name);
    for (size_t i = 0; i < trial_steps; i++) {
        char digits[32];
        snprintf(digits, sizeof digits, isfinite(steps[i]) ? "%.6g" : "null", steps[i]);
        cJSON_AddItemToArray(array, cJSON_CreateRaw(digits));
    }
}

static void json_distribution(cJSON *object, const char *name, const struct distribution *numbers,
                              const char *share)
{
    cJSON *inner = cJSON_AddObjectToObject(object, name);
    json_add_measurement(inner, "count", (double)numbers->count);
    json_number(inner, "least", numbers->least);
    json_number(inner, "lower_quartile", numbers->lower);
    json_number(inner, "median", numbers->median);
    json_number(inner, "upper_quartile", numbers->upper);
    json_number(inner, "most", numbers->most);
    json_number(inner, share, numbers->share);
}

static cJSON *json_model(const struct judgement *judgement, size_t index)
{
    const struct judged_model *model = &judgement->models->items[index];
    const struct trial_summary *summary = &judgement->summaries[index];
    const struct degradation_trial *trial = judgement->trial;
    cJSON *object = cJSON_CreateObject();
    json_add_text(object, "name", model->name);
    json_add_text(object, "model", model->info.hash);
    json_add_measurement(object, "photos", (double)degradation_trial_scored(trial));
    json_add_measurement(object, "size", judgement->setup->side);
    cJSON_AddNumberToObject(object, "seed", (double)judgement->setup->seed);
    json_add_measurement(object, "types", (double)degradation_trial_types(trial));
    json_within(object, &summary->mean);
    json_number(object, "within_image_but_linear_contrast", summary->mean_but_linear.levels);
    json_number(object, "across", summary->across);
    json_number(object, "across_with_pristine", summary->across_pristine);
    json_distribution(object, "pristine", &summary->pristine, "share_above_0.7");
    json_distribution(object, "level_5", &summary->worst, "share_below_0.3");
    cJSON *types = cJSON_AddObjectToObject(object, "by_type");
    for (size_t type = 0; type < degradation_count; type++) {
        if (!trial->tried[type])
            continue;
        cJSON *inner = cJSON_AddObjectToObject(types, degradation_kinds[type].name);
        json_within(inner, &summary->types[type]);
        json_steps(inner, "mean_scores", summary->step_means[type]);
    }
    cJSON *groups = cJSON_AddObjectToObject(object, "by_group");
    for (size_t group = 0; group < degradation_group_count; group++)
        json_steps(groups, degradation_group_titles[group], summary->curves[group]);
    return object;
}

bool print_judgement(const struct judgement *judgement, enum output_format format)
{
    switch (format) {
    case OUTPUT_CSV: return print_csv(judgement);
    case OUTPUT_JSON:
        for (size_t i = 0; i < judgement->models->count; i++)
            if (!output_json_line(json_model(judgement, i)))
                return false;
        return true;
    default: return print_text(judgement);
    }
}
