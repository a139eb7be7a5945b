/*
 * correlation.c - the three coefficients, of pairs that may each be counted several times.
 */
#include "correlation.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"

static double times_of(const uint32_t *times, size_t pair)
{
    return times ? (double)times[pair] : 1.0;
}

/* Rounding may not leave [-1, 1]. */
static double bounded(double value)
{
    return value > 1 ? 1 : value < -1 ? -1 : value;
}

/* The mean of those that are counted; false if all of these are equal. */
static bool find_mean(const double *values, size_t count, const uint32_t *times, double *mean)
{
    double sum = 0, total = 0, least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        const double weight = times_of(times, i);
        if (weight == 0)
            continue;
        sum += weight * values[i];
        total += weight;
        least = values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
    }
    *mean = sum / total;
    return least < most;
}

static double linear(const double *x, const double *y, size_t count, const uint32_t *times)
{
    double x_mean, y_mean, xx = 0, yy = 0, xy = 0;
    if (!find_mean(x, count, times, &x_mean) || !find_mean(y, count, times, &y_mean))
        return NAN;
    for (size_t i = 0; i < count; i++) {
        const double weight = times_of(times, i), dx = x[i] - x_mean, dy = y[i] - y_mean;
        xx += weight * dx * dx;
        yy += weight * dy * dy;
        xy += weight * dx * dy;
    }
    return bounded(xy / sqrt(xx) / sqrt(yy));
}

double pairs_pearson(const struct pairs *pairs, const uint32_t *times)
{
    return linear(pairs->x, pairs->y, pairs->count, times);
}

/* How often each level is counted. */
static double *count_levels(const uint32_t *level, uint32_t levels, size_t count,
                            const uint32_t *times)
{
    double *counted = reallocate(NULL, levels ? levels : 1, sizeof *counted);
    memset(counted, 0, levels * sizeof *counted);
    for (size_t i = 0; i < count; i++)
        counted[level[i]] += times_of(times, i);
    return counted;
}

/* The rank of each pair, in `ranks`: the mean of those that its level takes up. */
static void rank_levels(const uint32_t *level, uint32_t levels, size_t count, const uint32_t *times,
                        double *ranks)
{
    double *counted = count_levels(level, levels, count, times), below = 0;
    for (uint32_t i = 0; i < levels; i++) {
        const double size = counted[i];
        counted[i] = below + 0.5 * (size + 1);
        below += size;
    }
    for (size_t i = 0; i < count; i++)
        ranks[i] = counted[level[i]];
    free(counted);
}

double pairs_spearman(const struct pairs *pairs, const uint32_t *times)
{
    const size_t count = pairs->count;
    double *ranks = reallocate(NULL, 2 * count + 1, sizeof *ranks);
    rank_levels(pairs->x_level, pairs->x_levels, count, times, ranks);
    rank_levels(pairs->y_level, pairs->y_levels, count, times, ranks + count);
    const double result = linear(ranks, ranks + count, count, times);
    free(ranks);
    return result;
}

/* A sum over the first levels, kept in a Fenwick tree: tree[i] is that over (i & -i) of them. */
static double sum_below(const double *tree, uint32_t levels)
{
    double sum = 0;
    for (; levels; levels &= levels - 1)
        sum += tree[levels];
    return sum;
}

static void add_to(double *tree, uint32_t levels, uint32_t level, double value)
{
    for (uint64_t i = (uint64_t)level + 1; i <= levels; i += i & -i)
        tree[i] += value;
}

/* Concordant pairs of pairs less the discordant ones: beside each x, those y of lesser x. */
static double concordance(const struct pairs *pairs, const uint32_t *times)
{
    const uint32_t levels = pairs->y_levels;
    double *tree = reallocate(NULL, (size_t)levels + 1, sizeof *tree), seen = 0, balance = 0;
    memset(tree, 0, ((size_t)levels + 1) * sizeof *tree);
    for (size_t first = 0, next; first < pairs->count; first = next) {
        const uint32_t x = pairs->x_level[pairs->order[first]];
        for (next = first; next < pairs->count && pairs->x_level[pairs->order[next]] == x; next++) {
            const uint32_t pair = pairs->order[next], y = pairs->y_level[pair];
            const double weight = times_of(times, pair);
            if (weight > 0)
                balance += weight * (sum_below(tree, y) - (seen - sum_below(tree, y + 1)));
        }
        for (size_t i = first; i < next; i++) {
            const double weight = times_of(times, pairs->order[i]);
            if (weight > 0)
                add_to(tree, levels, pairs->y_level[pairs->order[i]], weight);
            seen += weight;
        }
    }
    free(tree);
    return balance;
}

/* Pairs of pairs whose levels differ. */
static double count_different(const uint32_t *level, uint32_t levels, size_t count,
                              const uint32_t *times)
{
    double *counted = count_levels(level, levels, count, times), total = 0, equal = 0;
    for (uint32_t i = 0; i < levels; i++) {
        total += counted[i];
        equal += counted[i] * (counted[i] - 1);
    }
    free(counted);
    return 0.5 * (total * (total - 1) - equal);
}

double pairs_kendall(const struct pairs *pairs, const uint32_t *times)
{
    const size_t count = pairs->count;
    const double x = count_different(pairs->x_level, pairs->x_levels, count, times);
    const double y = count_different(pairs->y_level, pairs->y_levels, count, times);
    if (!(x > 0) || !(y > 0))
        return NAN;
    return bounded(concordance(pairs, times) / sqrt(x) / sqrt(y));
}

/* ------------------------------------------------------------------------------- plain lists */

static bool has_nan(const double *x, const double *y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (isnan(x[i]) || isnan(y[i]))
            return true;
    return false;
}

static double of_lists(double (*measure)(const struct pairs *, const uint32_t *), const double *x,
                       const double *y, size_t count)
{
    struct pairs pairs;
    if (count < 2 || has_nan(x, y, count))
        return NAN;
    pairs_prepare(&pairs, x, y, count);
    const double result = measure(&pairs, NULL);
    pairs_free(&pairs);
    return result;
}

double spearman(const double *x, const double *y, size_t count)
{
    return of_lists(pairs_spearman, x, y, count);
}

double kendall(const double *x, const double *y, size_t count)
{
    return of_lists(pairs_kendall, x, y, count);
}

double pearson(const double *x, const double *y, size_t count)
{
    return count < 2 || has_nan(x, y, count) ? NAN : linear(x, y, count, NULL);
}
