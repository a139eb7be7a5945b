/*
 * logistic.h - the curve that scores are mapped by before they are compared with opinions:
 *
 *     f(x) = b1 (1/2 - 1 / (1 + exp(b2 (x - b3)))) + b4 x + b5
 *
 * fitted by least squares.  Knows numbers only.
 */
#ifndef QUALICLIP_LOGISTIC_H
#define QUALICLIP_LOGISTIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct logistic {
    double b1, b2, b3, b4, b5; /* b2 > 0 */
    double rmse;               /* of f(x) against y */
    double plcc;               /* linear correlation of f(x) and y; not negative */
};

/*
 * Fits y over x, each pair counted `times[i]` times (NULL: once).  `near`: a curve to begin with,
 * as of all pairs for a draw of them, which is fitted less closely; NULL: several usual beginnings
 * are tried and the best curve is kept.  False where there is nothing to fit: fewer than six pairs,
 * or all x or all y equal.
 */
bool logistic_fit(const double *x, const double *y, const uint32_t *times, size_t count,
                  const struct logistic *near, struct logistic *fitted);

double logistic_value(const struct logistic *curve, double x);

#endif
