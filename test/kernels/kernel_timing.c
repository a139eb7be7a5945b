/*
 * kernel_timing.c - the fastest time of each kernel, shape and set, and the table of them.
 *
 * Whatever disturbs a measurement only adds to it, so the fastest counts.
 */
#include "kernel_timing.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kernel_check.h"

#define SHORTEST 0.0005 /* seconds: so many calls are measured at once that the clock is exact */
#define TURN     0.05   /* seconds for a shape in a round */

struct timing {
    const char *kernel;
    char shape[48];
    const kernel_set *set;
    double operations, seconds;
};
static struct timing timings[4096];
static size_t timing_count;
static const char *current_kernel;
static const kernel_set *current_set;

void timing_of(const char *kernel, const kernel_set *set)
{
    current_kernel = kernel;
    current_set = set;
}

static struct timing *find_timing(const char *kernel, const char *shape, const kernel_set *set)
{
    for (size_t i = 0; i < timing_count; i++)
        if (strcmp(timings[i].kernel, kernel) == 0 && strcmp(timings[i].shape, shape) == 0 &&
            timings[i].set == set)
            return &timings[i];
    return NULL;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double time_calls(size_t calls, void (*call)(void *), void *context)
{
    const double start = now();
    for (size_t i = 0; i < calls; i++)
        call(context);
    return now() - start;
}

void time_kernel(const char *shape, double operations, void (*call)(void *), void *context)
{
    struct timing *timing = find_timing(current_kernel, shape, current_set);
    if (!timing) {
        if (timing_count == sizeof timings / sizeof *timings)
            return;
        timing = &timings[timing_count++];
        *timing = (struct timing){.kernel = current_kernel, .set = current_set};
        snprintf(timing->shape, sizeof timing->shape, "%s", shape);
        timing->operations = operations;
    }
    size_t calls = 1;
    double seconds;
    while ((seconds = time_calls(calls, call, context)) < SHORTEST)
        calls *= 2;
    for (double spent = 0; spent < TURN; spent += seconds) {
        seconds = time_calls(calls, call, context);
        if (timing->seconds == 0 || seconds / (double)calls < timing->seconds)
            timing->seconds = seconds / (double)calls;
    }
}

/* ns or us, GFLOP/s where operations are known, and how much faster than plain C. */
static void print_timing(const struct timing *t)
{
    const struct timing *plain = find_timing(t->kernel, t->shape, kernel_set_find("reference"));
    printf("  %-20s %12.3f us", t->set->name, 1e6 * t->seconds);
    if (t->operations > 0)
        printf(" %8.1f GFLOP/s", 1e-9 * t->operations / t->seconds);
    else
        printf(" %16s", "");
    if (plain)
        printf(" %7.2f x reference", plain->seconds / t->seconds);
    printf("\n");
}

void print_timings(void)
{
    for (size_t i = 0; i < timing_count; i++) {
        bool first = true;
        for (size_t j = 0; j < timing_count; j++) {
            if (strcmp(timings[i].kernel, timings[j].kernel) != 0 ||
                strcmp(timings[i].shape, timings[j].shape) != 0)
                continue;
            if (j < i)
                break; /* shown already */
            if (first)
                printf("%s: %s\n", timings[i].kernel, timings[i].shape);
            first = false;
            print_timing(&timings[j]);
        }
    }
}
