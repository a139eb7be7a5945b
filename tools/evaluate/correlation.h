/*
 * correlation.h - how well two lists of numbers agree: Spearman's, Kendall's and Pearson's
 * coefficients, as SciPy computes them.
 *
 * Knows numbers only.  NaN is the answer where there is none: fewer than two pairs, a list whose
 * values are all equal, or a value that is NaN (pearson(): or infinite).
 */
#ifndef QUALICLIP_CORRELATION_H
#define QUALICLIP_CORRELATION_H

#include <stddef.h>
#include <stdint.h>

/* Rank correlation; equal values share the mean of their ranks. */
double spearman(const double *x, const double *y, size_t count);

/* Kendall's tau-b, which takes account of equal values, in n log n steps. */
double kendall(const double *x, const double *y, size_t count);

/* Linear correlation. */
double pearson(const double *x, const double *y, size_t count);

/* The rank of each value, 1 for the least, equal ones sharing the mean; none may be NaN. */
void average_ranks(const double *values, size_t count, double *ranks);

/*
 * Pairs that are sorted once and then looked at many times, each pair counted `times[i]` times:
 * what bootstrapping does.  No value may be NaN.  NULL for `times`: each pair once.
 */
struct pairs {
    size_t count;
    const double *x, *y;         /* the caller's */
    uint32_t *order;             /* the pairs by ascending x */
    uint32_t *x_level, *y_level; /* of each pair, which of the distinct values it has, ascending */
    uint32_t x_levels, y_levels; /* how many distinct values there are */
};

/* At most UINT32_MAX pairs. */
void pairs_prepare(struct pairs *pairs, const double *x, const double *y, size_t count);
void pairs_free(struct pairs *pairs);

double pairs_spearman(const struct pairs *pairs, const uint32_t *times);
double pairs_kendall(const struct pairs *pairs, const uint32_t *times);
double pairs_pearson(const struct pairs *pairs, const uint32_t *times);

#endif
