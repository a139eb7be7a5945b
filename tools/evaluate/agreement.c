/*
 * agreement.c - the measures of all pairs, and of those that the bootstrap draws.
 */
#include "agreement.h"

#include <math.h>

#include "correlation.h"
#include "resampling.h"

struct measuring {
    struct pairs pairs;
    const struct logistic *curve; /* of all pairs; NULL: there is none */
};

static void measure_draw(const void *context, const uint32_t *times, double *numbers)
{
    const struct measuring *measuring = context;
    const struct pairs *pairs = &measuring->pairs;
    struct logistic curve = {.plcc = NAN, .rmse = NAN};
    if (measuring->curve &&
        !logistic_fit(pairs->x, pairs->y, times, pairs->count, measuring->curve, &curve))
        curve.plcc = curve.rmse = NAN;
    numbers[MEASURE_SRCC] = pairs_spearman(pairs, times);
    numbers[MEASURE_KRCC] = pairs_kendall(pairs, times);
    numbers[MEASURE_PLCC] = curve.plcc;
    numbers[MEASURE_RMSE] = curve.rmse;
}

static const char *explain(const struct measuring *measuring, bool has_curve)
{
    const struct pairs *pairs = &measuring->pairs;
    if (pairs->count < 2)
        return "there are fewer than two images with a score and an opinion";
    if (pairs->x_levels < 2)
        return "all scores are equal";
    if (pairs->y_levels < 2)
        return "all opinions are equal";
    return has_curve          ? NULL
           : pairs->count < 6 ? "fewer than six images cannot determine the logistic curve"
                              : "numbers so large or so near each other leave no logistic curve";
}

void agreement_measure(const double *scores, const double *opinions, size_t count,
                       const struct bootstrap *bootstrap, struct agreement *agreement)
{
    struct measuring measuring = {.curve = NULL};
    struct interval *measures = agreement->measures;
    pairs_prepare(&measuring.pairs, scores, opinions, count);
    agreement->count = count;
    agreement->has_curve = logistic_fit(scores, opinions, NULL, count, NULL, &agreement->curve);
    agreement->problem = explain(&measuring, agreement->has_curve);
    measures[MEASURE_SRCC].value = count < 2 ? NAN : pairs_spearman(&measuring.pairs, NULL);
    measures[MEASURE_KRCC].value = count < 2 ? NAN : pairs_kendall(&measuring.pairs, NULL);
    measures[MEASURE_PLCC].value = agreement->has_curve ? agreement->curve.plcc : NAN;
    measures[MEASURE_RMSE].value = agreement->has_curve ? agreement->curve.rmse : NAN;
    if (agreement->has_curve)
        measuring.curve = &agreement->curve;
    resample(bootstrap, count, measure_draw, &measuring, measures, measure_count);
    pairs_free(&measuring.pairs);
}

struct two_models {
    struct pairs pairs, others;
};

static void compare_draw(const void *context, const uint32_t *times, double *numbers)
{
    const struct two_models *models = context;
    *numbers = pairs_spearman(&models->pairs, times) - pairs_spearman(&models->others, times);
}

struct interval agreement_difference(const double *scores, const double *others,
                                     const double *opinions, size_t count,
                                     const struct bootstrap *bootstrap)
{
    struct interval difference = {NAN, NAN, NAN};
    if (count < 2)
        return difference;
    struct two_models models;
    pairs_prepare(&models.pairs, scores, opinions, count);
    pairs_prepare(&models.others, others, opinions, count);
    difference.value = pairs_spearman(&models.pairs, NULL) - pairs_spearman(&models.others, NULL);
    resample(bootstrap, count, compare_draw, &models, &difference, 1);
    pairs_free(&models.pairs);
    pairs_free(&models.others);
    return difference;
}
