/*
 * memory.h - where a model's memory comes from: the heap, piece by piece, or one block of the
 * caller's.  Pieces are given back in the opposite order, the last one first.
 *
 * What is in use is counted alike for both, so that a model that was opened on the heap tells how
 * large a block has to be.
 */
#ifndef QUALICLIP_MEMORY_H
#define QUALICLIP_MEMORY_H

#include <stddef.h>

#define MEMORY_ALIGNMENT 64 /* of the caller's block, and of every piece */

struct memory {
    unsigned char *block;        /* the caller's; NULL: the heap */
    size_t size;                 /* of the block */
    size_t used, most;           /* bytes now, and at most since the beginning */
    struct memory_piece *pieces; /* of the heap, the last first */
};

/* count * size zeroed bytes, or NULL where there are not as many. */
void *memory_take(struct memory *memory, size_t count, size_t size);

/* The same, but not zeroed: of large pieces no page is touched. */
void *memory_take_fresh(struct memory *memory, size_t count, size_t size);

/* Gives back all that was taken since memory->used was `mark`; 0: everything. */
void memory_release(struct memory *memory, size_t mark);

/*
 * One piece of the heap, for what is no part of a model: aligned to MEMORY_ALIGNMENT, not zeroed.
 * NULL in a build without a heap (HEAP=no).
 */
void *heap_take(size_t size);
void heap_give_back(void *piece); /* NULL is allowed */

#endif
