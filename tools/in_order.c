/*
 * in_order.c - workers claim the next piece under a lock; the caller waits for the oldest.
 *
 * A piece is an image or more, so there is no need to be clever about the lock.
 */
#include "in_order.h"

static bool run_alone(const struct ordered_work *work)
{
    for (size_t piece = 0; piece < work->count; piece++) {
        work->work(work->context, 0, piece);
        if (!work->take(work->context, piece))
            return false;
    }
    return true;
}

#ifdef QUALICLIP_THREADS

#include <pthread.h>
#include <stdlib.h>

#include "memory.h"

struct crew {
    const struct ordered_work *work;
    pthread_mutex_t mutex;
    pthread_cond_t may_claim, may_take;
    size_t claimed, taken; /* pieces so far */
    bool *done;            /* of piece i at i % ahead */
    bool stop;
};

struct member {
    struct crew *crew;
    size_t worker;
    pthread_t thread;
};

/* Waits until a piece may begin; false when there is none left. */
static bool claim(struct crew *crew, size_t *piece)
{
    const struct ordered_work *work = crew->work;
    pthread_mutex_lock(&crew->mutex);
    while (!crew->stop && crew->claimed < work->count && crew->claimed >= crew->taken + work->ahead)
        pthread_cond_wait(&crew->may_claim, &crew->mutex);
    const bool claimed = !crew->stop && crew->claimed < work->count;
    if (claimed)
        *piece = crew->claimed++;
    pthread_mutex_unlock(&crew->mutex);
    return claimed;
}

static void *member_main(void *argument)
{
    const struct member *member = argument;
    struct crew *crew = member->crew;
    size_t piece;
    while (claim(crew, &piece)) {
        crew->work->work(crew->work->context, member->worker, piece);
        pthread_mutex_lock(&crew->mutex);
        crew->done[piece % crew->work->ahead] = true;
        if (piece == crew->taken)
            pthread_cond_signal(&crew->may_take);
        pthread_mutex_unlock(&crew->mutex);
    }
    return NULL;
}

/* Takes all pieces; false if that was ended early. */
static bool take_all(struct crew *crew)
{
    const struct ordered_work *work = crew->work;
    for (size_t piece = 0; piece < work->count; piece++) {
        pthread_mutex_lock(&crew->mutex);
        while (!crew->done[piece % work->ahead])
            pthread_cond_wait(&crew->may_take, &crew->mutex);
        pthread_mutex_unlock(&crew->mutex);
        const bool more = work->take(work->context, piece);
        pthread_mutex_lock(&crew->mutex);
        crew->done[piece % work->ahead] = false;
        crew->taken = piece + 1;
        crew->stop = !more;
        pthread_cond_broadcast(&crew->may_claim);
        pthread_mutex_unlock(&crew->mutex);
        if (!more)
            return false;
    }
    return true;
}

bool run_in_order(const struct ordered_work *work)
{
    if (work->workers <= 1 || work->count <= 1)
        return run_alone(work);
    struct crew crew = {.work = work,
                        .mutex = PTHREAD_MUTEX_INITIALIZER,
                        .may_claim = PTHREAD_COND_INITIALIZER,
                        .may_take = PTHREAD_COND_INITIALIZER};
    struct member *members = reallocate(NULL, work->workers, sizeof *members);
    crew.done = reallocate(NULL, work->ahead, sizeof *crew.done);
    for (size_t i = 0; i < work->ahead; i++)
        crew.done[i] = false;
    size_t started = 0;
    for (; started < work->workers; started++) {
        members[started] = (struct member){.crew = &crew, .worker = started};
        if (pthread_create(&members[started].thread, NULL, member_main, &members[started]) != 0)
            break; /* the system has no more: those that there are do it */
    }
    const bool all = started ? take_all(&crew) : run_alone(work);
    for (size_t i = 0; i < started; i++)
        pthread_join(members[i].thread, NULL);
    free(crew.done);
    free(members);
    return all;
}

#else

bool run_in_order(const struct ordered_work *work)
{
    return run_alone(work);
}

#endif
