/*
 * arena.h - one block, handed out front to back: how a scorer's memory is planned and then used.
 *
 * The same planning code runs twice: over an arena without a block, which only adds up, and then
 * over one with exactly that many bytes.  So the size told beforehand is the size taken.
 */
#ifndef QUALICLIP_ARENA_H
#define QUALICLIP_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#define ARENA_ALIGNMENT 64

struct arena {
    unsigned char *base; /* NULL: count only */
    size_t used;
    bool overflow; /* a size did not fit into size_t: the plan is void */
};

/* What plans are made of. */
static inline size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Room for count * size bytes, aligned to ARENA_ALIGNMENT; NULL while only counting. */
void *arena_take(struct arena *arena, size_t count, size_t size);

#endif
