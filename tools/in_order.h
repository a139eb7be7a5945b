/*
 * in_order.h - many independent pieces of work on several threads, their results taken one by one
 * in the order of the pieces, on the calling thread.
 *
 * Knows nothing of images.  A piece that takes long does not hold up the others, but for a bound on
 * how far ahead of it they may get: that bounds the memory of results that wait.
 */
#ifndef QUALICLIP_IN_ORDER_H
#define QUALICLIP_IN_ORDER_H

#include <stdbool.h>
#include <stddef.h>

struct ordered_work {
    size_t count;   /* pieces */
    size_t workers; /* threads that work(), at least 1; with 1 it is the calling thread */
    size_t ahead;   /* piece i begins when piece i - ahead has been taken; at least `workers` */

    /* Runs in any order, several at once, never two of the same worker (a number below workers). */
    void (*work)(void *context, size_t worker, size_t piece);

    /* Runs on the calling thread, for each piece after its work, in order; false: end early. */
    bool (*take)(void *context, size_t piece);

    void *context;
};

/* Returns when nothing runs any more; false if take() ended it early. */
bool run_in_order(const struct ordered_work *work);

#endif
