/*
 * feed.h - batches made ahead of their use, by threads of their own.  They come in their order and
 * are the same whatever the number of threads.
 */
#ifndef QUALICLIP_TRAIN_FEED_H
#define QUALICLIP_TRAIN_FEED_H

#include "batch.h"

struct feed;

/* What batches are made of, and how. */
struct feed_order {
    const struct photo_set *photos;
    const struct batch_recipe *recipe;
    struct batch_share share;
    uint64_t first;   /* the first batch */
    uint32_t workers; /* 0: each batch is made when it is asked for */
};

/* Something more that is done with each batch, by worker `worker` (0: the caller's own thread). */
struct feed_finish {
    void (*work)(void *context, uint32_t worker, struct batch *batch); /* NULL: nothing */
    void *context;
    bool lesson;      /* batches have room for a teacher's scores ... */
    uint32_t feature; /* ... and features of this size, if not 0 */
    uint32_t cells;   /* ... and so many such of each image */
};

/* What the order points to must stay; `finish` may be NULL. */
struct feed *feed_open(const struct feed_order *order, const struct feed_finish *finish);
void feed_close(struct feed *feed);

/* Batches that a feed holds at once. */
uint32_t feed_room(uint32_t workers);

/* The next batch, which stays until the next call. */
const struct batch *feed_next(struct feed *feed);

/* Seconds that feed_next() has waited so far. */
double feed_waited(const struct feed *feed);

#endif
