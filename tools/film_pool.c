/*
 * film_pool.c - keeps every score: a percentile cannot be had for less.
 */
#include "film_pool.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

void film_pool_add(struct film_pool *pool, float score, uint64_t frame)
{
    if (pool->count == pool->room) {
        pool->room = pool->room ? 2 * pool->room : 256;
        pool->scores = reallocate(pool->scores, pool->room, sizeof *pool->scores);
    }
    pool->scores[pool->count++] = (struct frame_score){score, frame};
}

static int worst_first(const void *left, const void *right)
{
    const struct frame_score *a = left, *b = right;
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    return a->frame < b->frame ? -1 : a->frame > b->frame;
}

void film_pool_sort(struct film_pool *pool)
{
    if (pool->count)
        qsort(pool->scores, pool->count, sizeof *pool->scores, worst_first);
}

double film_pool_mean(const struct film_pool *pool)
{
    double sum = 0;
    for (size_t i = 0; i < pool->count; i++)
        sum += (double)pool->scores[i].score;
    return sum / (double)pool->count;
}

float film_pool_percentile(const struct film_pool *pool, uint32_t percent)
{
    const size_t rank = (size_t)(((uint64_t)pool->count * percent + 99) / 100);
    return pool->scores[rank ? rank - 1 : 0].score;
}

void film_pool_free(struct film_pool *pool)
{
    free(pool->scores);
    memset(pool, 0, sizeof *pool);
}
