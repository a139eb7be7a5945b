/*
 * threads.c - fork and join over a fixed set of threads, or over the caller's pool.
 *
 * Tasks are claimed one by one from a counter, so which thread runs which is left to chance; tasks
 * must not depend on it.  Nothing is allocated after threads_plan().
 */
#include "threads.h"

/* Whether the caller wants the call in progress to end; asked on the calling thread alone. */
struct cancelling {
    qc_cancel *cancel;
    void *context;
    bool cancelled;
};

#ifdef QUALICLIP_THREADS

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

struct threads {
    size_t count; /* tasks at once, the caller's thread included */
    qc_parallel_for *parallel_for;
    void *pool;
    struct cancelling cancelling;

    /* The job, written before `generation` is raised and left alone until `pending` is 0. */
    qc_task *task;
    void *context;
    size_t task_count;
    atomic_size_t next;
    atomic_size_t pending; /* workers that have not finished the job */
    atomic_uint generation;
    atomic_bool busy; /* a call of the library is in progress: worth looking out for work */
    bool stop;

    pthread_mutex_t mutex;
    pthread_cond_t wake, done;
    size_t started;
    struct worker {
        struct threads *threads;
        size_t index;
        pthread_t thread;
    } * workers; /* count - 1 */
};

/* About as long as it takes to be woken: longer would waste, shorter would sleep too soon. */
#define SPINS 4000

struct threads *threads_plan(struct arena *arena, const qc_scorer_options *options)
{
    struct threads *threads = arena_take(arena, 1, sizeof *threads);
    size_t workers = options->parallel_for ? 0 : options->threads - 1;
    struct worker *list = arena_take(arena, workers, sizeof *list);
    if (threads) {
        memset(threads, 0, sizeof *threads);
        threads->workers = list;
    }
    return threads;
}

static void run_tasks(struct threads *threads, size_t worker)
{
    for (;;) {
        size_t index = atomic_fetch_add_explicit(&threads->next, 1, memory_order_relaxed);
        if (index >= threads->task_count)
            return;
        threads->task(threads->context, index, worker);
    }
}

/* Returns when there is a job newer than `seen`, or false when the threads are to end. */
static bool wait_for_job(struct threads *threads, unsigned seen)
{
    for (int spin = 0; spin < SPINS; spin++) {
        if (!atomic_load_explicit(&threads->busy, memory_order_relaxed))
            break;
        if (atomic_load_explicit(&threads->generation, memory_order_acquire) != seen)
            return true;
        CPU_RELAX();
    }
    pthread_mutex_lock(&threads->mutex);
    while (!threads->stop && atomic_load(&threads->generation) == seen)
        pthread_cond_wait(&threads->wake, &threads->mutex);
    bool more = !threads->stop;
    pthread_mutex_unlock(&threads->mutex);
    return more;
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct threads *threads = worker->threads;
    unsigned seen = 0;
    while (wait_for_job(threads, seen)) {
        seen++;
        run_tasks(threads, worker->index);
        if (atomic_fetch_sub(&threads->pending, 1) == 1) {
            pthread_mutex_lock(&threads->mutex);
            pthread_cond_signal(&threads->done);
            pthread_mutex_unlock(&threads->mutex);
        }
    }
    return NULL;
}

qc_status threads_start(struct threads *threads, const qc_scorer_options *options,
                        struct message *message)
{
    threads->count = options->threads;
    threads->parallel_for = options->parallel_for;
    threads->pool = options->pool;
    threads->cancelling = (struct cancelling){options->cancel, options->cancel_context, false};
    if (threads->parallel_for || threads->count == 1)
        return QC_OK;
    pthread_mutex_init(&threads->mutex, NULL);
    pthread_cond_init(&threads->wake, NULL);
    pthread_cond_init(&threads->done, NULL);
    for (size_t i = 0; i + 1 < threads->count; i++) {
        struct worker *worker = &threads->workers[i];
        worker->threads = threads;
        worker->index = i + 1;
        int error = pthread_create(&worker->thread, NULL, worker_main, worker);
        if (error) {
            size_t wanted = threads->count;
            threads_stop(threads);
            return fail(message, QC_ERROR_MEMORY, "thread %zu of %zu could not be started: %s",
                        i + 2, wanted,
                        error == EAGAIN ? "the system's limit on threads is reached"
                                        : "not permitted");
        }
        threads->started++;
    }
    return QC_OK;
}

void threads_stop(struct threads *threads)
{
    if (threads->parallel_for || threads->count <= 1)
        return;
    pthread_mutex_lock(&threads->mutex);
    threads->stop = true;
    pthread_cond_broadcast(&threads->wake);
    pthread_mutex_unlock(&threads->mutex);
    for (size_t i = 0; i < threads->started; i++)
        pthread_join(threads->workers[i].thread, NULL);
    pthread_cond_destroy(&threads->done);
    pthread_cond_destroy(&threads->wake);
    pthread_mutex_destroy(&threads->mutex);
    threads->count = 1;
}

size_t threads_count(const struct threads *threads)
{
    return threads->count;
}

void threads_begin(struct threads *threads)
{
    threads->cancelling.cancelled = false;
    atomic_store_explicit(&threads->busy, true, memory_order_relaxed);
}

void threads_end(struct threads *threads)
{
    atomic_store_explicit(&threads->busy, false, memory_order_relaxed);
}

static void run_on_own_threads(struct threads *threads, size_t count, qc_task *task, void *context)
{
    pthread_mutex_lock(&threads->mutex);
    threads->task = task;
    threads->context = context;
    threads->task_count = count;
    atomic_store_explicit(&threads->next, 0, memory_order_relaxed);
    atomic_store_explicit(&threads->pending, threads->started, memory_order_relaxed);
    atomic_fetch_add_explicit(&threads->generation, 1, memory_order_release);
    pthread_cond_broadcast(&threads->wake);
    pthread_mutex_unlock(&threads->mutex);

    run_tasks(threads, 0);
    for (int spin = 0; spin < SPINS; spin++) {
        if (atomic_load_explicit(&threads->pending, memory_order_acquire) == 0)
            return;
        CPU_RELAX();
    }
    pthread_mutex_lock(&threads->mutex);
    while (atomic_load(&threads->pending) != 0)
        pthread_cond_wait(&threads->done, &threads->mutex);
    pthread_mutex_unlock(&threads->mutex);
}

#else /* no threads of our own; the caller may still bring a pool */

struct threads {
    size_t count;
    qc_parallel_for *parallel_for;
    void *pool;
    struct cancelling cancelling;
};

struct threads *threads_plan(struct arena *arena, const qc_scorer_options *options)
{
    (void)options;
    return arena_take(arena, 1, sizeof(struct threads));
}

qc_status threads_start(struct threads *threads, const qc_scorer_options *options,
                        struct message *message)
{
    threads->count = options->threads;
    threads->parallel_for = options->parallel_for;
    threads->pool = options->pool;
    threads->cancelling = (struct cancelling){options->cancel, options->cancel_context, false};
    if (!threads->parallel_for && threads->count != 1)
        return fail(message, QC_ERROR_UNSUPPORTED,
                    "threads is %zu, and this build (THREADS=no) has only the caller's: use 1, or "
                    "give a parallel_for",
                    threads->count);
    return QC_OK;
}

void threads_stop(struct threads *threads)
{
    (void)threads;
}

size_t threads_count(const struct threads *threads)
{
    return threads->count;
}

void threads_begin(struct threads *threads)
{
    threads->cancelling.cancelled = false;
}

void threads_end(struct threads *threads)
{
    (void)threads;
}

static void run_on_own_threads(struct threads *threads, size_t count, qc_task *task, void *context)
{
    (void)threads;
    for (size_t i = 0; i < count; i++)
        task(context, i, 0);
}

#endif

bool threads_cancelled(const struct threads *threads)
{
    return threads->cancelling.cancelled;
}

static bool ask(struct cancelling *cancelling)
{
    if (!cancelling->cancelled && cancelling->cancel)
        cancelling->cancelled = cancelling->cancel(cancelling->context) != 0;
    return cancelling->cancelled;
}

void threads_run(struct threads *threads, size_t count, qc_task *task, void *context)
{
    if (ask(&threads->cancelling))
        return;
    if (count <= 1 || threads->count == 1) {
        for (size_t i = 0; i < count; i++)
            task(context, i, 0);
    } else if (threads->parallel_for) {
        threads->parallel_for(threads->pool, count, task, context);
    } else {
        run_on_own_threads(threads, count, task, context);
    }
}
