/*
 * film_pool.h - what is said of a film as a whole: mean, a percentile, the worst frames.
 */
#ifndef QUALICLIP_FILM_POOL_H
#define QUALICLIP_FILM_POOL_H

#include <stddef.h>
#include <stdint.h>

struct frame_score {
    float score;
    uint64_t frame;
};

/* Sixteen bytes a frame; {0} is empty. */
struct film_pool {
    struct frame_score *scores;
    size_t count, room;
};

void film_pool_add(struct film_pool *pool, float score, uint64_t frame);

/* The worst first, among equals the earlier; to be called before those below. */
void film_pool_sort(struct film_pool *pool);

/* Of one score or more. */
double film_pool_mean(const struct film_pool *pool);

/* The smallest score that at least `percent` % of the frames do not exceed (nearest rank). */
float film_pool_percentile(const struct film_pool *pool, uint32_t percent);

void film_pool_free(struct film_pool *pool);

#endif
