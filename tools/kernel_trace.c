/*
 * kernel_trace.c - a set of kernels that hands each call on to another set and takes the time.
 */
#include "kernel_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "model.h"
#include "model_work.h"

enum { MOST_LINES = 128 };

static const qc_model *traced_model;
static const kernel_set *traced;
static kernel_set tracing;
static struct trace_line lines[MOST_LINES];
static size_t line_count;

static struct trace_line *line_of(const char *name)
{
    size_t i = 0;
    while (i < line_count && strcmp(lines[i].name, name) != 0)
        i++;
    if (i == MOST_LINES)
        i--; /* the rest together */
    if (i == line_count)
        snprintf(lines[line_count++].name, sizeof lines->name, "%s", name);
    return &lines[i];
}

static void add(const char *name, double start, double operations, bool products)
{
    const double seconds = machine_seconds() - start;
    struct trace_line *line = line_of(name);
    line->calls++;
    line->seconds += seconds;
    line->operations += operations;
    line->products = products;
}

static void traced_gemm(const gemm_call *call, float *scratch)
{
    static const char *const activations[] = {"", ", ReLU", ", QuickGELU", ", GELU"};
    const void *weights = call->packed ? call->packed : call->weights;
    const double start = machine_seconds();
    traced->gemm(call, scratch);
    const double seconds = machine_seconds() - start;
    const struct layer_name layer = model_layer_of(traced_model, weights);
    char name[80];
    if (*layer.text)
        snprintf(name, sizeof name, "%s%s", layer.text, activations[call->activation]);
    else
        snprintf(name, sizeof name, "product %zu x %zu", call->outputs, call->taps * call->inputs);
    add(name, machine_seconds() - seconds,
        2.0 * (double)call->rows * (double)call->outputs * (double)(call->taps * call->inputs),
        true);
}

static void traced_winograd_input(float *out, const float *const *pixels,
                                  const winograd_tiles *tiles)
{
    const double start = machine_seconds();
    traced->winograd_input(out, pixels, tiles);
    add("Winograd, pixels to points", start, 0, false);
}

static void traced_winograd_products(float *out_data, const winograd_tiles *out,
                                     const float *in_data, const winograd_tiles *in,
                                     const float *weights)
{
    const double start = machine_seconds();
    traced->winograd_products(out_data, out, in_data, in, weights);
    const double seconds = machine_seconds() - start;
    char name[80];
    snprintf(name, sizeof name, "%s, Winograd %zux%zu", model_layer_of(traced_model, weights).text,
             in->side, in->side);
    add(name, machine_seconds() - seconds,
        2.0 * (double)(winograd_points(in->side) * in->tiles) *
            (double)(in->channels * out->channels),
        true);
}

static void traced_winograd_output(float *const *pixels, const float *in,
                                   const winograd_tiles *tiles, const float *bias, bool pools)
{
    const double start = machine_seconds();
    traced->winograd_output(pixels, in, tiles, bias, pools);
    add("Winograd, points to pixels", start, 0, false);
}

static void traced_round_rows(void *rounded, const float *in, size_t in_stride, size_t rows,
                              size_t columns, number_type type)
{
    const double start = machine_seconds();
    traced->round_rows(rounded, in, in_stride, rows, columns, type);
    add("rounding of activations", start, 0, false);
}

static double attention_work(const attention_call *call)
{
    return 4.0 * (double)call->queries * (double)call->tokens * (double)call->size;
}

static void traced_attention(const attention_call *call, float *scratch)
{
    const double start = machine_seconds();
    traced->attention(call, scratch);
    add("attention", start, attention_work(call), false);
}

static void traced_attention_rounded(const attention_call *call, float *scratch)
{
    const double start = machine_seconds();
    traced->attention_rounded(call, scratch);
    add("attention", start, attention_work(call), false);
}

static void traced_layernorm(float *out, size_t out_stride, const float *in, size_t in_stride,
                             size_t rows, size_t columns, const float *gain, const float *bias,
                             float epsilon)
{
    const double start = machine_seconds();
    traced->layernorm(out, out_stride, in, in_stride, rows, columns, gain, bias, epsilon);
    add("LayerNorm", start, 0, false);
}

static void traced_average_pool_row(float *out, const float *top, const float *bottom,
                                    size_t columns, size_t channels)
{
    const double start = machine_seconds();
    traced->average_pool_row(out, top, bottom, columns, channels);
    add("average pooling", start, 0, false);
}

static void traced_column_mean(float *out, const float *x, size_t stride, size_t rows,
                               size_t columns)
{
    const double start = machine_seconds();
    traced->column_mean(out, x, stride, rows, columns);
    add("mean over pixels", start, 0, false);
}

void trace_model(qc_model *model)
{
    traced_model = model;
    traced = model->kernels;
    tracing = *traced;
    tracing.gemm = traced_gemm;
    tracing.winograd_input = traced_winograd_input;
    tracing.winograd_products = traced_winograd_products;
    tracing.winograd_output = traced_winograd_output;
    tracing.round_rows = traced_round_rows;
    tracing.attention = traced_attention;
    if (traced->attention_rounded)
        tracing.attention_rounded = traced_attention_rounded;
    tracing.layernorm = traced_layernorm;
    tracing.average_pool_row = traced_average_pool_row;
    tracing.column_mean = traced_column_mean;
    model->kernels = &tracing;
    trace_reset();
}

void trace_release(qc_model *model)
{
    model->kernels = traced;
}

void trace_reset(void)
{
    memset(lines, 0, sizeof lines);
    line_count = 0;
}

static int by_time(const void *left, const void *right)
{
    const struct trace_line *a = left, *b = right;
    return (a->seconds < b->seconds) - (a->seconds > b->seconds);
}

const struct trace_line *trace_lines(size_t *count)
{
    qsort(lines, line_count, sizeof *lines, by_time);
    *count = line_count;
    return lines;
}
