/*
 * pairs.c - numbers become levels: the place of each among the distinct values.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "correlation.h"
#include "../memory.h"

struct placed {
    double value;
    uint32_t index;
};

static int by_value(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static struct placed *sorted(const double *values, size_t count)
{
    struct placed *items = reallocate(NULL, count ? count : 1, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct placed){values[i], (uint32_t)i};
    qsort(items, count, sizeof *items, by_value);
    return items;
}

/* Returns how many levels there are; `order` may be NULL. */
static uint32_t find_levels(const double *values, size_t count, uint32_t *level, uint32_t *order)
{
    struct placed *items = sorted(values, count);
    uint32_t levels = 0;
    for (size_t i = 0; i < count; i++) {
        levels += i == 0 || items[i].value != items[i - 1].value;
        level[items[i].index] = levels - 1;
        if (order)
            order[i] = items[i].index;
    }
    free(items);
    return levels;
}

void pairs_prepare(struct pairs *pairs, const double *x, const double *y, size_t count)
{
    const size_t room = count ? count : 1;
    *pairs = (struct pairs){.count = count,
                            .x = x,
                            .y = y,
                            .order = reallocate(NULL, room, sizeof *pairs->order),
                            .x_level = reallocate(NULL, room, sizeof *pairs->x_level),
                            .y_level = reallocate(NULL, room, sizeof *pairs->y_level)};
    pairs->x_levels = find_levels(x, count, pairs->x_level, pairs->order);
    pairs->y_levels = find_levels(y, count, pairs->y_level, NULL);
}

void pairs_free(struct pairs *pairs)
{
    free(pairs->order);
    free(pairs->x_level);
    free(pairs->y_level);
    memset(pairs, 0, sizeof *pairs);
}

void average_ranks(const double *values, size_t count, double *ranks)
{
    struct placed *items = sorted(values, count);
    for (size_t first = 0, next; first < count; first = next) {
        for (next = first + 1; next < count && items[next].value == items[first].value; next++)
            ;
        for (size_t i = first; i < next; i++)
            ranks[items[i].index] = 0.5 * (double)(first + 1 + next);
    }
    free(items);
}
