/*
 * resampling.c - draws on several threads; each draw has random numbers of its own, so that the
 * threads do not matter.
 */
#include "resampling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../in_order.h"
#include "../memory.h"
#include "quantile.h"

struct draws {
    const struct bootstrap *bootstrap;
    size_t count;
    resampled *compute;
    const void *context;
    size_t size;
    double *numbers; /* `size` of each draw */
};

/* SplitMix64: any seed will do, and neighbouring ones have nothing in common. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static void draw(void *context, size_t worker, size_t piece)
{
    (void)worker;
    const struct draws *draws = context;
    uint64_t state = draws->bootstrap->seed, start = next_random(&state) ^ piece;
    uint32_t *times = reallocate(NULL, draws->count, sizeof *times);
    memset(times, 0, draws->count * sizeof *times);
    for (size_t i = 0; i < draws->count; i++)
        times[((next_random(&start) >> 32) * draws->count) >> 32]++;
    draws->compute(draws->context, times, draws->numbers + piece * draws->size);
    free(times);
}

static bool go_on(void *context, size_t piece)
{
    (void)context;
    (void)piece;
    return true;
}

static void set_interval(const struct draws *draws, size_t which, struct interval *interval)
{
    const size_t resamples = draws->bootstrap->resamples;
    double *values = reallocate(NULL, resamples + 1, sizeof *values);
    size_t count = 0;
    for (size_t i = 0; i < resamples; i++) {
        const double value = draws->numbers[i * draws->size + which];
        if (!isnan(value))
            values[count++] = value;
    }
    sort_numbers(values, count);
    const bool enough = count > 0 && 2 * count >= resamples;
    interval->low = enough ? quantile(values, count, 0.025) : NAN;
    interval->high = enough ? quantile(values, count, 0.975) : NAN;
    free(values);
}

void resample(const struct bootstrap *bootstrap, size_t count, resampled *compute,
              const void *context, struct interval *intervals, size_t size)
{
    const size_t resamples = count ? bootstrap->resamples : 0;
    struct draws draws = {bootstrap, count, compute,
                          context,   size,  reallocate(NULL, resamples * size + 1, sizeof(double))};
    for (size_t i = 0; i < resamples * size; i++)
        draws.numbers[i] = NAN;
    const struct ordered_work work = {.count = resamples,
                                      .workers = bootstrap->threads,
                                      .ahead = 32 * (size_t)bootstrap->threads,
                                      .work = draw,
                                      .take = go_on,
                                      .context = &draws};
    if (resamples)
        run_in_order(&work);
    for (size_t i = 0; i < size; i++) {
        if (resamples)
            set_interval(&draws, i, &intervals[i]);
        else
            intervals[i].low = intervals[i].high = NAN;
    }
    free(draws.numbers);
}
