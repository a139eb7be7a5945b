/*
 * convolutions.c - the layers of channels-last images: cuts them into tasks and hands those to
 * kernels, as layers.c does.
 */
#include "convolutions.h"

#include "layer_cuts.h"

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
