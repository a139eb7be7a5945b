/*
 * draws.h - one random choice after another, out of the words of tools/degrade/random.h.
 */
#ifndef QUALICLIP_TRAIN_DRAWS_H
#define QUALICLIP_TRAIN_DRAWS_H

#include <math.h>

#include "../degrade/random.h"

struct draws {
    uint64_t seed, number;
};

/* Streams of one seed are independent of each other. */
static inline struct draws draws_of(uint64_t seed, uint64_t stream)
{
    return (struct draws){random_word(seed, stream), 0};
}

static inline uint64_t draw_word(struct draws *draws)
{
    return random_word(draws->seed, draws->number++);
}

/* In [0, 1). */
static inline double draw_unit(struct draws *draws)
{
    return random_unit(draws->seed, draws->number++);
}

/* Below `count`, which is far from 2^53. */
static inline uint32_t draw_below(struct draws *draws, uint32_t count)
{
    return (uint32_t)(draw_unit(draws) * count);
}

/* Mean 0, variance 1. */
static inline double draw_normal(struct draws *draws)
{
    const double radius = sqrt(-2 * log(1 - draw_unit(draws)));
    return radius * cos(6.283185307179586 * draw_unit(draws));
}

#endif
