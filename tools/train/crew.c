/*
 * crew.c - threads that sleep until there is a task.
 *
 * A training step has some dozens of tasks, each of milliseconds: nothing would be gained by
 * waiting awake.
 */
#include "crew.h"

#include <stdio.h>
#include <stdlib.h>

#include "qualiclip.h"

#ifdef QUALICLIP_THREADS
#include <pthread.h>
#endif

#define CREW_MOST 1024

struct crew {
    size_t size;
#ifdef QUALICLIP_THREADS
    pthread_mutex_t mutex;
    pthread_cond_t task_given, all_done;
    crew_task *task; /* NULL: to go home */
    void *context;
    size_t number;     /* of the task, counted */
    size_t unfinished; /* members other than the caller */
    struct member {
        struct crew *crew;
        size_t index;
        pthread_t thread;
    } members[]; /* size - 1 */
#endif
};

size_t crew_size(const struct crew *crew)
{
    return crew->size;
}

size_t crew_share(size_t count, size_t member, size_t members)
{
    const size_t each = count / members, more = count % members;
    return member * each + (member < more ? member : more);
}

#ifdef QUALICLIP_THREADS

static void *work(void *argument)
{
    const struct member *member = argument;
    struct crew *crew = member->crew;
    size_t number = 0;
    for (;;) {
        pthread_mutex_lock(&crew->mutex);
        while (crew->number == number)
            pthread_cond_wait(&crew->task_given, &crew->mutex);
        number = crew->number;
        crew_task *task = crew->task;
        void *context = crew->context;
        pthread_mutex_unlock(&crew->mutex);
        if (!task)
            return NULL;
        task(context, member->index, crew->size);
        pthread_mutex_lock(&crew->mutex);
        if (--crew->unfinished == 0)
            pthread_cond_signal(&crew->all_done);
        pthread_mutex_unlock(&crew->mutex);
    }
}

static void give_task(struct crew *crew, crew_task *task, void *context)
{
    pthread_mutex_lock(&crew->mutex);
    crew->task = task;
    crew->context = context;
    crew->number++;
    crew->unfinished = crew->size - 1;
    pthread_cond_broadcast(&crew->task_given);
    pthread_mutex_unlock(&crew->mutex);
}

struct crew *crew_create(uint32_t threads, char *message)
{
    struct crew *crew = NULL;
    if (threads >= 1 && threads <= CREW_MOST)
        crew = calloc(1, sizeof *crew + (threads - 1) * sizeof *crew->members);
    if (!crew) {
        snprintf(message, QC_MESSAGE_SIZE, "%lu threads: expected 1 to %d", (unsigned long)threads,
                 CREW_MOST);
        return NULL;
    }
    pthread_mutex_init(&crew->mutex, NULL);
    pthread_cond_init(&crew->task_given, NULL);
    pthread_cond_init(&crew->all_done, NULL);
    for (crew->size = 1; crew->size < threads; crew->size++) {
        struct member *member = &crew->members[crew->size - 1];
        member->crew = crew;
        member->index = crew->size;
        if (pthread_create(&member->thread, NULL, work, member)) {
            snprintf(message, QC_MESSAGE_SIZE, "thread %zu of %lu could not be started",
                     crew->size + 1, (unsigned long)threads);
            crew_destroy(crew);
            return NULL;
        }
    }
    return crew;
}

void crew_run(struct crew *crew, crew_task *task, void *context)
{
    if (crew->size == 1) {
        task(context, 0, 1);
        return;
    }
    give_task(crew, task, context);
    task(context, 0, crew->size);
    pthread_mutex_lock(&crew->mutex);
    while (crew->unfinished)
        pthread_cond_wait(&crew->all_done, &crew->mutex);
    pthread_mutex_unlock(&crew->mutex);
}

void crew_destroy(struct crew *crew)
{
    if (!crew)
        return;
    give_task(crew, NULL, NULL);
    for (size_t i = 0; i + 1 < crew->size; i++)
        pthread_join(crew->members[i].thread, NULL);
    pthread_cond_destroy(&crew->all_done);
    pthread_cond_destroy(&crew->task_given);
    pthread_mutex_destroy(&crew->mutex);
    free(crew);
}

#else

struct crew *crew_create(uint32_t threads, char *message)
{
    struct crew *crew = threads == 1 ? calloc(1, sizeof *crew) : NULL;
    if (crew)
        crew->size = 1;
    else
        snprintf(message, QC_MESSAGE_SIZE, "%lu threads: this build (THREADS=no) has one",
                 (unsigned long)threads);
    return crew;
}

void crew_run(struct crew *crew, crew_task *task, void *context)
{
    task(context, 0, crew->size);
}

void crew_destroy(struct crew *crew)
{
    free(crew);
}

#endif
