/*
 * threads.c - what threads cost: a fork and join over tasks that do nothing, and what two scorers
 * in two threads take from each other.
 *
 * usage: threads [MODEL.gguf [WIDTH HEIGHT]]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "threads.h"

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ------------------------------------------------------------------------------- fork and join */

static atomic_size_t sink;

/* About `length` additions. */
struct load {
    size_t length;
};

static void burn(void *context, size_t index, size_t worker)
{
    const struct load *load = context;
    (void)worker;
    volatile size_t sum = index;
    for (size_t i = 0; i < load->length; i++)
        sum = sum + i;
    atomic_fetch_add_explicit(&sink, sum & 1, memory_order_relaxed);
}

static double time_forks(struct threads *threads, size_t tasks, size_t length)
{
    struct load load = {length};
    double best = 1;
    for (int round = 0; round < 50; round++) {
        enum { forks = 200 };
        const double start = seconds(CLOCK_MONOTONIC);
        threads_begin(threads);
        for (int i = 0; i < forks; i++)
            threads_run(threads, tasks, burn, &load);
        threads_end(threads);
        const double each = (seconds(CLOCK_MONOTONIC) - start) / forks;
        best = each < best ? each : best;
    }
    return best;
}

static void report_forks(uint32_t count)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.threads = count;
    struct arena arena = {0};
    threads_plan(&arena, &options);
    arena = (struct arena){.base = aligned_alloc(ARENA_ALIGNMENT, arena.used)};
    struct threads *threads = threads_plan(&arena, &options);
    if (threads_start(threads, &options, NULL) != QC_OK)
        exit(1);
    for (size_t tasks = 2; tasks <= 32; tasks *= 4) {
        printf("%u threads, %2zu tasks: empty %6.2f us", (unsigned)count, tasks,
               1e6 * time_forks(threads, tasks, 0));
        for (size_t length = 1000; length <= 100000; length *= 10)
            printf(", of %zu additions %8.2f us", length / tasks,
                   1e6 * time_forks(threads, tasks, length / tasks));
        printf("\n");
    }
    threads_stop(threads);
    free(arena.base);
}

/* ---------------------------------------------------------------------------------- two scorers */

struct client {
    const qc_model *model;
    qc_image image;
    pthread_barrier_t *start;
    double seconds; /* the best of all images */
};

static void *score_on_and_on(void *argument)
{
    struct client *client = argument;
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = client->image.width;
    options.max_height = client->image.height;
    qc_scorer *scorer;
    qc_model_info info;
    qc_model_describe(client->model, &info);
    float *feature = malloc(info.feature_size * sizeof *feature);
    if (!feature || qc_scorer_create(&scorer, client->model, &options) != QC_OK)
        exit(1);
    if (client->start)
        pthread_barrier_wait(client->start);
    client->seconds = 1e9;
    const double begin = seconds(CLOCK_MONOTONIC);
    for (double last = begin, now; last - begin < 3; last = now) {
        (void)qc_embed(scorer, &client->image, feature);
        now = seconds(CLOCK_MONOTONIC);
        client->seconds = now - last < client->seconds ? now - last : client->seconds;
    }
    qc_scorer_destroy(scorer);
    free(feature);
    return NULL;
}

static void report_scorers(const qc_model *model, uint32_t width, uint32_t height)
{
    const size_t bytes = (size_t)width * height * 3;
    uint8_t *pixels = malloc(bytes);
    if (!pixels)
        exit(1);
    for (size_t i = 0; i < bytes; i++)
        pixels[i] = (uint8_t)(i * 2654435761u >> 24);
    struct client alone = {.model = model,
                           .image = {.width = width,
                                     .height = height,
                                     .planes = {pixels},
                                     .strides = {3 * (ptrdiff_t)width}}};
    score_on_and_on(&alone);
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, 2);
    struct client pair[2] = {alone, alone};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        pair[i].start = &start;
        if (pthread_create(&threads[i], NULL, score_on_and_on, &pair[i]) != 0)
            exit(1);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("a scorer alone: %.2f ms an image; two at once: %.2f ms (%.0f %%), %.2f ms (%.0f %%)\n",
           1e3 * alone.seconds, 1e3 * pair[0].seconds, 100 * alone.seconds / pair[0].seconds,
           1e3 * pair[1].seconds, 100 * alone.seconds / pair[1].seconds);
    free(pixels);
}

int main(int argc, char **argv)
{
    qc_model *model;
    if (qc_model_open(&model, argc > 1 ? argv[1] : NULL, NULL) != QC_OK) {
        fprintf(stderr, "no model\n");
        return 1;
    }
    report_forks(2);
    report_scorers(model, argc > 3 ? (uint32_t)atoi(argv[2]) : 768,
                   argc > 3 ? (uint32_t)atoi(argv[3]) : 512);
    qc_model_close(model);
    return 0;
}
