/*
 * degradation_summary.c - rank correlations, means and quartiles of a trial's scores.
 */
#include "degradation_summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "correlation.h"
#include "quantile.h"
#include "../memory.h"

/* ------------------------------------------------------------------------------ within an image */

/* How well `count` steps are ranked; 0 where the scores make no difference, NaN where any lacks. */
static double rank_series(const double *badness, const double *scores, size_t count)
{
    double faults[trial_steps];
    bool equal = true;
    for (size_t i = 0; i < count; i++) {
        if (isnan(scores[i]))
            return NAN;
        faults[i] = -scores[i];
        equal = equal && scores[i] == scores[0];
    }
    return equal ? 0.0 : spearman(badness, faults, count);
}

/* A mean of the numbers that are there. */
struct mean {
    double sum;
    size_t count;
};

static void mean_add(struct mean *mean, double value)
{
    if (isnan(value))
        return;
    mean->sum += value;
    mean->count++;
}

static double mean_value(const struct mean *mean)
{
    return mean->count ? mean->sum / (double)mean->count : NAN;
}

static struct within_image rank_type(const struct degradation_trial *trial, size_t model,
                                     enum degradation type)
{
    static const double numbers[trial_steps] = {0, 1, 2, 3, 4, 5};
    double badness[trial_steps] = {0}, scores[trial_steps];
    struct mean levels = {0}, pristine = {0}, as_counted = {0};
    memcpy(badness + 1, degradation_kinds[type].badness, degradation_levels * sizeof *badness);
    for (size_t photo = 0; photo < trial->photos; photo++) {
        for (size_t step = 0; step < trial_steps; step++)
            scores[step] = degradation_trial_score(trial, model, photo, type, step);
        mean_add(&levels, rank_series(badness + 1, scores + 1, degradation_levels));
        mean_add(&pristine, rank_series(badness, scores, trial_steps));
        mean_add(&as_counted, rank_series(numbers + 1, scores + 1, degradation_levels));
    }
    return (struct within_image){mean_value(&levels), mean_value(&pristine),
                                 mean_value(&as_counted)};
}

static struct within_image mean_of_types(const struct within_image *types, bool with_linear)
{
    struct mean levels = {0}, pristine = {0}, as_counted = {0};
    for (size_t i = 0; i < degradation_count; i++) {
        if (i == DEGRADE_LINEAR_CONTRAST && !with_linear)
            continue;
        mean_add(&levels, types[i].levels);
        mean_add(&pristine, types[i].pristine);
        mean_add(&as_counted, types[i].as_counted);
    }
    return (struct within_image){mean_value(&levels), mean_value(&pristine),
                                 mean_value(&as_counted)};
}

/* Tried types first, by ascending correlation; a stable sort of few. */
static void sort_by_weakness(struct trial_summary *summary)
{
    for (size_t i = 0; i < degradation_count; i++) {
        const double key = summary->types[i].levels;
        size_t place = i;
        for (; place > 0 && !isnan(key); place--) {
            const double before = summary->types[summary->by_weakness[place - 1]].levels;
            if (before <= key)
                break;
            summary->by_weakness[place] = summary->by_weakness[place - 1];
        }
        summary->by_weakness[place] = (enum degradation)i;
    }
}

/* ------------------------------------------------------------------------------- across images */

/* Numbers of unknown count. */
struct numbers {
    double *values;
    size_t count;
};

static void collect(struct numbers *numbers, double value)
{
    if (!isnan(value))
        numbers->values[numbers->count++] = value;
}

static void rank_across(struct trial_summary *summary, const struct degradation_trial *trial,
                        size_t model)
{
    const size_t room = degradation_trial_images(trial, trial->photos);
    double *badness = reallocate(NULL, room, sizeof *badness);
    double *faults = reallocate(NULL, room, sizeof *faults);
    size_t count = 0;
    for (size_t type = 0; type < degradation_count; type++) {
        for (size_t i = 0; trial->tried[type] && i < trial->photos * degradation_levels; i++) {
            const size_t level = i % degradation_levels;
            const double score = degradation_trial_score(trial, model, i / degradation_levels,
                                                         (enum degradation)type, level + 1);
            if (isnan(score))
                continue;
            badness[count] = degradation_kinds[type].badness[level];
            faults[count++] = -score;
        }
    }
    summary->across = spearman(badness, faults, count);
    for (size_t photo = 0; photo < trial->photos; photo++) {
        const double score = degradation_trial_score(trial, model, photo, DEGRADE_GAUSSIAN_BLUR, 0);
        if (isnan(score))
            continue;
        badness[count] = 0;
        faults[count++] = -score;
    }
    summary->across_pristine = spearman(badness, faults, count);
    free(badness);
    free(faults);
}

/* --------------------------------------------------------------------------------- distribution */

/* Sorts the numbers. */
static struct distribution describe(struct numbers *numbers, double above, double below)
{
    const double *sorted = numbers->values;
    const size_t count = numbers->count;
    if (count == 0)
        return (struct distribution){0, NAN, NAN, NAN, NAN, NAN, NAN};
    sort_numbers(numbers->values, count);
    size_t inside = 0;
    for (size_t i = 0; i < count; i++)
        inside += sorted[i] > above && sorted[i] < below;
    return (struct distribution){count,
                                 sorted[0],
                                 quantile(sorted, count, 0.25),
                                 quantile(sorted, count, 0.5),
                                 quantile(sorted, count, 0.75),
                                 sorted[count - 1],
                                 (double)inside / (double)count};
}

static void find_distributions(struct trial_summary *summary, const struct degradation_trial *trial,
                               size_t model)
{
    struct numbers numbers = {reallocate(NULL, trial->photos * degradation_count, sizeof(double)),
                              0};
    for (size_t photo = 0; photo < trial->photos; photo++)
        collect(&numbers, degradation_trial_score(trial, model, photo, DEGRADE_GAUSSIAN_BLUR, 0));
    summary->pristine = describe(&numbers, SCORE_OF_PRISTINE, INFINITY);
    numbers.count = 0;
    for (size_t photo = 0; photo < trial->photos; photo++)
        for (size_t type = 0; type < degradation_count; type++)
            collect(&numbers, degradation_trial_score(trial, model, photo, (enum degradation)type,
                                                      degradation_levels));
    summary->worst = describe(&numbers, -INFINITY, SCORE_OF_WORST);
    free(numbers.values);
}

/* ---------------------------------------------------------------------------------- the curves */

double score_at_intensity(const double *step_means, enum degradation type, double intensity)
{
    const double *levels = degradation_kinds[type].badness;
    /* The nearest steps on both sides, and the means over those that are equally bad. */
    double below = -1, above = INFINITY;
    struct mean low = {0}, high = {0};
    for (size_t step = 0; step < trial_steps; step++) {
        const double badness = step ? levels[step - 1] : 0.0;
        if (badness <= intensity && badness >= below) {
            if (badness > below)
                low = (struct mean){0};
            below = badness;
            mean_add(&low, step_means[step]);
        }
        if (badness >= intensity && badness <= above) {
            if (badness < above)
                high = (struct mean){0};
            above = badness;
            mean_add(&high, step_means[step]);
        }
    }
    if (above <= below || above == INFINITY)
        return mean_value(&low);
    const double part = (intensity - below) / (above - below);
    return (1 - part) * mean_value(&low) + part * mean_value(&high);
}

static void find_curves(struct trial_summary *summary, const struct degradation_trial *trial,
                        size_t model)
{
    struct mean curves[degradation_group_count][trial_steps];
    memset(curves, 0, sizeof curves);
    for (size_t type = 0; type < degradation_count; type++) {
        double *means = summary->step_means[type];
        for (size_t step = 0; step < trial_steps; step++) {
            struct mean mean = {0};
            for (size_t photo = 0; trial->tried[type] && photo < trial->photos; photo++)
                mean_add(&mean, degradation_trial_score(trial, model, photo, (enum degradation)type,
                                                        step));
            means[step] = mean_value(&mean);
        }
        for (size_t i = 0; i < trial_steps; i++)
            mean_add(&curves[degradation_kinds[type].group][i],
                     score_at_intensity(means, (enum degradation)type, (double)i));
    }
    for (size_t group = 0; group < degradation_group_count; group++)
        for (size_t i = 0; i < trial_steps; i++)
            summary->curves[group][i] = mean_value(&curves[group][i]);
}

void summarize_trial(struct trial_summary *summary, const struct degradation_trial *trial,
                     size_t model)
{
    static const struct within_image none = {NAN, NAN, NAN};
    for (size_t type = 0; type < degradation_count; type++)
        summary->types[type] =
            trial->tried[type] ? rank_type(trial, model, (enum degradation)type) : none;
    summary->mean = mean_of_types(summary->types, true);
    summary->mean_but_linear = mean_of_types(summary->types, false);
    sort_by_weakness(summary);
    rank_across(summary, trial, model);
    find_distributions(summary, trial, model);
    find_curves(summary, trial, model);
}
