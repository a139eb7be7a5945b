/*
 * pool.c - a scorer on a pool of threads that the application has already.
 *
 *     pool PHOTO
 *
 * The pool here is as small as one can be: threads that wait for work, of which there is one piece
 * at a time.  The library starts no thread of its own.
 */
#include <pthread.h>
#include <qualiclip.h>
#include <stdio.h>

enum { worker_count = 4 };

struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    qc_task *task;
    void *context;
    size_t next, count, unfinished;
    int stop;
};

struct worker {
    struct pool *pool;
    size_t number; /* below qc_scorer_options.threads, and this thread's alone */
};

static void *run_worker(void *argument)
{
    const struct worker *worker = argument;
    struct pool *pool = worker->pool;
    pthread_mutex_lock(&pool->mutex);
    while (!pool->stop) {
        if (pool->next == pool->count) {
            pthread_cond_wait(&pool->work, &pool->mutex);
            continue;
        }
        const size_t index = pool->next++;
        pthread_mutex_unlock(&pool->mutex);
        pool->task(pool->context, index, worker->number);
        pthread_mutex_lock(&pool->mutex);
        if (--pool->unfinished == 0)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* What the library calls: returns when each of `count` tasks has run once. */
static void run_all(void *context, size_t count, qc_task *task, void *task_context)
{
    struct pool *pool = context;
    pthread_mutex_lock(&pool->mutex);
    pool->task = task;
    pool->context = task_context;
    pool->next = 0;
    pool->count = pool->unfinished = count;
    pthread_cond_broadcast(&pool->work);
    while (pool->unfinished)
        pthread_cond_wait(&pool->done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

static int score(struct pool *pool, const char *path)
{
    qc_model *model;
    if (qc_model_open(&model, NULL, NULL))
        return 2;
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.threads = worker_count;
    options.parallel_for = run_all;
    options.pool = pool;
    qc_scorer *scorer;
    int status = 2;
    if (qc_scorer_create(&scorer, model, &options) == QC_OK) {
        qc_result result;
        status = qc_score_file(scorer, path, &result) != QC_OK;
        if (status)
            fprintf(stderr, "%s: %s\n", path, result.message);
        else
            printf("%.4f  %s\n", (double)result.score, path);
    }
    qc_scorer_destroy(scorer);
    qc_model_close(model);
    return status;
}

int main(int argc, char **argv)
{
    static struct pool pool = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                               .work = PTHREAD_COND_INITIALIZER,
                               .done = PTHREAD_COND_INITIALIZER};
    struct worker workers[worker_count];
    pthread_t threads[worker_count];
    if (argc != 2)
        return 2;
    for (size_t i = 0; i < worker_count; i++) {
        workers[i] = (struct worker){&pool, i};
        if (pthread_create(&threads[i], NULL, run_worker, &workers[i]))
            return 2;
    }
    const int status = score(&pool, argv[1]);
    pthread_mutex_lock(&pool.mutex);
    pool.stop = 1;
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.mutex);
    for (size_t i = 0; i < worker_count; i++)
        pthread_join(threads[i], NULL);
    return status;
}
