/*
 * kernels.c - measures the matrix product of each kernel set on the shapes of CLIP's towers.
 *
 * Sets are measured in turns, and of each shape the fastest call counts: whatever disturbs only
 * adds time.  Weights come from a pool larger than the caches, as in a whole model; where they are
 * not packed beforehand, sets pack them in the measured time.  The peak is that of f32.
 *
 * usage: kernels [ROUNDS [PART_OF_A_SHAPE'S_NAME]]
 */
#define _DEFAULT_SOURCE /* madvise */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "compiler.h"
#include "kernels.h"
#include "peak.h"

#define POOL_FLOATS       (64u << 20)
#define MAX_COLUMNS       16
#define ACTIVATION_FLOATS (2048u * 4096)
#define SCRATCH_BYTES     (8u << 20)

struct shape {
    const char *name;
    size_t rows, outputs, inputs, taps;
    number_type type;
};

static const struct shape shapes[] = {
    {"ViT-B/32 out", 50, 768, 768, 1, NUMBER_F32},
    {"ViT-B/32 fc1", 50, 3072, 768, 1, NUMBER_F32},
    {"ViT-B/32 fc2", 50, 768, 3072, 1, NUMBER_F32},
    {"ViT-B/32 out f16", 50, 768, 768, 1, NUMBER_F16},
    {"ViT-B/32 fc2 f16", 50, 768, 3072, 1, NUMBER_F16},
    {"ViT-B/32 out bf16", 50, 768, 768, 1, NUMBER_BF16},
    {"ViT-B/32 fc2 bf16", 50, 768, 3072, 1, NUMBER_BF16},
    {"ViT 385 out", 385, 768, 768, 1, NUMBER_F32},
    {"ViT 385 fc1", 385, 3072, 768, 1, NUMBER_F32},
    {"ViT 385 fc2", 385, 768, 3072, 1, NUMBER_F32},
    {"ViT 1600 out", 1600, 768, 768, 1, NUMBER_F32},
    {"ViT 1600 fc2", 1600, 768, 3072, 1, NUMBER_F32},
    {"RN50 layer4 3x3", 49, 512, 512, 9, NUMBER_F32},
    {"RN50 layer4 1x1", 49, 2048, 512, 1, NUMBER_F32},
    {"RN50 layer3 3x3", 196, 256, 256, 9, NUMBER_F32},
    {"nano 16 3x3", 240, 16, 16, 9, NUMBER_F32},
    {"nano 8 3x3", 240, 8, 8, 9, NUMBER_F32},
    {"nano 64 1x1", 240, 64, 64, 1, NUMBER_F32},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* What is measured: a set, from weights as they are in a file or from packed ones. */
struct column {
    const kernel_set *set;
    bool packed;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* In large pages, as the library has its packed weights. */
static void *need(size_t bytes)
{
    const size_t page = (size_t)2 << 20, whole = (bytes + page - 1) / page * page;
    void *block = aligned_alloc(page, whole);
    if (!block) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
#ifdef MADV_HUGEPAGE
    (void)madvise(block, whole, MADV_HUGEPAGE);
#endif
    return block;
}

/* GFLOP/s of the fastest in about a tenth of a second. */
static double measure(const struct column *column, const struct shape *s, const float *pool,
                      float *x, float *out, float *scratch)
{
    size_t depth = s->taps * s->inputs;
    size_t matrix = packed_bytes(NUMBER_F32, s->taps, s->inputs, s->outputs) / sizeof(float);
    size_t stride = s->inputs + 16; /* not a power of two, as a scorer would lay rows out */
    static const float *neighbours[2048 * 9];
    for (size_t m = 0; s->taps > 1 && m < s->rows; m++)
        for (size_t t = 0; t < s->taps; t++)
            neighbours[m * s->taps + t] = x + (m + t) % s->rows * stride;
    gemm_call call = {
        .rows = s->rows,
        .outputs = s->outputs,
        .taps = s->taps,
        .inputs = s->inputs,
        .x_rows = s->taps > 1 ? neighbours : NULL,
        .x = x,
        .x_stride = stride,
        .weight_type = s->type,
        .weight_stride = depth,
        .bias = pool,
        .out = out,
        .out_stride = s->outputs + 16,
    };
    double flops = 2.0 * (double)s->rows * (double)(s->outputs * depth);
    /* Of a few calls at once, half a millisecond and more, so that the clock is exact enough. */
    size_t at_once = (size_t)(0.0005 * 70e9 / flops) + 1, at = 0;
    size_t turns = (size_t)(0.1 * 70e9 / flops) / at_once + 1;
    double best = 0;
    for (size_t i = 0; i < turns; i++) {
        double start = now();
        for (size_t j = 0; j < at_once; j++) {
            call.weights = pool + at;
            call.packed = column->packed ? pool + at : NULL; /* the numbers take no time */
            column->set->gemm(&call, scratch);
            at += matrix;
            if (at + matrix > POOL_FLOATS)
                at = 0;
        }
        double rate = flops * (double)at_once / (now() - start) * 1e-9;
        best = rate > best ? rate : best;
    }
    return best;
}

/* All but the plain C ones, which would take most of the time and win nothing. */
static size_t find_columns(struct column columns[MAX_COLUMNS])
{
    size_t count = 0;
    for (size_t i = 0; kernel_set_at(i) && count + 2 <= MAX_COLUMNS; i++) {
        const kernel_set *set = kernel_set_at(i);
        if (strncmp(set->name, "reference", strlen("reference")) == 0)
            continue;
        if (set->packs)
            columns[count++] = (struct column){set, true};
        columns[count++] = (struct column){set, false};
    }
    return count;
}

/* Numbers of the size of weights; their halves, taken as half precision, are finite too. */
static float *numbers(size_t count)
{
    float *block = need(count * sizeof *block);
    for (size_t i = 0; i < count; i++)
        block[i] = (float)(i % 251) * 0x1p-8f - 0.5f;
    return block;
}

static void print_results(const struct column *columns, size_t column_count,
                          double best[SHAPES][MAX_COLUMNS], double peak)
{
    printf("peak %.1f GFLOP/s\n%-18s", peak, "");
    for (size_t j = 0; j < column_count; j++) {
        char name[32];
        snprintf(name, sizeof name, "%s%s", columns[j].set->name,
                 columns[j].packed ? ", packed" : "");
        printf(" %20s", name);
    }
    printf("\n");
    for (size_t i = 0; i < SHAPES; i++) {
        if (best[i][0] == 0)
            continue;
        printf("%-18s", shapes[i].name);
        for (size_t j = 0; j < column_count; j++)
            printf("    %8.1f (%5.1f %%)", best[i][j], 100 * best[i][j] / peak);
        printf("\n");
    }
}

int main(int count, char **arguments)
{
    int rounds = count > 1 ? atoi(arguments[1]) : 5;
    const char *only = count > 2 ? arguments[2] : "";
    struct column columns[MAX_COLUMNS];
    size_t column_count = find_columns(columns);
    float *pool = numbers(POOL_FLOATS), *x = numbers(ACTIVATION_FLOATS);
    float *out = numbers(ACTIVATION_FLOATS), *scratch = need(SCRATCH_BYTES);
    double best[SHAPES][MAX_COLUMNS] = {{0}};
    const double peak = peak_gflops(columns[0].set->name, "f32");

    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i < SHAPES; i++) {
            if (!strstr(shapes[i].name, only))
                continue;
            for (size_t j = 0; j < column_count; j++) {
                double rate = measure(&columns[j], &shapes[i], pool, x, out, scratch);
                best[i][j] = rate > best[i][j] ? rate : best[i][j];
            }
        }
    }
    print_results(columns, column_count, best, peak);
    free(pool);
    free(x);
    free(out);
    free(scratch);
    return 0;
}
