/*
 * threads.c - fork and join over a fixed set of threads, or over the caller's pool.
 *
 * Tasks are claimed one by one from a counter, so which thread runs which is left to chance; tasks
 * must not depend on it.  A job ends when its tasks have ended: nobody waits for a thread that the
 * system has given no processor to, and that therefore has no task.  Nothing is allocated after
 * threads_plan().
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
#include <time.h>
#include <unistd.h>

#include "compiler.h"

struct threads {
    size_t count; /* tasks at once, the caller's thread included */
    qc_parallel_for *parallel_for;
    void *pool;
    struct cancelling cancelling;

    /* The job: written while no task is left to claim or running. */
    qc_task *task;
    void *context;
    size_t task_count;

    /*
     * Low half: tasks that nobody has claimed.  High half: the job's number, so that a thread which
     * looked at one job and comes back during another does not take the one for the other.
     */
    atomic_ullong ticket;
    atomic_size_t unfinished; /* tasks that have not ended */

    atomic_bool busy; /* a call of the library is in progress: worth looking out for work */
    atomic_size_t sleeping;
    atomic_bool caller_sleeps;
    bool stop;

    pthread_mutex_t mutex;
    pthread_cond_t wake, done;
    size_t started;
    pid_t process; /* in which they were started */
    struct worker {
        struct threads *threads;
        size_t index;
        pthread_t thread;
    } * workers; /* count - 1 */
};

#define TASKS_MOST 0xFFFFFFFFu /* of a job */

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

/* ------------------------------------------------------------------------------------- waiting */

/* About as long as it takes to be woken: longer would waste, shorter would sleep too soon. */
#define LOOK_OUT_NANOSECONDS 100000
#define LOOKS                64 /* between two looks at the clock */

/* Whether to look on; *end is 0 at first. */
static bool is_early(long long *end)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long long nanoseconds = now.tv_sec * 1000000000LL + now.tv_nsec;
    if (*end == 0)
        *end = nanoseconds + LOOK_OUT_NANOSECONDS;
    return nanoseconds < *end;
}

/* Looks out for tasks while a call is in progress, for a while. */
static bool see_tasks(const struct threads *threads)
{
    long long end = 0;
    do {
        for (int look = 0; look < LOOKS; look++) {
            if ((uint32_t)atomic_load_explicit(&threads->ticket, memory_order_relaxed) != 0)
                return true;
            if (!atomic_load_explicit(&threads->busy, memory_order_relaxed))
                return false;
            CPU_RELAX();
        }
    } while (is_early(&end));
    return false;
}

static bool see_the_end(const struct threads *threads)
{
    long long end = 0;
    do {
        for (int look = 0; look < LOOKS; look++) {
            if (atomic_load_explicit(&threads->unfinished, memory_order_acquire) == 0)
                return true;
            CPU_RELAX();
        }
    } while (is_early(&end));
    return false;
}

/*
 * Who sleeps says so first and then looks once more; who gives it reason to wake does that first
 * and then looks whether anybody sleeps.  Both in the one order of sequential consistency, so one
 * of the two sees the other.
 */
static void sleep_until_tasks(struct threads *threads)
{
    pthread_mutex_lock(&threads->mutex);
    atomic_fetch_add(&threads->sleeping, 1);
    if (!threads->stop && (uint32_t)atomic_load(&threads->ticket) == 0)
        pthread_cond_wait(&threads->wake, &threads->mutex);
    atomic_fetch_sub(&threads->sleeping, 1);
    pthread_mutex_unlock(&threads->mutex);
}

static void sleep_until_the_end(struct threads *threads)
{
    pthread_mutex_lock(&threads->mutex);
    atomic_store(&threads->caller_sleeps, true);
    while (atomic_load(&threads->unfinished) != 0)
        pthread_cond_wait(&threads->done, &threads->mutex);
    atomic_store(&threads->caller_sleeps, false);
    pthread_mutex_unlock(&threads->mutex);
}

static bool is_stopping(struct threads *threads)
{
    pthread_mutex_lock(&threads->mutex);
    bool stop = threads->stop;
    pthread_mutex_unlock(&threads->mutex);
    return stop;
}

/* ------------------------------------------------------------------------------------- working */

/* Once a task is claimed the job cannot end, so what describes it stays as it is. */
static bool claim(struct threads *threads, size_t *index)
{
    unsigned long long ticket = atomic_load_explicit(&threads->ticket, memory_order_relaxed);
    do {
        if ((uint32_t)ticket == 0)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&threads->ticket, &ticket, ticket - 1,
                                                    memory_order_acquire, memory_order_relaxed));
    *index = threads->task_count - (uint32_t)ticket;
    return true;
}

static void run_tasks(struct threads *threads, size_t worker)
{
    size_t index, count = 0;
    for (; claim(threads, &index); count++)
        threads->task(threads->context, index, worker);
    if (count && atomic_fetch_sub(&threads->unfinished, count) == count &&
        atomic_load(&threads->caller_sleeps)) {
        pthread_mutex_lock(&threads->mutex);
        pthread_cond_signal(&threads->done);
        pthread_mutex_unlock(&threads->mutex);
    }
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct threads *threads = worker->threads;
    while (!is_stopping(threads)) {
        while (see_tasks(threads))
            run_tasks(threads, worker->index);
        sleep_until_tasks(threads);
    }
    return NULL;
}

static void run_on_own_threads(struct threads *threads, size_t count, qc_task *task, void *context)
{
    const unsigned long long job =
        atomic_load_explicit(&threads->ticket, memory_order_relaxed) >> 32;
    threads->task = task;
    threads->context = context;
    threads->task_count = count;
    atomic_store_explicit(&threads->unfinished, count, memory_order_relaxed);
    atomic_store(&threads->ticket, (job + 1) << 32 | count);
    if (atomic_load(&threads->sleeping)) {
        pthread_mutex_lock(&threads->mutex);
        pthread_cond_broadcast(&threads->wake);
        pthread_mutex_unlock(&threads->mutex);
    }
    run_tasks(threads, 0);
    if (!see_the_end(threads))
        sleep_until_the_end(threads);
}

/* -------------------------------------------------------------------------- starting, stopping */

qc_status threads_start(struct threads *threads, const qc_scorer_options *options,
                        struct message *message)
{
    threads->count = options->threads;
    threads->parallel_for = options->parallel_for;
    threads->pool = options->pool;
    threads->cancelling = (struct cancelling){options->cancel, options->cancel_context, false};
    if (threads->parallel_for || threads->count == 1)
        return QC_OK;
    threads->process = getpid();
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

/* A child of fork() inherits all but the threads, and the locks as they were: it goes on alone. */
static void leave_threads_behind(struct threads *threads)
{
    if (threads->started && getpid() != threads->process) {
        threads->started = 0;
        threads->count = 1;
    }
}

void threads_stop(struct threads *threads)
{
    leave_threads_behind(threads);
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
    return threads ? threads->count : 1;
}

void threads_begin(struct threads *threads)
{
    leave_threads_behind(threads);
    threads->cancelling.cancelled = false;
    atomic_store_explicit(&threads->busy, true, memory_order_relaxed);
}

void threads_end(struct threads *threads)
{
    atomic_store_explicit(&threads->busy, false, memory_order_relaxed);
}

#else /* no threads of our own; the caller may still bring a pool */

#define TASKS_MOST SIZE_MAX

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
    return threads ? threads->count : 1;
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
    if (threads && ask(&threads->cancelling))
        return;
    if (count <= 1 || count > TASKS_MOST || threads_count(threads) == 1) {
        for (size_t i = 0; i < count; i++)
            task(context, i, 0);
    } else if (threads->parallel_for) {
        threads->parallel_for(threads->pool, count, task, context);
    } else {
        run_on_own_threads(threads, count, task, context);
    }
}
