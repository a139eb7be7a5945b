/*
 * feed.c - a ring of batches.  Worker threads take the next number, fill its place in the ring, and
 * wait where that place is still in use.
 */
#include "feed.h"

#include <stdlib.h>

#if defined(QUALICLIP_THREADS)
#include <pthread.h>
#endif

#include "machine.h"
#include "../memory.h"

struct feed {
    const struct photo_set *photos;
    const struct batch_recipe *recipe;
    struct feed_finish finish;
    uint32_t workers, room;
    struct batch *ring; /* batch `i` is at i % room */
    uint64_t taken;     /* the batch that feed_next() gives out next ... */
    double waited;
#if defined(QUALICLIP_THREADS)
    uint64_t started;   /* ... that a worker begins next; all guarded by the mutex */
    uint64_t released;  /* batches before this one are no longer used */
    uint64_t *finished; /* for each place, 1 + the batch that is ready there */
    bool ends;
    struct worker *threads;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
#endif
};

#if defined(QUALICLIP_THREADS)
struct worker {
    struct feed *feed;
    uint32_t number;
    pthread_t thread;
};
#endif

static void make(struct feed *feed, uint64_t index, uint32_t worker)
{
    struct batch *batch = &feed->ring[index % feed->room];
    batch_make(batch, feed->photos, feed->recipe, index);
    if (feed->finish.work)
        feed->finish.work(feed->finish.context, worker, batch);
}

uint32_t feed_room(uint32_t workers)
{
    return workers ? workers + 2 : 1;
}

#if defined(QUALICLIP_THREADS)

static void *work(void *argument)
{
    const struct worker *worker = argument;
    struct feed *feed = worker->feed;
    pthread_mutex_lock(&feed->mutex);
    while (!feed->ends) {
        const uint64_t index = feed->started;
        if (index >= feed->released + feed->room) {
            pthread_cond_wait(&feed->changed, &feed->mutex);
            continue;
        }
        feed->started++;
        pthread_mutex_unlock(&feed->mutex);
        make(feed, index, worker->number);
        pthread_mutex_lock(&feed->mutex);
        feed->finished[index % feed->room] = index + 1;
        pthread_cond_broadcast(&feed->changed);
    }
    pthread_mutex_unlock(&feed->mutex);
    return NULL;
}

static void start_workers(struct feed *feed, uint64_t first)
{
    feed->started = feed->released = first;
    feed->finished = reallocate(NULL, feed->room, sizeof *feed->finished);
    for (uint32_t i = 0; i < feed->room; i++)
        feed->finished[i] = 0;
    feed->threads = reallocate(NULL, feed->workers, sizeof *feed->threads);
    pthread_mutex_init(&feed->mutex, NULL);
    pthread_cond_init(&feed->changed, NULL);
    uint32_t started = 0;
    for (; started < feed->workers; started++) {
        feed->threads[started] = (struct worker){.feed = feed, .number = started};
        if (pthread_create(&feed->threads[started].thread, NULL, work, &feed->threads[started]))
            break;
    }
    feed->workers = started;
}

static void stop_workers(struct feed *feed)
{
    pthread_mutex_lock(&feed->mutex);
    feed->ends = true;
    pthread_cond_broadcast(&feed->changed);
    pthread_mutex_unlock(&feed->mutex);
    for (uint32_t i = 0; i < feed->workers; i++)
        pthread_join(feed->threads[i].thread, NULL);
    pthread_mutex_destroy(&feed->mutex);
    pthread_cond_destroy(&feed->changed);
    free(feed->threads);
    free(feed->finished);
}

static void wait_for(struct feed *feed, uint64_t index)
{
    pthread_mutex_lock(&feed->mutex);
    feed->released = index;
    pthread_cond_broadcast(&feed->changed);
    while (feed->finished[index % feed->room] != index + 1)
        pthread_cond_wait(&feed->changed, &feed->mutex);
    pthread_mutex_unlock(&feed->mutex);
}

static bool has_threads(void)
{
    return true;
}

#else

static void start_workers(struct feed *feed, uint64_t first)
{
    (void)first;
    feed->workers = 0;
}

static void stop_workers(struct feed *feed)
{
    (void)feed;
}

static void wait_for(struct feed *feed, uint64_t index)
{
    (void)feed, (void)index;
}

static bool has_threads(void)
{
    return false;
}

#endif

struct feed *feed_open(const struct feed_order *order, const struct feed_finish *finish)
{
    struct feed *feed = allocate(sizeof *feed);
    *feed = (struct feed){.photos = order->photos,
                          .recipe = order->recipe,
                          .workers = has_threads() ? order->workers : 0,
                          .taken = order->first};
    if (finish)
        feed->finish = *finish;
    feed->room = feed_room(feed->workers);
    feed->ring = reallocate(NULL, feed->room, sizeof *feed->ring);
    for (uint32_t i = 0; i < feed->room; i++) {
        batch_create(&feed->ring[i], order->recipe, order->share);
        if (feed->finish.lesson)
            batch_add_lesson(&feed->ring[i], feed->finish.feature, feed->finish.cells);
    }
    if (feed->workers)
        start_workers(feed, order->first);
    return feed;
}

void feed_close(struct feed *feed)
{
    if (!feed)
        return;
    if (feed->room > 1)
        stop_workers(feed);
    for (uint32_t i = 0; i < feed->room; i++)
        batch_free(&feed->ring[i]);
    free(feed->ring);
    free(feed);
}

const struct batch *feed_next(struct feed *feed)
{
    const double start = machine_seconds();
    const uint64_t index = feed->taken++;
    struct batch *batch = &feed->ring[index % feed->room];
    if (feed->workers)
        wait_for(feed, index);
    else
        make(feed, index, 0);
    feed->waited += machine_seconds() - start;
    return batch;
}

double feed_waited(const struct feed *feed)
{
    return feed->waited;
}
