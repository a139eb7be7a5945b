/*
 * evaluation_output.c - lines of text, CSV and JSON: one for each group and model.
 */
#include "evaluation_output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../diagnostics.h"
#include "labels/join.h"

static const char *const measure_names[measure_count] = {"srcc", "krcc", "plcc", "rmse"};

static const char *opinion_name(const struct labels *labels)
{
    return labels->table.names ? labels->table.names[labels->opinion] : "opinion";
}

/* ---------------------------------------------------------------------------------------- text */

/* Four significant places beside what RMSE is of, which may be 0 to 1 or 0 to 100. */
static void print_interval(const struct interval *interval)
{
    char text[64];
    int width = 0;
    if (isnan(interval->value))
        width = snprintf(text, sizeof text, "-");
    else if (isnan(interval->low))
        width = snprintf(text, sizeof text, "%.4f", interval->value);
    else
        width = snprintf(text, sizeof text, "%.4f [%.4f, %.4f]", interval->value, interval->low,
                         interval->high);
    printf("%s%*s", text, width < 26 ? 26 - width : 2, "");
}

static bool print_labels(const struct evaluation *evaluation)
{
    const struct labels *labels = evaluation->labels;
    output_begin_line();
    if (labels->dataset)
        printf("%s: ", labels->dataset);
    printf("%zu images of %s, ", evaluation->used_count, printable(labels->path).text);
    printf("opinion %s, %s is better", printable(opinion_name(labels)).text,
           labels->lower_is_better ? "lower" : "higher");
    if (labels->lower_is_better)
        fputs(" (its sign is turned before it is compared)", stdout);
    if (evaluation->set_aside)
        printf("; %zu more, practice or undistorted, are left out", evaluation->set_aside);
    if (evaluation->without_opinion)
        printf("; %zu have no opinion", evaluation->without_opinion);
    return output_end_line();
}

static bool print_pairing(const struct evaluation *evaluation, size_t model)
{
    const struct pairing *pairing = &evaluation->pairings[model];
    const struct {
        size_t count;
        const char *what;
    } losses[] = {{pairing->failed, "could not be scored"},
                  {pairing->without_score, "have no score"},
                  {pairing->ambiguous, "have a name that is not theirs alone"}};
    output_begin_line();
    printf("%s: %zu images have a score", printable(evaluation->models[model].title).text,
           pairing->with_score);
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++)
        if (losses[i].count)
            printf(", %zu %s", losses[i].count, losses[i].what);
    if (pairing->other_scores)
        printf("; scores of other images: %zu", pairing->other_scores);
    return output_end_line();
}

static bool print_heading(void)
{
    output_begin_line();
    printf("\n%7s  %-26s%-26s%-26s%-26s%s", "images", "SRCC", "KRCC", "PLCC", "RMSE", "model");
    return output_end_line();
}

static bool print_group(const struct evaluation *evaluation, const struct group *group,
                        size_t model)
{
    const struct agreement *agreement = &group->agreements[model];
    output_begin_line();
    printf("%7zu  ", agreement->count);
    for (int i = 0; i < measure_count; i++)
        print_interval(&agreement->measures[i]);
    fputs(printable(evaluation->models[model].title).text, stdout);
    if (group->column) {
        printf("  %s: ", printable(group->column).text);
        fputs(*group->value ? printable(group->value).text : "(empty)", stdout);
    }
    if (agreement->problem)
        printf("  (%s)", agreement->problem);
    return output_end_line();
}

static bool print_comparison(const struct evaluation *evaluation,
                             const struct comparison *comparison)
{
    const struct interval *difference = &comparison->difference;
    output_begin_line();
    printf("%sSRCC of %s", comparison == evaluation->comparisons ? "\n" : "",
           printable(evaluation->models[comparison->model].title).text);
    printf(" less that of %s, over %zu images: ",
           printable(evaluation->models[comparison->other].title).text, comparison->count);
    if (isnan(difference->value))
        fputs("there is none", stdout);
    else
        printf("%+.4f", difference->value);
    if (!isnan(difference->low))
        printf(" [%+.4f, %+.4f], %s", difference->low, difference->high,
               difference->low > 0 || difference->high < 0 ? "which is more than chance gives"
                                                           : "which chance may have given");
    return output_end_line();
}

static bool print_text(const struct evaluation *evaluation)
{
    bool written = print_labels(evaluation);
    for (size_t i = 0; written && i < evaluation->model_count; i++)
        written = print_pairing(evaluation, i);
    written = written && print_heading();
    for (size_t i = 0; i < evaluation->group_count; i++)
        for (size_t model = 0; written && model < evaluation->model_count; model++)
            written = print_group(evaluation, &evaluation->groups[i], model);
    for (size_t i = 0; written && i < evaluation->comparison_count; i++)
        written = print_comparison(evaluation, &evaluation->comparisons[i]);
    return written;
}

/* ----------------------------------------------------------------------------------------- CSV */

static void print_number(double value)
{
    putchar(',');
    if (!isnan(value))
        printf("%.9g", value);
}

static void print_csv_interval(const struct interval *interval)
{
    print_number(interval->value);
    print_number(interval->low);
    print_number(interval->high);
}

/* A row about a model, or with `other` about the difference of two. */
static void begin_row(const struct evaluation *evaluation, size_t model, const char *other,
                      const struct group *group, size_t images)
{
    output_begin_line();
    output_csv_text(evaluation->models[model].title);
    putchar(',');
    output_csv_text(other);
    putchar(',');
    output_csv_text(group && group->column ? group->column : "");
    putchar(',');
    output_csv_text(group && group->column ? group->value : "");
    printf(",%zu", images);
}

static bool print_csv(const struct evaluation *evaluation)
{
    output_begin_line();
    fputs("model,less,column,group,images", stdout);
    for (int i = 0; i < measure_count; i++)
        printf(",%s,%s_low,%s_high", measure_names[i], measure_names[i], measure_names[i]);
    bool written = output_end_line();
    for (size_t i = 0; i < evaluation->group_count; i++)
        for (size_t model = 0; written && model < evaluation->model_count; model++) {
            const struct agreement *agreement = &evaluation->groups[i].agreements[model];
            begin_row(evaluation, model, "", &evaluation->groups[i], agreement->count);
            for (int j = 0; j < measure_count; j++)
                print_csv_interval(&agreement->measures[j]);
            written = output_end_line();
        }
    for (size_t i = 0; written && i < evaluation->comparison_count; i++) {
        const struct comparison *comparison = &evaluation->comparisons[i];
        begin_row(evaluation, comparison->model, evaluation->models[comparison->other].title, NULL,
                  comparison->count);
        print_csv_interval(&comparison->difference);
        fputs(",,,,,,,,,", stdout);
        written = output_end_line();
    }
    return written;
}

/* ---------------------------------------------------------------------------------------- JSON */

static void add_number(cJSON *object, const char *name, double value)
{
    char digits[40];
    snprintf(digits, sizeof digits, "%.12g", value);
    if (isfinite(value))
        cJSON_AddRawToObject(object, name, digits);
    else
        cJSON_AddNullToObject(object, name);
}

static void add_interval(cJSON *object, const char *name, const struct interval *interval)
{
    cJSON *member = cJSON_AddObjectToObject(object, name);
    add_number(member, "value", interval->value);
    add_number(member, "low", interval->low);
    add_number(member, "high", interval->high);
}

static void add_curve(cJSON *object, const struct logistic *curve)
{
    const double parameters[] = {curve->b1, curve->b2, curve->b3, curve->b4, curve->b5};
    char digits[40];
    cJSON *array = cJSON_AddArrayToObject(object, "logistic");
    for (int i = 0; i < 5; i++) {
        snprintf(digits, sizeof digits, "%.17g", parameters[i]);
        cJSON_AddItemToArray(array, isfinite(parameters[i]) ? cJSON_CreateRaw(digits)
                                                            : cJSON_CreateNull());
    }
}

static void add_pairing(cJSON *object, const struct pairing *pairing)
{
    cJSON_AddNumberToObject(object, "with_score", (double)pairing->with_score);
    cJSON_AddNumberToObject(object, "failed", (double)pairing->failed);
    cJSON_AddNumberToObject(object, "without_score", (double)pairing->without_score);
    cJSON_AddNumberToObject(object, "ambiguous", (double)pairing->ambiguous);
    cJSON_AddNumberToObject(object, "other_scores", (double)pairing->other_scores);
}

static bool print_json_group(const struct evaluation *evaluation, const struct group *group,
                             size_t model)
{
    const struct labels *labels = evaluation->labels;
    const struct agreement *agreement = &group->agreements[model];
    cJSON *object = cJSON_CreateObject();
    json_add_text(object, "model", evaluation->models[model].title);
    json_add_text(object, "labels", labels->path);
    if (labels->dataset)
        json_add_text(object, "dataset", labels->dataset);
    json_add_text(object, "opinion", opinion_name(labels));
    cJSON_AddBoolToObject(object, "lower_is_better", labels->lower_is_better);
    if (group->column) {
        json_add_text(object, "column", group->column);
        json_add_text(object, "group", group->value);
    } else {
        add_pairing(object, &evaluation->pairings[model]);
    }
    cJSON_AddNumberToObject(object, "images", (double)agreement->count);
    for (int i = 0; i < measure_count; i++)
        add_interval(object, measure_names[i], &agreement->measures[i]);
    if (agreement->has_curve)
        add_curve(object, &agreement->curve);
    if (agreement->problem)
        json_add_text(object, "problem", agreement->problem);
    return output_json_line(object);
}

static bool print_json(const struct evaluation *evaluation)
{
    bool written = true;
    for (size_t i = 0; i < evaluation->group_count; i++)
        for (size_t model = 0; written && model < evaluation->model_count; model++)
            written = print_json_group(evaluation, &evaluation->groups[i], model);
    for (size_t i = 0; written && i < evaluation->comparison_count; i++) {
        const struct comparison *comparison = &evaluation->comparisons[i];
        cJSON *object = cJSON_CreateObject();
        json_add_text(object, "model", evaluation->models[comparison->model].title);
        json_add_text(object, "less", evaluation->models[comparison->other].title);
        cJSON_AddNumberToObject(object, "images", (double)comparison->count);
        add_interval(object, "srcc", &comparison->difference);
        written = output_json_line(object);
    }
    return written;
}

bool evaluation_print(const struct evaluation *evaluation, enum output_format format)
{
    switch (format) {
    case OUTPUT_JSON: return print_json(evaluation);
    case OUTPUT_CSV: return print_csv(evaluation);
    default: return print_text(evaluation);
    }
}

/* --------------------------------------------------------------------------------------- names */

void evaluation_complain_of_names(const struct evaluation *evaluation)
{
    const struct labels *labels = evaluation->labels;
    for (size_t model = 0; model < evaluation->model_count; model++) {
        const struct pairing *pairing = &evaluation->pairings[model];
        const struct scores *scores = &evaluation->models[model];
        for (size_t row = 0; row < labels->table.rows; row++) {
            const size_t partner = pairing->partner[row];
            if (!evaluation->used[row] || (partner != JOIN_NOTHING && partner != JOIN_AMBIGUOUS))
                continue;
            complain("%s: %s %s", printable(scores->title).text,
                     partner == JOIN_NOTHING ? "has no score of"
                                             : "which score is meant is not "
                                               "clear of",
                     printable(table_cell(&labels->table, row, labels->name)).text);
        }
        for (size_t i = 0; i < scores->count; i++)
            if (!pairing->taken[i])
                complain("%s: there is no opinion of %s", printable(scores->title).text,
                         printable(scores->names[i]).text);
    }
}
