/*
 * quantile.c - sorting, and a place between two neighbours.
 */
#include "quantile.h"

#include <stdlib.h>

static int ascending(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

void sort_numbers(double *numbers, size_t count)
{
    qsort(numbers, count, sizeof *numbers, ascending);
}

double quantile(const double *sorted, size_t count, double part)
{
    const double place = part * (double)(count - 1);
    const size_t below = (size_t)place;
    const double above = sorted[below + 1 < count ? below + 1 : below];
    return sorted[below] + (place - (double)below) * (above - sorted[below]);
}
