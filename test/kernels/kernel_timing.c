/*
 * kernel_timing.c - the fastest time of each kernel, shape and set, and the table of them.
 *
 * Whatever disturbs a measurement only adds to it, so the fastest counts.
 */
#include "kernel_timing.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "peak.h"

#define SHORTEST 0.0005 /* seconds: so many calls are measured at once that the clock is exact */
#define TURN     0.05   /* seconds for a shape in a round */

struct timing {
    const struct kernel_check *kernel;
    char shape[48];
    const kernel_set *set;
    double operations, seconds;
};
static struct timing timings[4096];
static size_t timing_count;
static const struct kernel_check *current_kernel;
static const kernel_set *current_set;

void timing_of(const struct kernel_check *kernel, const kernel_set *set)
{
    current_kernel = kernel;
    current_set = set;
}

static struct timing *find_timing(const struct kernel_check *kernel, const char *shape,
                                  const kernel_set *set)
{
    for (size_t i = 0; i < timing_count; i++)
        if (timings[i].kernel == kernel && strcmp(timings[i].shape, shape) == 0 &&
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

/* The same for all shapes; 0 where none is known. */
static double peak_of(const struct kernel_check *kernel, const kernel_set *set)
{
    static struct peak {
        const char *precision;
        const kernel_set *set;
        double gflops;
    } peaks[100];
    if (!kernel->precision)
        return 0;
    for (size_t i = 0; i < sizeof peaks / sizeof *peaks; i++) {
        if (!peaks[i].set)
            peaks[i] =
                (struct peak){kernel->precision, set, peak_gflops(set->name, kernel->precision)};
        if (peaks[i].set == set && strcmp(peaks[i].precision, kernel->precision) == 0)
            return peaks[i].gflops;
    }
    return 0;
}

/* The time; where operations are known, their rate and its part of the peak; against plain C. */
static void print_timing(const struct timing *t)
{
    const struct timing *plain = find_timing(t->kernel, t->shape, kernel_set_find("reference"));
    printf("  %-20s %12.3f us", t->set->name, 1e6 * t->seconds);
    const double rate = 1e-9 * t->operations / t->seconds, peak = peak_of(t->kernel, t->set);
    if (t->operations > 0)
        printf(" %8.1f GFLOP/s", rate);
    if (t->operations > 0 && peak > 0)
        printf(" %5.1f %% of the peak", 100 * rate / peak);
    if (plain)
        printf(" %7.2f x reference", plain->seconds / t->seconds);
    printf("\n");
}

void print_timings(void)
{
    for (size_t i = 0; i < timing_count; i++) {
        bool first = true;
        for (size_t j = 0; j < timing_count; j++) {
            if (timings[i].kernel != timings[j].kernel ||
                strcmp(timings[i].shape, timings[j].shape) != 0)
                continue;
            if (j < i)
                break; /* shown already */
            if (first)
                printf("%s: %s\n", timings[i].kernel->name, timings[i].shape);
            first = false;
            print_timing(&timings[j]);
        }
    }
}
