/*
 * batch_norm.c - see batch_norm.h.  As PyTorch's: the batch is normalised by its own variance, the
 * running one moves towards the unbiased estimate.
 */
#include "batch_norm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EPSILON  1e-5
#define MOMENTUM 0.1

bool batch_norm_create(struct batch_norm *norm, size_t channels, size_t padded, size_t members)
{
    enum { float_arrays = 6, double_arrays = 4 };
    const size_t floats = float_arrays * padded, doubles = double_arrays * padded * members;
    const size_t bytes = doubles * sizeof(double) + floats * sizeof(float);
    norm->channels = channels;
    norm->padded = padded;
    norm->members = members;
    norm->moments = calloc(members, sizeof *norm->moments);
    norm->sums = calloc(members, sizeof *norm->sums);
    norm->memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!norm->moments || !norm->sums || !norm->memory)
        return false;
    memset(norm->memory, 0, bytes);
    double *numbers = norm->memory;
    for (size_t i = 0; i < members; i++, numbers += double_arrays * padded) {
        norm->moments[i] = (struct channel_moments){0, numbers, numbers + padded};
        norm->sums[i] = (struct channel_sums){numbers + 2 * padded, numbers + 3 * padded};
    }
    float *factors = (float *)numbers;
    norm->factors = (struct channel_factors){factors,
                                             factors + padded,
                                             factors + 2 * padded,
                                             factors + 3 * padded,
                                             factors + 4 * padded,
                                             factors + 5 * padded};
    return true;
}

void batch_norm_destroy(struct batch_norm *norm)
{
    free(norm->moments);
    free(norm->sums);
    free(norm->memory);
}

void batch_norm_begin(struct batch_norm *norm)
{
    const size_t bytes = norm->padded * sizeof(double);
    for (size_t i = 0; i < norm->members; i++) {
        norm->moments[i].count = 0;
        memset(norm->moments[i].mean, 0, bytes);
        memset(norm->moments[i].deviation, 0, bytes);
        memset(norm->sums[i].gradient, 0, bytes);
        memset(norm->sums[i].product, 0, bytes);
    }
}

/* ------------------------------------------------------------------------------ other processes */

/* Means and deviations lie one behind the other. */
static void share_moments(struct batch_norm *norm, const struct tower_peers *peers)
{
    const size_t size = 2 * norm->padded;
    struct channel_moments *moments = &norm->moments[0], all[TOWER_PEERS_MAX];
    double *numbers = peers->gather(peers->context, &moments->count, 1);
    for (uint32_t i = 0; i < peers->count; i++)
        all[i].count = numbers[i];
    numbers = peers->gather(peers->context, moments->mean, size);
    for (uint32_t i = 0; i < peers->count; i++) {
        all[i].mean = numbers + i * size;
        all[i].deviation = all[i].mean + norm->padded;
    }
    moments_merge(all, peers->count, norm->channels);
    memcpy(moments->mean, numbers, size * sizeof *numbers);
    moments->count = all[0].count;
}

/* So do gradients and products. */
static void share_sums(struct batch_norm *norm, const struct tower_peers *peers)
{
    const size_t size = 2 * norm->padded;
    double *sums = norm->sums[0].gradient;
    const double *numbers = peers->gather(peers->context, sums, size);
    memcpy(sums, numbers, size * sizeof *sums);
    for (uint32_t i = 1; i < peers->count; i++)
        for (size_t j = 0; j < size; j++)
            sums[j] += numbers[i * size + j];
}

/* ---------------------------------------------------------------------------------- settling */

static void move_running(float *running, double value)
{
    *running = (float)((1 - MOMENTUM) * (double)*running + MOMENTUM * value);
}

void batch_norm_settle(struct batch_norm *norm, bool training, const struct tower_peers *peers)
{
    struct channel_factors *f = &norm->factors;
    if (!norm->gain) {
        for (size_t c = 0; c < norm->channels; c++) {
            f->scale[c] = 1;
            f->shift[c] = norm->bias->values[c];
        }
        return;
    }
    const struct channel_moments *batch = &norm->moments[0];
    if (training)
        moments_merge(norm->moments, norm->members, norm->channels);
    if (training && peers)
        share_moments(norm, peers);
    for (size_t c = 0; c < norm->channels; c++) {
        double mean = (double)norm->mean->values[c], variance = (double)norm->variance->values[c];
        if (training) {
            mean = batch->mean[c];
            variance = batch->deviation[c] / batch->count;
            const double others = batch->count > 1 ? batch->count - 1 : 1;
            move_running(&norm->mean->values[c], mean);
            move_running(&norm->variance->values[c], batch->deviation[c] / others);
        }
        const double scale = (double)norm->gain->values[c] / sqrt(variance + EPSILON);
        f->scale[c] = (float)scale;
        f->shift[c] = (float)((double)norm->bias->values[c] - mean * scale);
        f->centre[c] = (float)mean;
    }
}

/*
 * With n = (z - mean) / deviation, of N numbers each: the gradient of z is
 * gain / deviation * (g - sum(g) / N - n * sum(g * n) / N).
 */
void batch_norm_settle_back(struct batch_norm *norm, const struct tower_peers *peers)
{
    struct channel_factors *f = &norm->factors;
    const struct channel_moments *batch = &norm->moments[0];
    struct channel_sums *sums = &norm->sums[0];
    for (size_t c = 0; c < norm->channels; c++) {
        for (size_t i = 1; i < norm->members; i++) {
            sums->gradient[c] += norm->sums[i].gradient[c];
            sums->product[c] += norm->sums[i].product[c];
        }
        norm->bias->gradient[c] = (float)sums->gradient[c];
        f->by_gradient[c] = 1;
        if (!norm->gain)
            continue;
        const double inverse = 1 / sqrt(batch->deviation[c] / batch->count + EPSILON);
        /* The centre is the mean rounded; what that adds to each product is taken away again. */
        sums->product[c] += sums->gradient[c] * ((double)f->centre[c] - batch->mean[c]);
        norm->gain->gradient[c] = (float)(sums->product[c] * inverse);
    }
    if (!norm->gain)
        return;
    if (peers)
        share_sums(norm, peers);
    for (size_t c = 0; c < norm->channels; c++) {
        const double inverse = 1 / sqrt(batch->deviation[c] / batch->count + EPSILON);
        const double scale = (double)norm->gain->values[c] * inverse;
        f->by_gradient[c] = (float)scale;
        f->by_value[c] = (float)(-scale * inverse * inverse * sums->product[c] / batch->count);
        f->constant[c] = (float)(-scale * sums->gradient[c] / batch->count);
    }
}
