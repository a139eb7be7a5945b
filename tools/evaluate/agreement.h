/*
 * agreement.h - how well a model's scores agree with people's opinions: the four usual measures,
 * each with its bootstrap interval, and whether one model agrees better than another.
 *
 * Scores and opinions are numbers in two lists, larger being better in both; none may be NaN or
 * infinite.  Knows no files.
 */
#ifndef QUALICLIP_AGREEMENT_H
#define QUALICLIP_AGREEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logistic.h"

enum measure {
    MEASURE_SRCC, /* Spearman's rank correlation */
    MEASURE_KRCC, /* Kendall's tau-b */
    MEASURE_PLCC, /* linear correlation, after the logistic curve */
    MEASURE_RMSE, /* root of the mean squared error, after the logistic curve */
    measure_count
};

/* A value and the interval in which 95 % of the resampled values lie; NaN where there is none. */
struct interval {
    double value, low, high;
};

/*
 * Drawing pairs with replacement: the interval is between the percentiles 2.5 and 97.5 of what the
 * draws give.  The same seed gives the same bits, whatever the number of threads.
 */
struct bootstrap {
    uint32_t resamples; /* 0: no intervals */
    uint64_t seed;
    uint32_t threads; /* at least 1 */
};

struct agreement {
    size_t count;
    struct interval measures[measure_count];
    bool has_curve;
    struct logistic curve;
    const char *problem; /* why some value is NaN, or NULL */
};

void agreement_measure(const double *scores, const double *opinions, size_t count,
                       const struct bootstrap *bootstrap, struct agreement *agreement);

/* The SRCC of `scores` less that of `others`, the same pairs being drawn for both. */
struct interval agreement_difference(const double *scores, const double *others,
                                     const double *opinions, size_t count,
                                     const struct bootstrap *bootstrap);

#endif
