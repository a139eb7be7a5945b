/*
 * evaluation.c - chooses the labels, pairs scores with them, and measures group by group.
 */
#include "evaluation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"
#include "labels/join.h"

/* ------------------------------------------------------------------------------- which labels */

/* Splits that are no test of anything: shown to observers first, or not distorted. */
static bool is_set_aside(const char *split)
{
    return text_equal(split, "practice") || text_equal(split, "original");
}

static bool has_split(const struct labels *labels, const char *split)
{
    for (size_t row = 0; row < labels->table.rows; row++)
        if (text_equal(table_cell(&labels->table, row, labels->split), split))
            return true;
    return false;
}

static bool choose_labels(struct evaluation *evaluation, const char *split, char *message)
{
    const struct labels *labels = evaluation->labels;
    const bool all = split && text_equal(split, "all");
    const bool named = split && !all;
    if (named && (labels->split == TABLE_NO_COLUMN || !has_split(labels, split))) {
        snprintf(message, TABLE_MESSAGE_SIZE, "%.300s: has no split %.60s%s", labels->path, split,
                 labels->split == TABLE_NO_COLUMN ? ": it has no splits" : "");
        return false;
    }
    for (size_t row = 0; row < labels->table.rows; row++) {
        const char *own =
            labels->split == TABLE_NO_COLUMN ? "" : table_cell(&labels->table, row, labels->split);
        const bool aside = !split && is_set_aside(own);
        evaluation->used[row] = named ? text_equal(own, split) : !aside;
        evaluation->used_count += evaluation->used[row];
        evaluation->set_aside += aside;
        evaluation->without_opinion +=
            evaluation->used[row] && isnan(table_number(&labels->table, row, labels->opinion));
    }
    return true;
}

/* ------------------------------------------------------------------------------------- pairing */

static void count_pairing(const struct evaluation *evaluation, const struct scores *scores,
                          struct pairing *pairing)
{
    for (size_t row = 0; row < evaluation->labels->table.rows; row++) {
        const size_t partner = pairing->partner[row];
        const bool found = partner != JOIN_NOTHING && partner != JOIN_AMBIGUOUS;
        pairing->values[row] = found ? scores->values[partner] : NAN;
        if (found)
            pairing->taken[partner] = true;
        if (!evaluation->used[row])
            continue;
        pairing->with_score += found && !isnan(pairing->values[row]);
        pairing->failed += found && isnan(pairing->values[row]);
        pairing->without_score += partner == JOIN_NOTHING;
        pairing->ambiguous += partner == JOIN_AMBIGUOUS;
    }
    for (size_t i = 0; i < scores->count; i++)
        pairing->other_scores += !pairing->taken[i];
}

static void pair(const struct evaluation *evaluation, const struct scores *scores,
                 struct pairing *pairing)
{
    const struct table *table = &evaluation->labels->table;
    const char **names = reallocate(NULL, table->rows + 1, sizeof *names);
    for (size_t row = 0; row < table->rows; row++)
        names[row] = table_cell(table, row, evaluation->labels->name);
    pairing->values = reallocate(NULL, table->rows + 1, sizeof *pairing->values);
    pairing->partner = reallocate(NULL, table->rows + 1, sizeof *pairing->partner);
    pairing->taken = reallocate(NULL, scores->count + 1, sizeof *pairing->taken);
    memset(pairing->taken, 0, (scores->count + 1) * sizeof *pairing->taken);
    join_names(names, table->rows, scores->names, scores->count, pairing->partner);
    free(names);
    count_pairing(evaluation, scores, pairing);
}

/* -------------------------------------------------------------------------------------- groups */

struct group_key {
    const char *value;
    size_t row;
};

static int by_value(const void *left, const void *right)
{
    const struct group_key *a = left, *b = right;
    const int order = strcmp(a->value, b->value);
    return order ? order : (a->row > b->row) - (a->row < b->row);
}

static int by_row(const void *left, const void *right)
{
    const struct group_key *a = left, *b = right;
    return (a->row > b->row) - (a->row < b->row);
}

/* The distinct values of a column in the order in which they first occur; freed by the caller. */
static struct group_key *distinct(const struct evaluation *evaluation, size_t column, size_t *count)
{
    const struct table *table = &evaluation->labels->table;
    struct group_key *keys = reallocate(NULL, table->rows + 1, sizeof *keys);
    size_t all = 0;
    for (size_t row = 0; row < table->rows; row++)
        if (evaluation->used[row])
            keys[all++] = (struct group_key){table_cell(table, row, column), row};
    qsort(keys, all, sizeof *keys, by_value);
    *count = 0;
    for (size_t i = 0; i < all; i++)
        if (i == 0 || strcmp(keys[i].value, keys[i - 1].value) != 0)
            keys[(*count)++] = keys[i];
    qsort(keys, *count, sizeof *keys, by_row);
    return keys;
}

static bool add_groups(struct evaluation *evaluation, const char *name, char *message)
{
    const struct labels *labels = evaluation->labels;
    const size_t column = table_find(&labels->table, name);
    size_t count = 0;
    if (column == TABLE_NO_COLUMN) {
        size_t used = (size_t)snprintf(message, TABLE_MESSAGE_SIZE, "%.200s: has no column %.40s;",
                                       labels->path, name);
        for (size_t i = 0; i < labels->table.columns && used < TABLE_MESSAGE_SIZE - 50; i++)
            used += (size_t)snprintf(message + used, TABLE_MESSAGE_SIZE - used, "%s %.40s",
                                     i ? "," : " there are",
                                     labels->table.names ? labels->table.names[i] : "numbers");
        return false;
    }
    struct group_key *keys = distinct(evaluation, column, &count);
    const bool few = count <= evaluation_groups_max;
    if (few)
        evaluation->groups = reallocate(evaluation->groups, evaluation->group_count + count,
                                        sizeof *evaluation->groups);
    for (size_t i = 0; few && i < count; i++)
        evaluation->groups[evaluation->group_count++] =
            (struct group){.column = name, .value = keys[i].value, .place = column};
    free(keys);
    if (!few)
        snprintf(message, TABLE_MESSAGE_SIZE,
                 "%.250s: the column %.60s has %zu different values, too many for groups",
                 labels->path, name, count);
    return few;
}

/* ----------------------------------------------------------------------------------- measuring */

/* Scores and opinions of the images of a group that have both; larger is better in both. */
struct sample {
    size_t count;
    double *scores, *others, *opinions;
};

static bool is_member(const struct evaluation *evaluation, const struct group *group, size_t row)
{
    const struct table *table = &evaluation->labels->table;
    return evaluation->used[row] &&
           (!group->column || strcmp(table_cell(table, row, group->place), group->value) == 0);
}

/* `other`: a second model that must have a score too, or the same one. */
static void collect(const struct evaluation *evaluation, const struct group *group, size_t model,
                    size_t other, struct sample *sample)
{
    const struct labels *labels = evaluation->labels;
    const double *scores = evaluation->pairings[model].values;
    const double *others = evaluation->pairings[other].values;
    sample->count = 0;
    for (size_t row = 0; row < labels->table.rows; row++) {
        if (!is_member(evaluation, group, row) || isnan(scores[row]) || isnan(others[row]))
            continue;
        const double opinion = table_number(&labels->table, row, labels->opinion);
        if (isnan(opinion))
            continue;
        sample->scores[sample->count] = scores[row];
        sample->others[sample->count] = others[row];
        sample->opinions[sample->count++] = labels->lower_is_better ? -opinion : opinion;
    }
}

/* The curve in the labels' own direction. */
static void turn(struct logistic *curve)
{
    curve->b1 = -curve->b1;
    curve->b4 = -curve->b4;
    curve->b5 = -curve->b5;
}

static void measure(struct evaluation *evaluation, const struct bootstrap *bootstrap,
                    struct sample *sample)
{
    for (size_t i = 0; i < evaluation->group_count; i++) {
        struct group *group = &evaluation->groups[i];
        for (size_t row = 0; row < evaluation->labels->table.rows; row++)
            group->images += is_member(evaluation, group, row);
        for (size_t model = 0; model < evaluation->model_count; model++) {
            struct agreement *agreement = &group->agreements[model];
            collect(evaluation, group, model, model, sample);
            agreement_measure(sample->scores, sample->opinions, sample->count, bootstrap,
                              agreement);
            if (agreement->has_curve && evaluation->labels->lower_is_better)
                turn(&agreement->curve);
        }
    }
}

static void compare(struct evaluation *evaluation, const struct bootstrap *bootstrap,
                    struct sample *sample)
{
    const size_t models = evaluation->model_count;
    evaluation->comparisons =
        reallocate(NULL, models * models + 1, sizeof *evaluation->comparisons);
    for (size_t i = 0; i < models; i++)
        for (size_t j = i + 1; j < models; j++) {
            collect(evaluation, &evaluation->groups[0], i, j, sample);
            evaluation->comparisons[evaluation->comparison_count++] = (struct comparison){
                i, j, sample->count,
                agreement_difference(sample->scores, sample->others, sample->opinions,
                                     sample->count, bootstrap)};
        }
}

bool evaluate(struct evaluation *evaluation, const struct labels *labels,
              const struct scores *models, size_t model_count,
              const struct evaluation_request *request, char message[TABLE_MESSAGE_SIZE])
{
    const size_t rows = labels->table.rows;
    *evaluation = (struct evaluation){.labels = labels,
                                      .models = models,
                                      .model_count = model_count,
                                      .used = reallocate(NULL, rows + 1, sizeof(bool)),
                                      .groups = reallocate(NULL, 1, sizeof(struct group)),
                                      .group_count = 1};
    evaluation->groups[0] = (struct group){.column = NULL};
    bool good = choose_labels(evaluation, request->split, message);
    for (size_t i = 0; good && i < request->column_count; i++)
        good = add_groups(evaluation, request->columns[i], message);
    if (!good) {
        evaluation_free(evaluation);
        return false;
    }
    for (size_t i = 0; i < model_count; i++)
        pair(evaluation, &models[i], &evaluation->pairings[i]);
    double *numbers = reallocate(NULL, 3 * rows + 1, sizeof *numbers);
    struct sample sample = {0, numbers, numbers + rows, numbers + 2 * rows};
    measure(evaluation, &request->bootstrap, &sample);
    compare(evaluation, &request->bootstrap, &sample);
    free(numbers);
    return true;
}

void evaluation_free(struct evaluation *evaluation)
{
    for (size_t i = 0; i < evaluation->model_count; i++) {
        free(evaluation->pairings[i].values);
        free(evaluation->pairings[i].partner);
        free(evaluation->pairings[i].taken);
    }
    free(evaluation->used);
    free(evaluation->groups);
    free(evaluation->comparisons);
    memset(evaluation, 0, sizeof *evaluation);
}
