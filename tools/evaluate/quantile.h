/*
 * quantile.h - numbers in ascending order, and the one below which a part of them lies.
 */
#ifndef QUALICLIP_QUANTILE_H
#define QUALICLIP_QUANTILE_H

#include <stddef.h>

/* None may be NaN. */
void sort_numbers(double *numbers, size_t count);

/* Of at least one sorted number; between two of them in proportion, as NumPy does. */
double quantile(const double *sorted, size_t count, double part);

#endif
