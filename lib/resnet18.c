/*
 * resnet18.c - torchvision's ResNet-18 over patches: a 7x7 convolution with stride 2, a 3x3 maximum
 * with stride 2, eight basic blocks, the mean of all pixels, two linear layers.
 *
 * Channels-last, BatchNorm folded into the convolutions.  A patch passes the stem within one task;
 * the blocks take a block of patches at a time, layer by layer.  No feature depends on the patches
 * beside it.
 */
#include "resnet18.h"

#include <string.h>

#define STEM_KERNEL 7
#define STEM_SIDE   (PATCH_SIDE / 2)
#define POOLED_SIDE (STEM_SIDE / 2)

/* Padded by 3 on each side, so that the seven pixels under a row of the kernel are always there. */
#define PADDING       (STEM_KERNEL / 2)
#define PADDED_SIDE   (PATCH_SIDE + 2 * PADDING)
#define PADDED_FLOATS (PADDED_SIDE * 3)

/* Rows of the stem's output that one product makes. */
#define STEM_ROWS 4

/* --------------------------------------------------------------------------------------- stem */

static size_t align(size_t bytes)
{
    return (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
}

/* Where in a worker's scratch, in bytes, lies what it takes a patch through the stem with. */
struct stem_layout {
    size_t bytes;    /* a row of the patch */
    size_t padded;   /* PADDED_SIDE x PADDED_SIDE x 3 floats */
    size_t out;      /* STEM_SIDE x STEM_SIDE x width floats */
    size_t pointers; /* to the rows under the kernel, for STEM_ROWS rows of outputs */
    size_t gemm;
    size_t size; /* of all */
};

static struct stem_layout stem_layout(const struct resnet18 *encoder, const kernel_set *kernels)
{
    struct stem_layout layout = {.bytes = 0};
    layout.padded = layout.bytes + align(PATCH_SIDE * 3);
    layout.out = layout.padded + align(sizeof(float) * PADDED_SIDE * PADDED_FLOATS);
    layout.pointers = layout.out + align(sizeof(float) * STEM_SIDE * STEM_SIDE * encoder->width);
    layout.gemm = layout.pointers + align(sizeof(float *) * STEM_ROWS * STEM_SIDE * STEM_KERNEL);
    layout.size = layout.gemm + sizeof(float) * kernels->gemm_scratch(STEM_KERNEL, STEM_KERNEL * 3,
                                                                      encoder->width);
    return layout;
}

/* The patch as numbers from 0 to 1, zeros around it. */
static void read_patch(const kernel_set *kernels, const struct patch *patch,
                       qc_background background, uint8_t *bytes, float *padded)
{
    memset(padded, 0, sizeof(float) * PADDED_SIDE * PADDED_FLOATS);
    for (uint32_t y = 0; y < PATCH_SIDE; y++) {
        image_row_rgb(kernels, patch->image, background, patch->y + y, patch->x, PATCH_SIDE, bytes);
        float *row = padded + (y + PADDING) * PADDED_FLOATS + PADDING * 3;
        for (size_t i = 0; i < PATCH_SIDE * 3; i++)
            row[i] = (float)bytes[i] / 255.0f;
    }
}

/* The 7x7 convolution, as seven taps of seven pixels: those of a row lie side by side. */
static void convolve_patch(const struct resnet18 *encoder, const kernel_set *kernels,
                           const float *padded, const float **pointers, float *gemm, float *out)
{
    const struct linear *linear = &encoder->stem.linear;
    gemm_call call = {.rows = STEM_ROWS * STEM_SIDE,
                      .outputs = encoder->width,
                      .taps = STEM_KERNEL,
                      .inputs = STEM_KERNEL * 3,
                      .x_rows = pointers,
                      .weights = linear->weight.data,
                      .weight_type = linear->weight.type,
                      .weight_stride = linear->weight.inputs,
                      .packed = linear->weight.packed,
                      .bias = linear->bias,
                      .activation = ACTIVATION_RELU,
                      .out_stride = encoder->width};
    for (size_t first = 0; first < STEM_SIDE; first += STEM_ROWS) {
        const float **next = pointers;
        for (size_t y = first; y < first + STEM_ROWS; y++)
            for (size_t x = 0; x < STEM_SIDE; x++)
                for (size_t tap = 0; tap < STEM_KERNEL; tap++)
                    *next++ = padded + (2 * y + tap) * PADDED_FLOATS + 2 * x * 3;
        call.out = out + first * STEM_SIDE * encoder->width;
        kernels->gemm(&call, gemm);
    }
}

/*
 * The largest of 3x3 pixels, stride 2, padding 1.  What lies outside may be left out: behind a ReLU
 * nothing is below zero, and each window has pixels inside.
 */
static void pool_largest(const float *in, size_t channels, float *out)
{
    memset(out, 0, sizeof(float) * POOLED_SIDE * POOLED_SIDE * channels);
    for (size_t y = 0; y < POOLED_SIDE; y++)
        for (size_t x = 0; x < POOLED_SIDE; x++, out += channels)
            for (size_t in_y = y ? 2 * y - 1 : 0; in_y <= 2 * y + 1; in_y++)
                for (size_t in_x = x ? 2 * x - 1 : 0; in_x <= 2 * x + 1; in_x++) {
                    const float *pixel = in + (in_y * STEM_SIDE + in_x) * channels;
                    for (size_t c = 0; c < channels; c++)
                        out[c] = pixel[c] > out[c] ? pixel[c] : out[c];
                }
}

struct stem_job {
    const struct resnet18 *encoder;
    const struct layers *layers;
    const struct patch *patches;
    qc_background background;
    float *out;
};

static void stem_task(void *context, size_t index, size_t worker)
{
    const struct stem_job *job = context;
    const struct layers *layers = job->layers;
    const struct stem_layout at = stem_layout(job->encoder, layers->kernels);
    const size_t width = job->encoder->width;
    unsigned char *scratch = layers->scratch + worker * layers->scratch_size;
    float *padded = (float *)(scratch + at.padded), *out = (float *)(scratch + at.out);
    read_patch(job->layers->kernels, &job->patches[index], job->background, scratch + at.bytes,
               padded);
    convolve_patch(job->encoder, layers->kernels, padded, (const float **)(scratch + at.pointers),
                   (float *)(scratch + at.gemm), out);
    pool_largest(out, width, job->out + index * POOLED_SIDE * POOLED_SIDE * width);
}

/* ------------------------------------------------------------------------------------- planning */

void resnet18_plan(struct resnet18_workspace *workspace, const struct resnet18 *encoder,
                   const kernel_set *kernels, struct arena *arena, size_t *scratch)
{
    size_t channels = 8 * encoder->width;
    for (size_t i = 0; i < 3; i++)
        workspace->pixels[i] = arena_take(
            arena, PATCH_BLOCK * POOLED_SIDE * POOLED_SIDE * encoder->width, sizeof(float));
    workspace->pooled = arena_take(arena, PATCH_BLOCK * channels, sizeof(float));
    workspace->hidden = arena_take(arena, PATCH_BLOCK * channels, sizeof(float));

    *scratch = larger(*scratch, stem_layout(encoder, kernels).size);
    for (size_t i = 0; i < RESNET18_BLOCKS; i++) {
        const struct basic_block *block = &encoder->blocks[i];
        *scratch = larger(*scratch, convolution_scratch(kernels, &block->conv1));
        *scratch = larger(*scratch, convolution_scratch(kernels, &block->conv2));
    }
    *scratch = larger(*scratch, linear_scratch(kernels, &encoder->hidden));
    *scratch = larger(*scratch, linear_scratch(kernels, &encoder->out));
}

size_t resnet18_zeros(const struct resnet18 *encoder)
{
    return 8 * encoder->width;
}

/* -------------------------------------------------------------------------------------- forward */

/* Takes the images through a block into `out`; `inner` is used on the way.  Returns what came out.
 */
static struct images block_forward(const struct layers *layers, const struct basic_block *block,
                                   const struct images *in, float *inner, float *out)
{
    struct images between = {inner, in->count, strided_size(in->height, block->stride),
                             strided_size(in->width, block->stride),
                             block->conv1.linear.weight.outputs};
    const float *residual = in->data;
    if (block->shortcut.linear.weight.outputs) {
        convolve_images(layers, &block->shortcut, block->stride, in, ACTIVATION_NONE, NULL, out);
        residual = out;
    }
    convolve_images(layers, &block->conv1, block->stride, in, ACTIVATION_RELU, NULL, inner);
    convolve_images(layers, &block->conv2, 1, &between, ACTIVATION_RELU, residual, out);
    between.data = out;
    return between;
}

void resnet18_forward(const struct resnet18 *encoder, const struct resnet18_workspace *workspace,
                      const struct layers *layers, const struct patch *patches, size_t count,
                      qc_background background, float *features)
{
    float *in = workspace->pixels[0], *out = workspace->pixels[2];
    struct stem_job job = {encoder, layers, patches, background, in};
    threads_run(layers->threads, count, stem_task, &job);

    struct images images = {in, count, POOLED_SIDE, POOLED_SIDE, encoder->width};
    for (size_t i = 0; i < RESNET18_BLOCKS; i++) {
        images = block_forward(layers, &encoder->blocks[i], &images, workspace->pixels[1], out);
        float *free = in;
        in = out;
        out = free;
    }
    size_t pixels = images.height * images.width, channels = images.channels;
    for (size_t i = 0; i < count; i++)
        layers->kernels->column_mean(workspace->pooled + i * channels,
                                     images.data + i * pixels * channels, channels, pixels,
                                     channels);

    const size_t whole[] = {0, count};
    struct rows none = {0}, pooled = {workspace->pooled, channels};
    struct rows hidden = {workspace->hidden, encoder->hidden.weight.outputs};
    struct rows written = {features, encoder->feature_size};
    linear_forward(layers, &encoder->hidden, floats(pooled), whole, 1, ACTIVATION_RELU, none,
                   hidden);
    linear_forward(layers, &encoder->out, floats(hidden), whole, 1, ACTIVATION_NONE, none, written);
}
