/*
 * roofline.c - the matrix product against its two limits, arithmetic and memory, by rows.
 *
 * A weight that has come from memory is used once for each row: the more rows, the less memory
 * matters.  Weights lie in a pool larger than the caches, as those of a whole ViT-B/32 do, packed;
 * the fastest call counts.  Prints JSON lines for bench/roofline: {"precision","peak"} in GFLOP/s,
 * {"bandwidth"} of reading such a pool in GB/s, {"precision","rows","gflops"}.
 *
 * usage: roofline [KERNELS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "kernels.h"
#include "peak.h"

enum { OUTPUTS = 768, INPUTS = 768, MOST_ROWS = 400, STRIDE = INPUTS + 16 };

#define POOL_BYTES ((size_t)256 << 20)
#define LARGE_PAGE ((size_t)2 << 20)
#define SECONDS    0.3 /* for a point */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* In large pages, as the library has its packed weights; zeros. */
static void *need(size_t bytes)
{
    const size_t whole = (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    void *block = aligned_alloc(LARGE_PAGE, whole);
    if (!block) {
        fprintf(stderr, "roofline: out of memory\n");
        exit(1);
    }
    (void)madvise(block, whole, MADV_HUGEPAGE);
    memset(block, 0, whole);
    return block;
}

/* GB/s of the fastest pass over the pool. */
static double read_pool(const kernel_set *kernels, const void *pool)
{
    double best = 0;
    for (int turn = 0; turn < 8; turn++) {
        const double start = now();
        const bool finite = kernels->all_finite(pool, NUMBER_F32, POOL_BYTES / sizeof(float));
        const double rate = 1e-9 * (double)POOL_BYTES / (now() - start);
        best = finite && rate > best ? rate : best;
    }
    return best;
}

static void fill(float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(i * 7919 % 251) * 0x1p-8f - 0.5f;
}

/* As many copies of one packed matrix as the pool holds. */
static size_t fill_pool(unsigned char *pool, number_type type)
{
    const size_t bytes = packed_bytes(type, 1, INPUTS, OUTPUTS);
    float *weights = need(sizeof(float) * OUTPUTS * INPUTS);
    fill(weights, (size_t)OUTPUTS * INPUTS);
    if (type == NUMBER_I8) {
        quantise_weights((struct panel_i8 *)pool, weights, OUTPUTS, INPUTS);
    } else {
        uint16_t *upper = (uint16_t *)weights; /* halves in place: each is read before it goes */
        for (size_t i = 0; type == NUMBER_BF16 && i < (size_t)OUTPUTS * INPUTS; i++) {
            uint32_t bits;
            memcpy(&bits, &weights[i], sizeof bits);
            upper[i] = (uint16_t)(bits >> 16);
        }
        pack_weights(pool, weights, type, OUTPUTS, 1, INPUTS);
    }
    free(weights);
    for (size_t i = 1; i < POOL_BYTES / bytes; i++)
        memcpy(pool + i * bytes, pool, bytes);
    return POOL_BYTES / bytes;
}

struct point {
    const kernel_set *kernels;
    const unsigned char *pool;
    size_t matrices;
    gemm_call call;
    float *scratch;
};

/* GFLOP/s of the fastest pass over half a millisecond's matrices and more. */
static double measure(struct point *point)
{
    const size_t bytes = packed_bytes(point->call.weight_type, 1, INPUTS, OUTPUTS);
    const double flops = 2.0 * (double)(point->call.rows * OUTPUTS * INPUTS);
    const size_t at_once = (size_t)(5e7 / flops) + 1;
    double best = 0, spent = 0;
    for (size_t at = 0; spent < SECONDS;) {
        const double start = now();
        for (size_t i = 0; i < at_once; i++, at++) {
            point->call.packed = point->pool + at % point->matrices * bytes;
            point->kernels->gemm(&point->call, point->scratch);
        }
        const double seconds = now() - start;
        const double rate = 1e-9 * flops * (double)at_once / seconds;
        best = rate > best ? rate : best;
        spent += seconds;
    }
    return best;
}

static void measure_precision(const kernel_set *kernels, const char *name, number_type type,
                              unsigned char *pool)
{
    static const size_t rows[] = {1, 2, 4, 8, 16, 25, 50, 100, 200, MOST_ROWS};
    float *x = need(sizeof(float) * MOST_ROWS * STRIDE),
          *out = need(sizeof(float) * MOST_ROWS * STRIDE);
    void *rounded = need(MOST_ROWS * rounded_bytes(type, INPUTS));
    struct point point = {.kernels = kernels, .pool = pool, .matrices = fill_pool(pool, type)};
    point.scratch = need(sizeof(float) * kernels->gemm_scratch(1, INPUTS, OUTPUTS));
    fill(x, (size_t)MOST_ROWS * STRIDE);
    const bool rounds = type == NUMBER_I8 || (type == NUMBER_BF16 && kernels->multiplies_bf16);
    if (rounds)
        kernels->round_rows(rounded, x, STRIDE, MOST_ROWS, INPUTS, type);
    printf("{\"precision\":\"%s\",\"peak\":%.1f}\n", name, peak_gflops(kernels->name, name));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        point.call = (gemm_call){.rows = rows[i],
                                 .outputs = OUTPUTS,
                                 .taps = 1,
                                 .inputs = INPUTS,
                                 .x = x,
                                 .x_stride = STRIDE,
                                 .weight_type = type,
                                 .rounded = rounds ? rounded : NULL,
                                 .out = out,
                                 .out_stride = STRIDE};
        printf("{\"precision\":\"%s\",\"rows\":%zu,\"gflops\":%.1f}\n", name, rows[i],
               measure(&point));
    }
    free(point.scratch);
    free(rounded);
    free(out);
    free(x);
}

int main(int count, char **arguments)
{
    const kernel_set *kernels = kernel_set_find(count > 1 ? arguments[1] : NULL);
    if (!kernels || !kernels->packs) {
        fprintf(stderr, "usage: roofline [KERNELS]   (a set that reads packed weights)\n");
        return 2;
    }
    unsigned char *pool = need(POOL_BYTES);
    printf("{\"kernels\":\"%s\",\"bandwidth\":%.1f}\n", kernels->name, read_pool(kernels, pool));
    measure_precision(kernels, "f32", NUMBER_F32, pool);
    measure_precision(kernels, "bf16", NUMBER_BF16, pool);
    measure_precision(kernels, "int8", NUMBER_I8, pool);
    free(pool);
    return 0;
}
