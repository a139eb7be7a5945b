/*
 * layers.c - cuts layers into tasks and hands them to kernels.  It computes nothing itself.
 */
#include "layers.h"

#include "layer_cuts.h"

size_t row_stride(size_t columns)
{
    size_t rounded = ceiling_divide(columns, 16) * 16;
    return rounded % 1024 == 0 ? rounded + 16 : rounded;
}

/* ------------------------------------------------------------------------------ matrix products */

/* The cut where bits depend on the shape of a call: it may depend on nothing else. */
#define FIXED_OUTPUTS 384
#define FIXED_ROWS    1024

/* Less work than this (multiply-adds) is not worth waking a thread for. */
#define SERIAL_WORK 200000

/* A gemm, and how it is cut: task = row block * output blocks + output block. */
struct gemm_job {
    const struct layers *layers;
    gemm_call call;
    bool rounds_rows;
    size_t row_block, output_block, output_blocks;
};

size_t pieces_wanted(const struct layers *layers, size_t work)
{
    size_t threads = threads_count(layers->threads);
    return threads == 1 || work < SERIAL_WORK ? 1 : 4 * threads;
}

static void cut_gemm(struct gemm_job *job)
{
    const gemm_call *call = &job->call;
    job->row_block = call->rows;
    job->output_block = call->outputs;
    if (job->layers->kernels->fixed_shape) {
        job->row_block = smaller(call->rows, FIXED_ROWS);
        job->output_block = smaller(call->outputs, FIXED_OUTPUTS);
    } else {
        size_t work = call->rows * call->outputs * call->inputs * call->taps;
        size_t pieces = pieces_wanted(job->layers, work);
        /* By outputs first: then every thread packs its own weights and none is packed twice. */
        size_t grains = ceiling_divide(call->outputs, OUTPUT_GRAIN);
        size_t by_outputs = smaller(pieces, grains);
        job->output_block = ceiling_divide(grains, by_outputs) * OUTPUT_GRAIN;
        size_t by_rows =
            smaller(ceiling_divide(pieces, by_outputs), ceiling_divide(call->rows, 96));
        job->row_block = ceiling_divide(call->rows, by_rows);
    }
    if (job->rounds_rows)
        job->row_block = smaller(job->row_block, ROUNDED_ROWS);
    job->output_blocks = ceiling_divide(call->outputs, job->output_block);
}

void restrict_outputs(gemm_call *call, size_t first, size_t block)
{
    size_t element = number_size(call->weight_type);
    call->outputs = smaller(block, call->outputs - first);
    if (call->weights)
        call->weights = (const char *)call->weights + first * call->weight_stride * element;
    if (call->packed)
        call->packed =
            (const char *)call->packed +
            first / PANEL_OUTPUTS * panel_bytes(call->weight_type, call->taps, call->inputs);
    call->bias = call->bias ? call->bias + first : NULL;
    call->residual = call->residual ? call->residual + first : NULL;
    call->out += first;
}

static void gemm_task(void *context, size_t index, size_t worker)
{
    const struct gemm_job *job = context;
    gemm_call call = job->call;
    size_t first = index / job->output_blocks * job->row_block;
    call.rows = smaller(job->row_block, call.rows - first);
    call.x += first * call.x_stride;
    call.residual = call.residual ? call.residual + first * call.residual_stride : NULL;
    call.out += first * call.out_stride;
    restrict_outputs(&call, index % job->output_blocks * job->output_block, job->output_block);
    unsigned char *scratch = scratch_of(job->layers, worker);
    if (job->rounds_rows) {
        job->layers->kernels->round_rows(scratch, call.x, call.x_stride, call.rows, call.inputs,
                                         call.weight_type);
        call.rounded = scratch;
        scratch += ROUNDED_ROWS * rounded_bytes(call.weight_type, call.inputs);
    }
    job->layers->kernels->gemm(&call, (float *)scratch);
}

gemm_call call_of(const struct linear *linear, activation activation)
{
    return (gemm_call){.outputs = linear->weight.outputs,
                       .taps = 1,
                       .inputs = linear->weight.inputs,
                       .weights = linear->weight.data,
                       .weight_type = linear->weight.type,
                       .weight_stride = linear->weight.inputs,
                       .packed = linear->weight.packed,
                       .bias = linear->bias,
                       .activation = activation};
}

void dense_forward(const struct layers *layers, const struct linear *linear, gemm_call call)
{
    struct gemm_job job = {
        .layers = layers, .call = call, .rounds_rows = linear->weight.rounds_rows};
    cut_gemm(&job);
    threads_run(layers->threads, ceiling_divide(call.rows, job.row_block) * job.output_blocks,
                gemm_task, &job);
}

size_t linear_scratch(const kernel_set *kernels, const struct linear *linear)
{
    const struct matrix *weight = &linear->weight;
    const size_t rounded =
        weight->rounds_rows ? ROUNDED_ROWS * rounded_bytes(weight->type, weight->inputs) : 0;
    return rounded + sizeof(float) * kernels->gemm_scratch(1, weight->inputs, weight->outputs);
}

void linear_forward(const struct layers *layers, const struct linear *linear, struct rows in,
                    const size_t *segments, size_t segment_count, activation activation,
                    struct rows residual, struct rows out)
{
    size_t whole[2] = {segments[0], segments[segment_count]};
    if (!layers->kernels->fixed_shape) {
        segments = whole;
        segment_count = 1;
    }
    for (size_t i = 0; i < segment_count; i++) {
        gemm_call call = call_of(linear, activation);
        size_t first = segments[i];
        call.rows = segments[i + 1] - first;
        call.x = in.data + first * in.stride;
        call.x_stride = in.stride;
        call.residual = residual.data ? residual.data + first * residual.stride : NULL;
        call.residual_stride = residual.stride;
        call.out = out.data + first * out.stride;
        call.out_stride = out.stride;
        dense_forward(layers, linear, call);
    }
}

/* ---------------------------------------------------------------------------------------- norms */

#define NORM_ROWS 64

struct norm_job {
    const struct layers *layers;
    const struct norm *norm;
    float epsilon;
    struct rows in, out;
    size_t row_count, columns;
};

static void norm_task(void *context, size_t index, size_t worker)
{
    (void)worker;
    const struct norm_job *job = context;
    size_t first = index * NORM_ROWS;
    job->layers->kernels->layernorm(job->out.data + first * job->out.stride, job->out.stride,
                                    job->in.data + first * job->in.stride, job->in.stride,
                                    smaller(NORM_ROWS, job->row_count - first), job->columns,
                                    job->norm->gain, job->norm->bias, job->epsilon);
}

void norm_forward(const struct layers *layers, const struct norm *norm, float epsilon,
                  struct rows in, size_t row_count, size_t columns, struct rows out)
{
    struct norm_job job = {layers, norm, epsilon, in, out, row_count, columns};
    threads_run(layers->threads, ceiling_divide(row_count, NORM_ROWS), norm_task, &job);
}
