/*
 * resnet.c - CLIP's ModifiedResNet: a stem of three convolutions, four stages of bottlenecks, and
 * attention pooling (attention_pool.c).
 *
 * Images go through one by one, channels-last, BatchNorm already folded into the convolutions, in
 * bands of rows: of what lies between two layers only the rows that a later one still needs are
 * kept, so memory grows with the image's width, and with its area in the last stage alone.  No row
 * is computed twice, and none depends on where a band ends.
 */
#include "tower.h"

#include "attention_pool.h"
#include "positions.h"

static size_t align(size_t bytes)
{
    return (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
}

/* --------------------------------------------------------------------------------------- bands */

/*
 * Pixels of a band behind the first convolution: many enough for the last stage's products, where
 * only one in 64 is left, few enough for the caches.
 */
#ifndef BAND_PIXELS /* a test has it smaller */
#define BAND_PIXELS 32768
#endif
#define BAND_ROWS_LEAST 16

/* Of the image alone, never of the scorer: where the kernels' bits follow the shape of a call. */
static size_t band_rows(size_t height, size_t width)
{
    size_t rows = BAND_PIXELS / width / BAND_ROWS_LEAST * BAND_ROWS_LEAST;
    return smaller(height, larger(rows, BAND_ROWS_LEAST));
}

/*
 * The most pixels that a buffer holds, for every image within the limits.  At a level (how often
 * the sides have been halved since the first convolution) a band of an image of width w has at most
 * rows / 2^level + spare rows; `spare` counts what earlier convolutions held back until the image's
 * end, and what this buffer itself keeps.
 */
struct extent {
    size_t height, width; /* of the limit, at this level */
    size_t band_pixels;   /* rows * w / 4^level */
    size_t spare;
};

static struct extent first_extent(const struct tower_limits *limits)
{
    struct extent extent = {image_stem_size((uint32_t)limits->height),
                            image_stem_size((uint32_t)limits->width), 0, 0};
    size_t side = larger(extent.height, extent.width);
    extent.band_pixels = larger(BAND_PIXELS, BAND_ROWS_LEAST * side);
    return extent;
}

static struct extent halved_extent(struct extent extent)
{
    return (struct extent){extent.height / 2, extent.width / 2, extent.band_pixels / 4 + 1,
                           extent.spare / 2 + 2};
}

/* Rows that wait for their neighbours or for their pair: three at most, beside those that come. */
#define WAITING_ROWS 3

static size_t extent_pixels(const struct extent *extent)
{
    size_t rows = extent->spare + WAITING_ROWS;
    return smaller(extent->height * extent->width,
                   extent->band_pixels + rows * larger(extent->height, extent->width));
}

/* ------------------------------------------------------------------------------------- planning */

#define STEM_INPUTS 27

/* Scratch of a worker in the first convolution: gathered inputs, bytes of a row, packed weights. */
static size_t stem_inputs_size(size_t width)
{
    return align(image_stem_size((uint32_t)width) * STEM_INPUTS * sizeof(float));
}

static size_t stem_scratch(const struct resnet *resnet, const kernel_set *kernels, size_t width)
{
    size_t bytes = stem_inputs_size(width) + align(image_scratch((uint32_t)width)) +
                   linear_scratch(kernels, &resnet->stem[0].linear);
    bytes = larger(bytes, convolution_scratch(kernels, &resnet->stem[1]));
    return larger(bytes, convolution_scratch(kernels, &resnet->stem[2]));
}

static size_t bottleneck_scratch(const struct bottleneck *block, const kernel_set *kernels)
{
    size_t bytes = convolution_scratch(kernels, &block->conv1);
    bytes = larger(bytes, convolution_scratch(kernels, &block->conv2));
    bytes = larger(bytes, convolution_scratch(kernels, &block->conv3));
    if (block->shortcut.linear.weight.data)
        bytes = larger(bytes, convolution_scratch(kernels, &block->shortcut));
    return bytes;
}

static float *take_pixels(struct arena *arena, const struct extent *extent, size_t channels)
{
    return arena_take(arena, extent_pixels(extent) * channels, sizeof(float));
}

void resnet_plan(struct resnet_workspace *workspace, const struct resnet *resnet,
                 const kernel_set *kernels, const struct tower_limits *limits, struct arena *arena,
                 size_t *scratch)
{
    *scratch =
        larger(*scratch, stem_scratch(resnet, kernels, larger(limits->height, limits->width)));
    /* Sizes in floats; sides are at most 2^20 and channels 2^17, so 64 bits hold all of these. */
    struct extent extent = first_extent(limits);
    for (size_t i = 0; i < 3; i++, extent.spare++)
        workspace->stem[i] = take_pixels(arena, &extent, resnet->stem[i].linear.weight.outputs);
    extent = halved_extent(extent);

    size_t pooled_main = 0, pooled_in = 0;
    workspace->blocks = arena_take(arena, resnet->block_count, sizeof *workspace->blocks);
    for (size_t i = 0; i < resnet->block_count; i++) {
        const struct bottleneck *block = &resnet->blocks[i];
        float *in = take_pixels(arena, &extent, block->conv1.channels);
        float *inner = take_pixels(arena, &extent, block->conv2.channels);
        extent.spare++;
        float *wide = take_pixels(arena, &extent, block->conv3.channels);
        if (workspace->blocks)
            workspace->blocks[i] =
                (struct block_bands){{.data = in}, {.data = inner}, {.data = wide}};
        if (block->halves) {
            extent = halved_extent(extent);
            pooled_main = larger(pooled_main, extent_pixels(&extent) * block->conv3.channels);
            pooled_in = larger(pooled_in, extent_pixels(&extent) * block->conv1.channels);
        }
        *scratch = larger(*scratch, bottleneck_scratch(block, kernels));
    }
    size_t tokens = 1 + extent.height * extent.width;
    workspace->pooled_main = arena_take(arena, pooled_main, sizeof(float));
    workspace->pooled_in = arena_take(arena, pooled_in, sizeof(float));
    workspace->tokens = arena_take(arena, tokens * resnet->channels, sizeof(float));
    workspace->pool = arena_take(arena, attention_pool_floats(resnet, tokens), sizeof(float));
    *scratch = larger(*scratch, attention_pool_scratch(resnet, kernels, tokens));
}

size_t resnet_zeros(const struct resnet *resnet)
{
    size_t most = larger(resnet->stem[1].channels, resnet->stem[2].channels);
    for (size_t i = 0; i < resnet->block_count; i++)
        most = larger(most, resnet->blocks[i].conv2.channels);
    return most;
}

/* ------------------------------------------------------------------------------------ streaming */

/* An image on its way: the bands before each block, and within the blocks. */
struct run {
    const struct resnet *resnet;
    const struct resnet_workspace *workspace;
    const struct layers *layers;
    const struct tower_input *input;
    const qc_image *image;
};

/* Computes the rows of a 3x3 convolution that `from` has all neighbours of; drops what is used. */
static void convolve_ready(const struct layers *layers, const struct convolution *convolution,
                           struct band *from, struct band *to)
{
    size_t end = band_end(from), done = band_end(to);
    size_t ready = end == from->height || end == 0 ? end : end - 1;
    if (ready <= done)
        return; /* the next row still misses the one below it, or there is none */
    neighbourhood_forward(layers, convolution, from, done, ready - done,
                          band_append(to, ready - done));
    band_drop(from, ready - 1);
}

struct stem_job {
    const struct run *run;
    size_t first_row;
    float *out;
};

/* One row of the first convolution, stride 2, straight from the caller's image. */
static void stem_task(void *context, size_t index, size_t worker)
{
    const struct stem_job *job = context;
    const struct run *run = job->run;
    unsigned char *scratch = run->layers->scratch + worker * run->layers->scratch_size;
    float *inputs = (float *)scratch;
    scratch += stem_inputs_size(run->image->width);
    uint8_t *bytes = scratch;
    scratch += align(image_scratch(run->image->width));

    image_stem_row(run->image, run->input->background, run->input->pixels,
                   (uint32_t)(job->first_row + index), inputs, STEM_INPUTS, bytes);
    const struct linear *linear = &run->resnet->stem[0].linear;
    size_t width = image_stem_size(run->image->width), outputs = linear->weight.outputs;
    gemm_call call = {.rows = width,
                      .outputs = outputs,
                      .taps = 1,
                      .inputs = STEM_INPUTS,
                      .x = inputs,
                      .x_stride = STEM_INPUTS,
                      .weights = linear->weight.data,
                      .weight_type = linear->weight.type,
                      .weight_stride = STEM_INPUTS,
                      .bias = linear->bias,
                      .activation = ACTIVATION_RELU,
                      .out = job->out + index * width * outputs,
                      .out_stride = outputs};
    run->layers->kernels->gemm(&call, (float *)scratch);
}

/* Average-pools the pairs of rows that `from` has from `first` on; true rows are 2 * first ... */
static void pool_rows(const struct layers *layers, const struct band *from, size_t first,
                      size_t count, float *out)
{
    average_pool_forward(layers, band_row(from, 2 * first), 2 * count, from->width, from->channels,
                         out);
}

/* The end of a bottleneck: rows `first` ... `first + count` of its output, written to `out`. */
static void finish_rows(const struct run *run, const struct bottleneck *block,
                        struct block_bands *state, size_t first, size_t count, float *out)
{
    const struct layers *layers = run->layers;
    size_t row = block->halves ? 2 * first : first;
    const float *main = band_row(&state->wide, row), *residual = band_row(&state->in, row);
    size_t pixels = count * (block->halves ? state->in.width / 2 : state->in.width);
    if (block->halves) {
        pool_rows(layers, &state->wide, first, count, run->workspace->pooled_main);
        pool_rows(layers, &state->in, first, count, run->workspace->pooled_in);
        main = run->workspace->pooled_main;
        residual = run->workspace->pooled_in;
    }
    if (block->shortcut.linear.weight.data) {
        pointwise_forward(layers, &block->shortcut, residual, pixels, ACTIVATION_NONE, NULL, out);
        residual = out;
    }
    pointwise_forward(layers, &block->conv3, main, pixels, ACTIVATION_RELU, residual, out);
}

/* Takes what has come into a bottleneck as far as it goes; what comes out is added to `next`. */
static void advance(const struct run *run, const struct bottleneck *block,
                    struct block_bands *state, struct band *next)
{
    struct band *in = &state->in, *inner = &state->inner;
    size_t done = band_end(inner), fresh = band_end(in) - done;
    if (fresh)
        pointwise_forward(run->layers, &block->conv1, band_row(in, done), fresh * in->width,
                          ACTIVATION_RELU, NULL, band_append(inner, fresh));
    convolve_ready(run->layers, &block->conv2, inner, &state->wide);

    size_t scale = block->halves ? 2 : 1;
    size_t first = band_end(next), count = band_end(&state->wide) / scale - first;
    if (count)
        finish_rows(run, block, state, first, count, band_append(next, count));
    band_drop(&state->wide, (first + count) * scale);
    band_drop(in, (first + count) * scale);
}

static struct band band_of(float *data, size_t height, size_t width, size_t channels)
{
    return (struct band){data, 0, 0, height, width, channels};
}

/* -------------------------------------------------------------------------------------- forward */

static void image_forward(const struct run *run, float *feature)
{
    const struct resnet *resnet = run->resnet;
    const struct resnet_workspace *workspace = run->workspace;
    size_t height = image_stem_size(run->image->height);
    size_t width = image_stem_size(run->image->width);
    struct block_bands *blocks = workspace->blocks;
    struct band stem[3];
    for (size_t i = 0; i < 3; i++)
        stem[i] = band_of(workspace->stem[i], height, width, resnet->stem[i].linear.weight.outputs);

    size_t block_height = height / 2, block_width = width / 2;
    for (size_t i = 0; i < resnet->block_count; i++) {
        const struct bottleneck *block = &resnet->blocks[i];
        struct block_bands *bands = &blocks[i];
        bands->in = band_of(bands->in.data, block_height, block_width, block->conv1.channels);
        bands->inner = band_of(bands->inner.data, block_height, block_width, block->conv2.channels);
        bands->wide = band_of(bands->wide.data, block_height, block_width, block->conv3.channels);
        if (block->halves)
            block_height /= 2, block_width /= 2;
    }
    size_t channels = resnet->channels;
    struct band last = band_of(workspace->tokens + channels, block_height, block_width, channels);

    size_t rows = band_rows(height, width);
    for (size_t row = 0; row < height; row += rows) {
        size_t count = smaller(rows, height - row);
        struct stem_job job = {run, row, band_append(&stem[0], count)};
        threads_run(run->layers->threads, count, stem_task, &job);
        convolve_ready(run->layers, &resnet->stem[1], &stem[0], &stem[1]);
        convolve_ready(run->layers, &resnet->stem[2], &stem[1], &stem[2]);
        struct band *first = &blocks[0].in;
        size_t done = band_end(first), pairs = band_end(&stem[2]) / 2 - done;
        pool_rows(run->layers, &stem[2], done, pairs, band_append(first, pairs));
        band_drop(&stem[2], 2 * (done + pairs));
        for (size_t i = 0; i < resnet->block_count; i++)
            advance(run, &resnet->blocks[i], &blocks[i],
                    i + 1 < resnet->block_count ? &blocks[i + 1].in : &last);
    }

    size_t pixels = block_height * block_width;
    run->layers->kernels->column_mean(workspace->tokens, last.data, channels, pixels, channels);
    positions_add(run->input->positions, resnet->position_embedding, resnet->grid, channels,
                  block_height, block_width, workspace->tokens, channels);
    attention_pool(resnet, run->layers, workspace->pool, workspace->tokens, 1 + pixels, feature);
}

void resnet_forward(const struct resnet *resnet, const struct resnet_workspace *workspace,
                    const struct layers *layers, const struct tower_input *input, float *features)
{
    for (size_t i = 0; i < input->count; i++) {
        struct run run = {resnet, workspace, layers, input, &input->images[i]};
        image_forward(&run, features + i * resnet->out.weight.outputs);
    }
}
