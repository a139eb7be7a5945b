/*
 * memory.c - the one place where memory for models and scorers is asked for.
 */
#include "memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef QUALICLIP_HEAP

#include <stdlib.h>

void *heap_take(size_t size)
{
    const size_t rest = size % MEMORY_ALIGNMENT;
    if (size > SIZE_MAX - MEMORY_ALIGNMENT)
        return NULL;
    return aligned_alloc(MEMORY_ALIGNMENT, rest ? size - rest + MEMORY_ALIGNMENT : size);
}

void heap_give_back(void *piece)
{
    free(piece);
}

#else

void *heap_take(size_t size)
{
    (void)size;
    return NULL;
}

void heap_give_back(void *piece)
{
    (void)piece;
}

#endif

/* Head of a piece of the heap. */
struct memory_piece {
    struct memory_piece *before;
    size_t mark; /* what was in use before this one */
};

/* The head is as large as the alignment, and not counted. */
static void *take_from_heap(struct memory *memory, size_t bytes)
{
    if (bytes > SIZE_MAX - MEMORY_ALIGNMENT)
        return NULL;
    struct memory_piece *piece = heap_take(MEMORY_ALIGNMENT + bytes);
    if (!piece)
        return NULL;
    *piece = (struct memory_piece){memory->pieces, memory->used};
    memory->pieces = piece;
    return (unsigned char *)piece + MEMORY_ALIGNMENT;
}

/* Whole multiples of the alignment, at least one: no two pieces have the same address. */
static bool round_up(size_t count, size_t size, size_t *bytes)
{
    if (size && count > (SIZE_MAX / 2 - MEMORY_ALIGNMENT) / size)
        return false;
    *bytes = (count * size + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
    if (!*bytes)
        *bytes = MEMORY_ALIGNMENT;
    return true;
}

void *memory_take_fresh(struct memory *memory, size_t count, size_t size)
{
    size_t bytes;
    if (!round_up(count, size, &bytes) || bytes > SIZE_MAX - memory->used ||
        (memory->block && bytes > memory->size - memory->used))
        return NULL;
    void *piece = memory->block ? memory->block + memory->used : take_from_heap(memory, bytes);
    if (!piece)
        return NULL;
    memory->used += bytes;
    if (memory->used > memory->most)
        memory->most = memory->used;
    return piece;
}

void *memory_take(struct memory *memory, size_t count, size_t size)
{
    void *piece = memory_take_fresh(memory, count, size);
    if (piece)
        memset(piece, 0, count * size);
    return piece;
}

void memory_release(struct memory *memory, size_t mark)
{
    while (memory->pieces && memory->pieces->mark >= mark) {
        struct memory_piece *piece = memory->pieces;
        memory->pieces = piece->before;
        heap_give_back(piece);
    }
    memory->used = mark;
}
