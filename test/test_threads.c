/*
 * test_threads.c - every task runs once, workers are never shared, and the pool starts and ends.
 */
#include "threads.h" /* before cmocka.h, which makes fail() a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#ifdef QUALICLIP_THREADS
#include <pthread.h>
#endif

#include <cmocka.h>

#define TASKS   1000
#define WORKERS 4

struct tally {
    atomic_int runs[TASKS];
    atomic_int busy[WORKERS];
    atomic_int shared_workers, wrong_workers;
};

static void count_task(void *context, size_t index, size_t worker)
{
    struct tally *tally = context;
    if (worker >= WORKERS) {
        atomic_fetch_add(&tally->wrong_workers, 1);
        return;
    }
    if (atomic_fetch_add(&tally->busy[worker], 1) != 0)
        atomic_fetch_add(&tally->shared_workers, 1);
    atomic_fetch_add(&tally->runs[index], 1);
    atomic_fetch_sub(&tally->busy[worker], 1);
}

struct pool {
    struct arena arena;
    struct threads *threads;
};

static struct pool pool_open(const qc_scorer_options *options)
{
    struct arena counted = {0};
    threads_plan(&counted, options);
    struct pool pool = {.arena = {.base = aligned_alloc(ARENA_ALIGNMENT, counted.used)}};
    pool.threads = threads_plan(&pool.arena, options);
    assert_int_equal(pool.arena.used, counted.used);
    return pool;
}

static void run_and_check(struct threads *threads, size_t rounds)
{
    static struct tally tally;
    for (size_t round = 0; round < rounds; round++) {
        size_t count = round % TASKS;
        tally = (struct tally){0};
        threads_run(threads, count, count_task, &tally);
        for (size_t i = 0; i < TASKS; i++)
            assert_int_equal(atomic_load(&tally.runs[i]), i < count ? 1 : 0);
        assert_int_equal(atomic_load(&tally.shared_workers), 0);
        assert_int_equal(atomic_load(&tally.wrong_workers), 0);
    }
}

static void tasks_run_once(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= WORKERS; threads++) {
        qc_scorer_options options;
        qc_scorer_options_init(&options);
        options.threads = threads;
        struct pool pool = pool_open(&options);
        char text[QC_MESSAGE_SIZE];
        struct message message = {text, sizeof text};
        qc_status status = threads_start(pool.threads, &options, &message);
#ifndef QUALICLIP_THREADS
        if (threads > 1) {
            assert_int_equal(status, QC_ERROR_UNSUPPORTED);
            free(pool.arena.base);
            continue;
        }
#endif
        assert_int_equal(status, QC_OK);
        assert_int_equal(threads_count(pool.threads), threads);
        run_and_check(pool.threads, 200); /* asleep in between */
        threads_begin(pool.threads);
        run_and_check(pool.threads, 1100); /* looking out in between */
        threads_end(pool.threads);
        threads_stop(pool.threads);
        free(pool.arena.base);
    }
}

#ifdef QUALICLIP_THREADS

static double processor_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + 1e-9 * (double)used.tv_nsec;
}

/*
 * What the process computes while this thread does nothing for a while: the least of some whiles,
 * because a virtual machine may take what another has used for ours.
 */
static double used_while_waiting(void)
{
    double least = 1;
    for (int i = 0; i < 5; i++) {
        const double before = processor_seconds();
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        const double used = processor_seconds() - before;
        least = used < least ? used : least;
    }
    return least;
}

static struct pool pool_of_threads(void)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.threads = WORKERS;
    struct pool pool = pool_open(&options);
    assert_int_equal(threads_start(pool.threads, &options, NULL), QC_OK);
    return pool;
}

static void pool_close(struct pool *pool)
{
    threads_stop(pool->threads);
    free(pool->arena.base);
}

/* Three threads that looked out for work all the time would take 0.1 to 0.3 seconds. */
static void idle_threads_sleep(void **state)
{
    (void)state;
    struct pool pool = pool_of_threads();
    threads_begin(pool.threads);
    run_and_check(pool.threads, 20);
    assert_true(used_while_waiting() < 0.02); /* a call goes on, but has nothing for them */
    run_and_check(pool.threads, 20);
    threads_end(pool.threads);
    assert_true(used_while_waiting() < 0.02);
    pool_close(&pool);
}

static atomic_int checked;

static void add_task(void *context, size_t index, size_t worker)
{
    (void)worker;
    atomic_fetch_add((atomic_size_t *)context, index + 1);
}

static void *run_beside(void *argument)
{
    (void)argument;
    struct pool pool = pool_of_threads();
    static _Thread_local atomic_size_t sum;
    for (size_t round = 0; round < 3000; round++) {
        const size_t count = 2 + round % 30;
        atomic_store(&sum, 0);
        (round % 2 ? threads_begin : threads_end)(pool.threads);
        threads_run(pool.threads, count, add_task, &sum);
        if (atomic_load(&sum) == count * (count + 1) / 2)
            atomic_fetch_add(&checked, 1);
    }
    pool_close(&pool);
    return NULL;
}

/* More threads than processors: some come late to a job, or find the next one. */
static void pools_run_beside_each_other(void **state)
{
    (void)state;
    enum { pools = 4 };
    pthread_t threads[pools];
    for (int i = 0; i < pools; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_beside, NULL), 0);
    for (int i = 0; i < pools; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&checked), pools * 3000);
}

#endif

static void run_backwards(void *pool, size_t count, qc_task *task, void *context)
{
    *(size_t *)pool += count;
    for (size_t i = count; i-- > 0;)
        task(context, i, i % WORKERS);
}

static void callers_pool_is_used(void **state)
{
    (void)state;
    size_t handed_over = 0;
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.threads = WORKERS;
    options.parallel_for = run_backwards;
    options.pool = &handed_over;
    struct pool pool = pool_open(&options);
    assert_int_equal(threads_start(pool.threads, &options, NULL), QC_OK);
    run_and_check(pool.threads, 10);
    assert_int_equal(handed_over, 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9);
    threads_stop(pool.threads);
    free(pool.arena.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_run_once),
        cmocka_unit_test(callers_pool_is_used),
#ifdef QUALICLIP_THREADS
        cmocka_unit_test(idle_threads_sleep),
        cmocka_unit_test(pools_run_beside_each_other),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
