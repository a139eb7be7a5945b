/*
 * layers.c - cuts layers into tasks and hands them to kernels.  It computes nothing itself.
 */
#include "layers.h"

static size_t ceiling_divide(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

size_t row_stride(size_t columns)
{
    size_t rounded = ceiling_divide(columns, 16) * 16;
    return rounded % 1024 == 0 ? rounded + 16 : rounded;
}

static void *scratch_of(const struct layers *layers, size_t worker)
{
    return layers->scratch + worker * layers->scratch_size;
}

/* ------------------------------------------------------------------------------ matrix products */

/* Outputs are cut at multiples of this: whole panels of weights. */
#define OUTPUT_GRAIN (3 * PANEL_OUTPUTS)

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

/* How many pieces to cut for `threads`: some more than threads, to even out their speeds. */
static size_t pieces_wanted(const struct layers *layers, size_t work)
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

/* `first` is a multiple of PANEL_OUTPUTS. */
static void restrict_outputs(gemm_call *call, size_t first, size_t block)
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

static gemm_call call_of(const struct linear *linear, activation activation)
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

static void dense_forward(const struct layers *layers, const struct linear *linear, gemm_call call)
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

/* --------------------------------------------------------------------------------- convolutions */

struct convolution_job {
    const struct layers *layers;
    gemm_call call; /* of all rows that are wanted */
    const struct band *in;
    size_t first_row;
    size_t output_block, output_blocks;
};

/* Pointers to the nine neighbours of `count` pixels from `first` on, zeros outside the image. */
static void neighbours(const struct convolution_job *job, size_t first, size_t count,
                       const float **pointers)
{
    const struct band *in = job->in;
    const float *zeros = job->layers->zeros;
    size_t y = job->first_row + first / in->width, x = first % in->width;
    for (size_t i = 0; i < count; i++) {
        for (size_t tap_y = 0; tap_y < 3; tap_y++, pointers += 3) {
            size_t row = y + tap_y; /* one more than the row that is meant */
            if (row == 0 || row > in->height) {
                pointers[0] = pointers[1] = pointers[2] = zeros;
                continue;
            }
            const float *middle = band_row(in, row - 1) + x * in->channels;
            pointers[0] = x > 0 ? middle - in->channels : zeros;
            pointers[1] = middle;
            pointers[2] = x + 1 < in->width ? middle + in->channels : zeros;
        }
        if (++x == in->width) {
            x = 0;
            y++;
        }
    }
}

static void convolution_task(void *context, size_t index, size_t worker)
{
    const struct convolution_job *job = context;
    gemm_call call = job->call;
    size_t first = index / job->output_blocks * CONVOLUTION_ROWS;
    call.rows = smaller(CONVOLUTION_ROWS, call.rows - first);
    call.out += first * call.out_stride;
    restrict_outputs(&call, index % job->output_blocks * job->output_block, job->output_block);

    const float **pointers = scratch_of(job->layers, worker);
    neighbours(job, first, call.rows, pointers);
    call.x_rows = pointers;
    job->layers->kernels->gemm(&call, (float *)(pointers + 9 * CONVOLUTION_ROWS));
}

size_t convolution_scratch(const kernel_set *kernels, const struct convolution *convolution)
{
    size_t taps = convolution->kernel_size * convolution->kernel_size;
    if (convolution->linear.weight.rounds_rows)
        return linear_scratch(kernels, &convolution->linear);
    return 9 * CONVOLUTION_ROWS * sizeof(float *) +
           sizeof(float) * kernels->gemm_scratch(taps, convolution->channels,
                                                 convolution->linear.weight.outputs);
}

/* Rows are cut at CONVOLUTION_ROWS, outputs where threads want more; returns the row blocks. */
static size_t cut_outputs(const struct layers *layers, const gemm_call *call, size_t *output_block)
{
    size_t row_blocks = ceiling_divide(call->rows, CONVOLUTION_ROWS);
    size_t grains = ceiling_divide(call->outputs, OUTPUT_GRAIN);
    size_t pieces = pieces_wanted(layers, call->rows * call->outputs * call->inputs * call->taps);
    size_t by_outputs =
        layers->kernels->fixed_shape ? 1 : smaller(ceiling_divide(pieces, row_blocks), grains);
    *output_block = ceiling_divide(grains, by_outputs) * OUTPUT_GRAIN;
    return row_blocks;
}

void neighbourhood_forward(const struct layers *layers, const struct convolution *convolution,
                           const struct band *in, size_t first, size_t count, float *out)
{
    struct convolution_job job = {.layers = layers, .in = in, .first_row = first};
    gemm_call *call = &job.call;
    *call = call_of(&convolution->linear, ACTIVATION_RELU);
    call->rows = count * in->width;
    call->taps = 9;
    call->inputs = in->channels;
    call->out = out;
    call->out_stride = call->outputs;
    size_t row_blocks = cut_outputs(layers, call, &job.output_block);
    job.output_blocks = ceiling_divide(call->outputs, job.output_block);
    threads_run(layers->threads, row_blocks * job.output_blocks, convolution_task, &job);
}

/* ------------------------------------------------------------------ convolutions of many images */

struct images_job {
    const struct layers *layers;
    gemm_call call;
    const struct images *in;
    size_t kernel_size, stride, out_height, out_width;
    size_t output_block, output_blocks;
};

/* Pointers to what one output pixel is made of, zeros outside its image. */
static void taps_of(const struct images_job *job, size_t image, size_t out_y, size_t out_x,
                    const float **pointers)
{
    const struct images *in = job->in;
    const float *pixels = in->data + image * in->height * in->width * in->channels;
    size_t padding = job->kernel_size / 2;
    for (size_t tap_y = 0; tap_y < job->kernel_size; tap_y++)
        for (size_t tap_x = 0; tap_x < job->kernel_size; tap_x++) {
            /* More by the padding than what is meant, so that they are never negative. */
            size_t y = out_y * job->stride + tap_y, x = out_x * job->stride + tap_x;
            bool inside =
                y >= padding && y < in->height + padding && x >= padding && x < in->width + padding;
            *pointers++ = inside ? pixels + ((y - padding) * in->width + x - padding) * in->channels
                                 : job->layers->zeros;
        }
}

static void images_task(void *context, size_t index, size_t worker)
{
    const struct images_job *job = context;
    gemm_call call = job->call;
    size_t first = index / job->output_blocks * CONVOLUTION_ROWS;
    call.rows = smaller(CONVOLUTION_ROWS, call.rows - first);
    call.out += first * call.out_stride;
    call.residual = call.residual ? call.residual + first * call.residual_stride : NULL;
    restrict_outputs(&call, index % job->output_blocks * job->output_block, job->output_block);

    const float **pointers = scratch_of(job->layers, worker);
    for (size_t i = 0; i < call.rows; i++) {
        size_t line = (first + i) / job->out_width;
        taps_of(job, line / job->out_height, line % job->out_height, (first + i) % job->out_width,
                pointers + i * call.taps);
    }
    call.x_rows = pointers;
    job->layers->kernels->gemm(&call, (float *)(pointers + 9 * CONVOLUTION_ROWS));
}

void convolve_images(const struct layers *layers, const struct convolution *convolution,
                     size_t stride, const struct images *in, activation activation,
                     const float *residual, float *out)
{
    struct images_job job = {.layers = layers,
                             .call = call_of(&convolution->linear, activation),
                             .in = in,
                             .kernel_size = convolution->kernel_size,
                             .stride = stride,
                             .out_height = strided_size(in->height, stride),
                             .out_width = strided_size(in->width, stride)};
    gemm_call *call = &job.call;
    call->rows = in->count * job.out_height * job.out_width;
    call->taps = convolution->kernel_size * convolution->kernel_size;
    call->inputs = in->channels;
    call->residual = residual;
    call->residual_stride = call->outputs;
    call->out = out;
    call->out_stride = call->outputs;
    size_t row_blocks = cut_outputs(layers, call, &job.output_block);
    job.output_blocks = ceiling_divide(call->outputs, job.output_block);
    threads_run(layers->threads, row_blocks * job.output_blocks, images_task, &job);
}

/* -------------------------------------------------------------------- convolutions of one pixel */

void pointwise_forward(const struct layers *layers, const struct convolution *convolution,
                       const float *in, size_t pixels, activation activation, const float *residual,
                       float *out)
{
    gemm_call call = call_of(&convolution->linear, activation);
    call.rows = pixels;
    call.x = in;
    call.x_stride = convolution->channels;
    call.residual = residual;
    call.residual_stride = call.outputs;
    call.out = out;
    call.out_stride = call.outputs;
    dense_forward(layers, &convolution->linear, call);
}

/* ---------------------------------------------------------------------------- pooling and norms */

struct pool_job {
    const struct layers *layers;
    const float *in;
    float *out;
    size_t width, channels;
};

static void pool_task(void *context, size_t row, size_t worker)
{
    (void)worker;
    const struct pool_job *job = context;
    const float *top = job->in + 2 * row * job->width * job->channels;
    size_t columns = job->width / 2;
    job->layers->kernels->average_pool_row(job->out + row * columns * job->channels, top,
                                           top + job->width * job->channels, columns,
                                           job->channels);
}

void average_pool_forward(const struct layers *layers, const float *in, size_t height, size_t width,
                          size_t channels, float *out)
{
    struct pool_job job = {layers, in, out, width, channels};
    threads_run(layers->threads, height / 2, pool_task, &job);
}

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
