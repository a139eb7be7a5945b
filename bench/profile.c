/*
 * profile.c - where a model's time goes: each kernel's calls, by shape, for one image on one
 * thread.
 *
 * It looks into the model and puts a set of its own in place of the kernels, which times each call;
 * the library knows nothing of it.  What is left over is pixels, pointers and the readout.
 *
 * usage: profile MODEL.gguf [WIDTH HEIGHT [TURNS [PRECISION [KERNELS]]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels.h"
#include "model.h"
#include "qualiclip.h"

enum { MOST_LINES = 128 };

/* Of all calls of a kernel with one shape. */
struct line {
    char name[48];
    size_t calls;
    double seconds, flops;
};

static const kernel_set *timed;
static struct line lines[MOST_LINES];
static size_t line_count;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void add(const char *name, double start, double flops)
{
    const double seconds = now() - start;
    size_t i = 0;
    while (i < line_count && strcmp(lines[i].name, name) != 0)
        i++;
    if (i == MOST_LINES)
        i--; /* the rest together */
    if (i == line_count)
        snprintf(lines[line_count++].name, sizeof lines->name, "%s", name);
    lines[i].calls++;
    lines[i].seconds += seconds;
    lines[i].flops += flops;
}

static void timed_gemm(const gemm_call *call, float *scratch)
{
    static const char *const activations[] = {"", " relu", " quick gelu", " gelu"};
    const double start = now();
    char name[48];
    timed->gemm(call, scratch);
    snprintf(name, sizeof name, "gemm %zux%zux%zu*%zu%s", call->rows, call->outputs, call->taps,
             call->inputs, activations[call->activation]);
    add(name, start,
        2.0 * (double)call->rows * (double)call->outputs * (double)(call->taps * call->inputs));
}

static void timed_attention(const attention_call *call, float *scratch)
{
    const double start = now();
    char name[48];
    timed->attention(call, scratch);
    snprintf(name, sizeof name, "attention %zux%zux%zu", call->queries, call->tokens, call->size);
    add(name, start, 4.0 * (double)call->queries * (double)call->tokens * (double)call->size);
}

static void timed_layernorm(float *out, size_t out_stride, const float *in, size_t in_stride,
                            size_t rows, size_t columns, const float *gain, const float *bias,
                            float epsilon)
{
    const double start = now();
    char name[48];
    timed->layernorm(out, out_stride, in, in_stride, rows, columns, gain, bias, epsilon);
    snprintf(name, sizeof name, "layernorm %zux%zu", rows, columns);
    add(name, start, 0);
}

static void timed_round_rows(void *rounded, const float *in, size_t in_stride, size_t rows,
                             size_t columns, number_type type)
{
    const double start = now();
    char name[48];
    timed->round_rows(rounded, in, in_stride, rows, columns, type);
    snprintf(name, sizeof name, "round %zux%zu", rows, columns);
    add(name, start, 0);
}

static void timed_average_pool_row(float *out, const float *top, const float *bottom,
                                   size_t columns, size_t channels)
{
    const double start = now();
    timed->average_pool_row(out, top, bottom, columns, channels);
    add("average pooling", start, 0);
}

static void timed_winograd_input(float *out, const float *const *pixels,
                                 const winograd_tiles *tiles)
{
    const double start = now();
    char name[48];
    timed->winograd_input(out, pixels, tiles);
    snprintf(name, sizeof name, "winograd %zu in, %zu channels", tiles->side, tiles->channels);
    add(name, start, 0);
}

static void timed_winograd_products(float *out_data, const winograd_tiles *out,
                                    const float *in_data, const winograd_tiles *in,
                                    const float *weights)
{
    const double start = now();
    char name[48];
    timed->winograd_products(out_data, out, in_data, in, weights);
    snprintf(name, sizeof name, "winograd %zu: %zux%zux%zu", out->side, out->tiles, out->channels,
             in->channels);
    add(name, start,
        2.0 * (double)(winograd_points(in->side) * out->tiles * out->channels * in->channels));
}

static void timed_winograd_output(float *const *pixels, const float *in,
                                  const winograd_tiles *tiles, const float *bias, bool pools)
{
    const double start = now();
    char name[48];
    timed->winograd_output(pixels, in, tiles, bias, pools);
    snprintf(name, sizeof name, "winograd %zu out, %zu channels", tiles->side, tiles->channels);
    add(name, start, 0);
}

static int by_time(const void *left, const void *right)
{
    const struct line *a = left, *b = right;
    return (a->seconds < b->seconds) - (a->seconds > b->seconds);
}

static void print_lines(double all, int turns)
{
    qsort(lines, line_count, sizeof *lines, by_time);
    printf("%-36s %8s %9s %7s %9s\n", "kernel", "calls", "ms", "share", "GFLOP/s");
    double rest = all;
    for (size_t i = 0; i < line_count; i++) {
        const struct line *line = &lines[i];
        rest -= line->seconds;
        printf("%-36s %8zu %9.3f %6.1f %%", line->name, line->calls / (size_t)turns,
               1e3 * line->seconds / turns, 100 * line->seconds / all);
        if (line->flops > 0)
            printf(" %9.1f", line->flops / line->seconds * 1e-9);
        printf("\n");
    }
    printf("%-36s %8s %9.3f %6.1f %%\n%-36s %8s %9.3f\n", "the rest", "", 1e3 * rest / turns,
           100 * rest / all, "image", "", 1e3 * all / turns);
}

static bool run(qc_scorer *scorer, const qc_image *image, float *feature, int turns)
{
    if (qc_embed(scorer, image, feature) != QC_OK) /* memory is touched for the first time */
        return false;
    line_count = 0;
    memset(lines, 0, sizeof lines);
    const double start = now();
    for (int i = 0; i < turns; i++)
        if (qc_embed(scorer, image, feature) != QC_OK)
            return false;
    print_lines(now() - start, turns);
    return true;
}

static bool profile(qc_model *model, uint32_t width, uint32_t height, int turns)
{
    timed = model->kernels;
    kernel_set set = *timed;
    set.gemm = timed_gemm;
    set.attention = timed_attention;
    set.layernorm = timed_layernorm;
    set.winograd_input = timed_winograd_input;
    set.winograd_products = timed_winograd_products;
    set.winograd_output = timed_winograd_output;
    set.round_rows = timed_round_rows;
    set.average_pool_row = timed_average_pool_row;
    model->kernels = &set;

    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = width;
    options.max_height = height;
    const size_t bytes = (size_t)width * height * 3;
    uint8_t *pixels = malloc(bytes);
    float *feature = malloc(model->feature_size * sizeof *feature);
    qc_scorer *scorer = NULL;
    bool good = pixels && feature && qc_scorer_create(&scorer, model, &options) == QC_OK;
    if (good) {
        for (size_t i = 0; i < bytes; i++)
            pixels[i] = (uint8_t)(i * 7919 >> 3);
        qc_image image;
        qc_image_init(&image, QC_PIXEL_RGB, width, height, pixels);
        good = run(scorer, &image, feature, turns);
    }
    qc_scorer_destroy(scorer);
    free(feature);
    free(pixels);
    model->kernels = timed;
    return good;
}

static qc_precision precision_of(const char *name)
{
    return strcmp(name, "int8") == 0   ? QC_PRECISION_INT8
           : strcmp(name, "bf16") == 0 ? QC_PRECISION_BF16
                                       : QC_PRECISION_F32;
}

int main(int count, char **arguments)
{
    const uint32_t width = count > 3 ? (uint32_t)atoi(arguments[2]) : 224;
    const uint32_t height = count > 3 ? (uint32_t)atoi(arguments[3]) : 224;
    const int turns = count > 4 ? atoi(arguments[4]) : 10;
    char message[QC_MESSAGE_SIZE] = "";
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = message;
    options.message_size = sizeof message;
    options.precision = count > 5 ? precision_of(arguments[5]) : QC_PRECISION_DEFAULT;
    options.kernels = count > 6 ? arguments[6] : NULL;
    qc_model *model;
    if (count < 2 || turns < 1 || qc_model_open(&model, arguments[1], &options) != QC_OK) {
        fprintf(stderr,
                "usage: profile MODEL.gguf [WIDTH HEIGHT [TURNS [PRECISION [KERNELS]]]]\n%s\n",
                message);
        return 1;
    }
    const bool good = profile(model, width, height, turns);
    qc_model_close(model);
    return good ? 0 : 1;
}
