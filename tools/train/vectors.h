/*
 * vectors.h - eight numbers at a time, for the loops of a tower that are not convolutions.
 */
#ifndef QUALICLIP_TRAIN_VECTORS_H
#define QUALICLIP_TRAIN_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include "clones.h"
#include "compiler.h"

#define LANES 8
typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef float stored_lanes __attribute__((vector_size(4 * LANES), may_alias));
typedef int32_t lane_masks __attribute__((vector_size(4 * LANES)));

#define FOR_EACH_CPU CLONES("arch=x86-64-v4")

static ALWAYS_INLINE lanes load(const float *from)
{
    return *(const stored_lanes *)from;
}

static ALWAYS_INLINE void store(float *to, lanes x)
{
    *(stored_lanes *)to = x;
}

static ALWAYS_INLINE lanes spread(float x)
{
    return (lanes){x, x, x, x, x, x, x, x};
}

/* x where `condition` is greater than 0 or no number at all, else 0. */
static ALWAYS_INLINE lanes keep_where_positive(lanes x, lanes condition)
{
    const lane_masks negative = (lane_masks)(condition <= spread(0));
    return (lanes)((lane_masks)x & ~negative);
}

#endif
