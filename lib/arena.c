/*
 * arena.c - adds up, and later hands out, the pieces of a scorer's one block.
 */
#include "arena.h"

#include <stdint.h>

void *arena_take(struct arena *arena, size_t count, size_t size)
{
    if (arena->overflow || (size && count > (SIZE_MAX - ARENA_ALIGNMENT) / size)) {
        arena->overflow = true;
        return NULL;
    }
    size_t bytes = (count * size + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
    if (bytes > SIZE_MAX - arena->used) {
        arena->overflow = true;
        return NULL;
    }
    void *piece = arena->base ? arena->base + arena->used : NULL;
    arena->used += bytes;
    return piece;
}
