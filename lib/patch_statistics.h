/*
 * patch_statistics.h - mean and covariance of feature vectors, and how far they are from those of
 * others.  Numbers alone: nothing here knows of patches' pixels, of models or of memory.
 */
#ifndef QUALICLIP_PATCH_STATISTICS_H
#define QUALICLIP_PATCH_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/* Of the vectors that were added so far. */
struct patch_statistics {
    size_t size, count;
    double *mean;     /* size */
    double *products; /* size x size, of which the lower triangle is used: the sum over all vectors
                         of (x - mean)(x - mean)^T */
};

void patch_statistics_reset(struct patch_statistics *statistics);

/*
 * Adds a vector; the bits depend on the order in which they come, on nothing else.  `difference`
 * is room for `size` numbers.
 */
void patch_statistics_add(struct patch_statistics *statistics, const float *vector,
                          double *difference);

/* An element of the covariance, normalised by count - 1; column <= row. */
static inline double patch_covariance(const struct patch_statistics *statistics, size_t row,
                                      size_t column)
{
    return statistics->products[row * statistics->size + column] / (double)(statistics->count - 1);
}

/*
 * sqrt((a - b)^T ((A + B) / 2 + 0.001 I)^-1 (a - b)), with means a, b and covariances A, B: those
 * added, at least two, and those given (`covariance`: size x size, of which the lower triangle is
 * read).  Uses the statistics up.  False where the matrix is not positive definite or the result
 * not finite.
 */
bool patch_statistics_distance(struct patch_statistics *statistics, const double *mean,
                               const double *covariance, double *distance);

/*
 * Replaces the lower triangle of a symmetric matrix by its Cholesky factor; false where the matrix
 * is not positive definite.
 */
bool cholesky_factor(double *matrix, size_t size);

#define PATCH_STABILITY 0.001 /* added to the diagonal */

#endif
