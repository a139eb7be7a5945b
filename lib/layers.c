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

/* Rows of a piece, at least: enough for weights to be worth reading. */
#define PIECE_ROWS 96

/* What is fetched of the panels that come after a task's own: what kernels read at a time. */
#define PANELS_AHEAD 2

/* A gemm, and how it is cut: task = row block * output blocks + output block. */
struct gemm_job {
    const struct layers *layers;
    gemm_call call;
    bool rounds_rows;
    const struct matrix *matrix;
    size_t row_block, output_block, output_blocks;
};

size_t pieces_wanted(const struct layers *layers, size_t work)
{
    size_t threads = threads_count(layers->threads);
    return threads == 1 || work < SERIAL_WORK ? 1 : 2 * threads;
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
        /*
         * By rows where there are enough: each worker rounds its own alone, and all pieces are as
         * large.  Else by outputs: then every thread reads, or packs, its own weights.
         */
        const bool by_rows_alone = call->packed && call->rows >= pieces * PIECE_ROWS;
        size_t grains = ceiling_divide(call->outputs, OUTPUT_GRAIN);
        size_t by_outputs = by_rows_alone ? 1 : smaller(pieces, grains);
        job->output_block = ceiling_divide(grains, by_outputs) * OUTPUT_GRAIN;
        size_t by_rows =
            smaller(ceiling_divide(pieces, by_outputs), ceiling_divide(call->rows, PIECE_ROWS));
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

/*
 * What the same worker will probably read after task `index`, since tasks are begun in turn: the
 * first panels of a later one, of this product or, cut alike, of the next.
 */
static void look_ahead(const struct gemm_job *job, size_t index, gemm_call *call)
{
    const size_t later = index + threads_count(job->layers->threads);
    const size_t tasks = ceiling_divide(job->call.rows, job->row_block) * job->output_blocks;
    const struct matrix *matrix = later < tasks ? job->matrix : job->matrix->next;
    size_t output = later % job->output_blocks * job->output_block;
    if (later >= tasks && matrix)
        output = matrix->outputs * (later - tasks) / tasks / OUTPUT_GRAIN * OUTPUT_GRAIN;
    if (!matrix || !matrix->packed || output >= matrix->outputs)
        return;
    const size_t panel = panel_bytes(matrix->type, 1, matrix->inputs);
    const size_t panels = ceiling_divide(matrix->outputs - output, PANEL_OUTPUTS);
    call->ahead = (const char *)matrix->packed + output / PANEL_OUTPUTS * panel;
    call->ahead_bytes = smaller(panels, PANELS_AHEAD) * panel;
}

static void gemm_task(void *context, size_t index, size_t worker)
{
    const struct gemm_job *job = context;
    gemm_call call = job->call;
    size_t first = index / job->output_blocks * job->row_block;
    call.rows = smaller(job->row_block, call.rows - first);
    if (call.rounded)
        call.rounded =
            (const char *)call.rounded + first * rounded_bytes(call.weight_type, call.inputs);
    else
        call.x += first * call.x_stride;
    call.residual = call.residual ? call.residual + first * call.residual_stride : NULL;
    call.out += first * call.out_stride;
    restrict_outputs(&call, index % job->output_blocks * job->output_block, job->output_block);
    look_ahead(job, index, &call);
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
    struct gemm_job job = {.layers = layers,
                           .call = call,
                           .rounds_rows = linear->weight.rounds_rows && !call.rounded,
                           .matrix = &linear->weight};
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

void linear_forward(const struct layers *layers, const struct linear *linear, struct operand in,
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
        if (in.rounded) {
            call.rounded = in.rounded + first * rounded_bytes(call.weight_type, call.inputs);
        } else {
            call.x = in.rows.data + first * in.rows.stride;
            call.x_stride = in.rows.stride;
        }
        call.residual = residual.data ? residual.data + first * residual.stride : NULL;
        call.residual_stride = residual.stride;
        call.out = out.data + first * out.stride;
        call.out_stride = out.stride;
        dense_forward(layers, linear, call);
    }
}

/* ----------------------------------------------------------------------------- norms, rounding */

#define TASK_ROWS 16 /* at most */
#define NORM_ROWS 4  /* that are rounded while they are in the cache nearest to the core */

/* Rows to be normed, if there is a norm, and rounded, if there is room for rounded ones. */
struct rows_job {
    const struct layers *layers;
    const struct norm *norm;
    float epsilon;
    struct rows in, out;
    unsigned char *rounded;
    number_type type;
    size_t row_count, columns;
    size_t task_rows;
};

static void norm_rows(const struct rows_job *job, size_t first, size_t count, struct rows out)
{
    job->layers->kernels->layernorm(out.data, out.stride, job->in.data + first * job->in.stride,
                                    job->in.stride, count, job->columns, job->norm->gain,
                                    job->norm->bias, job->epsilon);
}

static void round_rows(const struct rows_job *job, size_t first, size_t count, struct rows in)
{
    job->layers->kernels->round_rows(job->rounded + first * rounded_bytes(job->type, job->columns),
                                     in.data, in.stride, count, job->columns, job->type);
}

static void rows_task(void *context, size_t index, size_t worker)
{
    const struct rows_job *job = context;
    const size_t first = index * job->task_rows;
    const size_t end = smaller(first + job->task_rows, job->row_count);
    if (!job->rounded) {
        norm_rows(job, first, end - first,
                  (struct rows){job->out.data + first * job->out.stride, job->out.stride});
    } else if (!job->norm) {
        round_rows(job, first, end - first,
                   (struct rows){job->in.data + first * job->in.stride, job->in.stride});
    } else {
        const struct rows normed = {scratch_of(job->layers, worker), row_stride(job->columns)};
        for (size_t row = first; row < end; row += NORM_ROWS) {
            norm_rows(job, row, smaller(NORM_ROWS, end - row), normed);
            round_rows(job, row, smaller(NORM_ROWS, end - row), normed);
        }
    }
}

/* As many tasks for each thread as for the others, all of as many rows. */
static void run_rows(struct rows_job *job)
{
    const size_t threads = threads_count(job->layers->threads);
    const size_t least = ceiling_divide(larger(job->row_count, 1), TASK_ROWS);
    const size_t tasks = ceiling_divide(least, threads) * threads;
    job->task_rows = larger(ceiling_divide(job->row_count, tasks), 1);
    threads_run(job->layers->threads, ceiling_divide(job->row_count, job->task_rows), rows_task,
                job);
}

size_t norm_scratch(size_t columns)
{
    return NORM_ROWS * row_stride(columns) * sizeof(float);
}

struct operand round_forward(const struct layers *layers, const struct matrix *weight,
                             struct rows in, size_t row_count, unsigned char *rounded)
{
    if (!weight->rounds_rows)
        return floats(in);
    struct rows_job job = {.layers = layers,
                           .in = in,
                           .rounded = rounded,
                           .type = weight->type,
                           .row_count = row_count,
                           .columns = weight->inputs};
    run_rows(&job);
    return (struct operand){.rounded = rounded};
}

void norm_forward(const struct layers *layers, const struct norm *norm, float epsilon,
                  struct rows in, size_t row_count, size_t columns, struct rows out)
{
    struct rows_job job = {.layers = layers,
                           .norm = norm,
                           .epsilon = epsilon,
                           .in = in,
                           .out = out,
                           .row_count = row_count,
                           .columns = columns};
    run_rows(&job);
}

struct operand norm_round_forward(const struct layers *layers, const struct norm *norm,
                                  float epsilon, struct rows in, size_t row_count,
                                  const struct matrix *weight, struct rows out,
                                  unsigned char *rounded)
{
    if (!weight->rounds_rows) {
        norm_forward(layers, norm, epsilon, in, row_count, weight->inputs, out);
        return floats(out);
    }
    struct rows_job job = {.layers = layers,
                           .norm = norm,
                           .epsilon = epsilon,
                           .in = in,
                           .rounded = rounded,
                           .type = weight->type,
                           .row_count = row_count,
                           .columns = weight->inputs};
    run_rows(&job);
    return (struct operand){.rounded = rounded};
}
