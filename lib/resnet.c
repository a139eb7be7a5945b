/*
 * resnet.c - CLIP's ModifiedResNet: a stem of three convolutions, four stages of bottlenecks, and
 * attention pooling (attention_pool.c).
 *
 * Images go through one by one, channels-last, BatchNorm already folded into the convolutions, a
 * few rows at a time: of what lies between two layers only the rows that a later one still needs
 * are kept, so memory grows with the image's width, and with its area in the last stage alone.
 * Always the last block that has enough to work on goes ahead, so that nothing piles up in between.
 * No row is computed twice, and none depends on how many are computed at a time.
 */
#include "tower.h"

#include "attention_pool.h"
#include "convolutions.h"
#include "positions.h"
#include "winograd.h"

static size_t align(size_t bytes)
{
    return (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
}

/* --------------------------------------------------------------------------------------- steps */

/*
 * Pixels that a layer is computed for at a time: enough for the products to be worth their set-up,
 * few enough for the caches.  By level, which is how often the sides have been halved since the
 * first convolution.
 */
#define LEVELS 5
#ifndef STEP_PIXELS /* a test has others */
#define STEP_PIXELS level_pixels
static const size_t level_pixels[LEVELS] = {8192, 2048, 1024, 512, 512};
#endif

static size_t step_pixels(size_t level)
{
    return STEP_PIXELS[smaller(level, LEVELS - 1)];
}

/* Rows of a 3x3 convolution that are computed together: those of a tile. */
static size_t tile_rows(const struct convolution *convolution)
{
    return convolution->winograd ? convolution->side : 1;
}

/* Whether a convolution averages 2x2 pixels of its output by itself. */
static bool pools_itself(const struct convolution *convolution)
{
    return convolution->winograd != NULL;
}

/* Whether the second convolution of a block writes half, or whole sides that are halved later. */
static bool halves_within(const struct bottleneck *block)
{
    return block->halves && pools_itself(&block->conv2);
}

static bool halves_behind(const struct bottleneck *block)
{
    return block->halves && !pools_itself(&block->conv2);
}

/* Of the image alone, never of the scorer: where the kernels' bits follow the shape of a call. */
static size_t step_rows(size_t level, size_t width)
{
    return larger(step_pixels(level) / width, 1);
}

/* The limits at some level, for images upright and turned. */
struct extent {
    size_t height, width, level;
};

static size_t longest(const struct extent *extent)
{
    return larger(extent->height, extent->width);
}

/* The most pixels of one step of any image within the limits. */
static size_t step_most(const struct extent *extent)
{
    return larger(step_pixels(extent->level), longest(extent));
}

static struct extent halved(struct extent extent)
{
    return (struct extent){extent.height / 2, extent.width / 2, extent.level + 1};
}

/* ------------------------------------------------------------------------------------- planning */

#define STEM_INPUTS 27

/* Scratch of a worker in the first convolution: gathered inputs, bytes of a row, packed weights. */
static size_t stem_inputs_size(size_t width)
{
    return align(image_stem_size((uint32_t)width) * STEM_INPUTS * sizeof(float));
}

static size_t neighbourhood_scratch(const kernel_set *kernels,
                                    const struct convolution *convolution)
{
    return convolution->winograd ? winograd_scratch(convolution)
                                 : convolution_scratch(kernels, convolution);
}

static size_t stem_scratch(const struct resnet *resnet, const kernel_set *kernels, size_t width)
{
    size_t bytes = stem_inputs_size(width) + align(image_scratch((uint32_t)width)) +
                   linear_scratch(kernels, &resnet->stem[0].linear);
    bytes = larger(bytes, neighbourhood_scratch(kernels, &resnet->stem[1]));
    return larger(bytes, neighbourhood_scratch(kernels, &resnet->stem[2]));
}

static size_t bottleneck_scratch(const struct bottleneck *block, const kernel_set *kernels)
{
    size_t bytes = convolution_scratch(kernels, &block->conv1);
    bytes = larger(bytes, neighbourhood_scratch(kernels, &block->conv2));
    bytes = larger(bytes, convolution_scratch(kernels, &block->conv3));
    if (block->shortcut.linear.weight.outputs)
        bytes = larger(bytes, convolution_scratch(kernels, &block->shortcut));
    return bytes;
}

/* Room for some pixels and some rows as well, or for the whole image if that is less. */
static float *take_pixels(struct arena *arena, const struct extent *extent, size_t pixels,
                          size_t rows, size_t channels)
{
    size_t most = smaller(extent->height * extent->width, pixels + rows * longest(extent));
    return arena_take(arena, most * channels, sizeof(float));
}

/* Raises `floats` to what a 3x3 convolution keeps of its transformed input. */
static void plan_transformed(const struct convolution *convolution, size_t *floats)
{
    if (convolution->winograd)
        *floats = larger(*floats, winograd_floats(convolution));
}

/* Returns how many rows more than a step may come out of it at once. */
static size_t plan_stem(struct resnet_workspace *workspace, const struct resnet *resnet,
                        const struct extent *extent, struct arena *arena)
{
    /*
     * Before each convolution a row waits beside those that do not fill a tile yet; behind it come
     * at the image's end those that it owed.  Nothing is kept behind the last if it pools by
     * itself.
     */
    const size_t kept = pools_itself(&resnet->stem[2]) ? 2 : 3;
    size_t owed = 0;
    for (size_t i = 0; i < 3; i++) {
        const size_t waiting = i < 2 ? tile_rows(&resnet->stem[i + 1]) + 1 : 1;
        workspace->stem[i] = i < kept
                                 ? take_pixels(arena, extent, step_most(extent), owed + waiting,
                                               resnet->stem[i].linear.weight.outputs)
                                 : NULL;
        if (i < 2)
            owed += tile_rows(&resnet->stem[i + 1]);
    }
    return owed;
}

/* A block that is given at most `arriving` pixels at once. */
static struct block_bands plan_block(const struct bottleneck *block, const struct extent *extent,
                                     size_t arriving, struct arena *arena)
{
    /* What has come last waits with less than half a step; the shortcut waits for the main path. */
    const size_t step = step_most(extent), waiting = step_pixels(extent->level) / 2;
    const size_t unpaired = block->halves ? 1 : 0, together = tile_rows(&block->conv2);
    const struct extent half = halved(*extent);
    float *in =
        take_pixels(arena, extent, arriving + waiting, together + unpaired, block->conv1.channels);
    float *inner = take_pixels(arena, extent, step, together + 1, block->conv2.channels);
    float *wide =
        halves_within(block)
            ? take_pixels(arena, &half, step / 4, together / 2 + 1, block->conv3.channels)
            : take_pixels(arena, extent, step, together + unpaired, block->conv3.channels);
    return (struct block_bands){{.data = in}, {.data = inner}, {.data = wide}, 0};
}

/* The most pixels, at the extent behind it, that come out of a block at once. */
static size_t leaving(const struct bottleneck *block, const struct extent *extent)
{
    const size_t step = step_most(extent), together = tile_rows(&block->conv2);
    const struct extent half = halved(*extent);
    return block->halves ? step / 4 + (together + 1) / 2 * longest(&half)
                         : step + together * longest(extent);
}

static void plan_blocks(struct resnet_workspace *workspace, const struct resnet *resnet,
                        struct extent *extent, size_t arriving, struct arena *arena)
{
    size_t pooled_main = 0, pooled_in = 0;
    workspace->blocks = arena_take(arena, resnet->block_count, sizeof *workspace->blocks);
    for (size_t i = 0; i < resnet->block_count; i++) {
        const struct bottleneck *block = &resnet->blocks[i];
        struct block_bands bands = plan_block(block, extent, arriving, arena);
        if (workspace->blocks)
            workspace->blocks[i] = bands;
        arriving = leaving(block, extent);
        if (block->halves) {
            *extent = halved(*extent);
            size_t most = smaller(arriving, extent->height * extent->width);
            pooled_in = larger(pooled_in, most * block->conv1.channels);
            if (halves_behind(block))
                pooled_main = larger(pooled_main, most * block->conv3.channels);
        }
    }
    workspace->pooled_main = arena_take(arena, pooled_main, sizeof(float));
    workspace->pooled_in = arena_take(arena, pooled_in, sizeof(float));
}

/* Scratch and transformed inputs, which all layers share. */
static void plan_shared(struct resnet_workspace *workspace, const struct resnet *resnet,
                        const kernel_set *kernels, struct arena *arena, size_t *scratch)
{
    size_t transformed = 0;
    plan_transformed(&resnet->stem[1], &transformed);
    plan_transformed(&resnet->stem[2], &transformed);
    for (size_t i = 0; i < resnet->block_count; i++) {
        plan_transformed(&resnet->blocks[i].conv2, &transformed);
        *scratch = larger(*scratch, bottleneck_scratch(&resnet->blocks[i], kernels));
    }
    workspace->transformed = arena_take(arena, transformed, sizeof(float));
}

void resnet_plan(struct resnet_workspace *workspace, const struct resnet *resnet,
                 const kernel_set *kernels, const struct tower_limits *limits, struct arena *arena,
                 size_t *scratch)
{
    *scratch =
        larger(*scratch, stem_scratch(resnet, kernels, larger(limits->height, limits->width)));
    /* Sizes in floats; sides are at most 2^20 and channels 2^17, so 64 bits hold all of these. */
    struct extent extent = {image_stem_size((uint32_t)limits->height),
                            image_stem_size((uint32_t)limits->width), 0};
    const size_t owed = plan_stem(workspace, resnet, &extent, arena), step = step_most(&extent);
    extent = halved(extent);
    plan_blocks(workspace, resnet, &extent, step / 4 + (owed + 2) / 2 * longest(&extent), arena);
    plan_shared(workspace, resnet, kernels, arena, scratch);
    size_t tokens = 1 + extent.height * extent.width;
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

/*
 * Computes the rows of a 3x3 convolution that `from` has all neighbours of, whole tiles but for the
 * image's end, and drops what is used.  Where `pools`, 2x2 of their pixels become one of `to`.
 */
static void convolve_ready(const struct run *run, const struct convolution *convolution,
                           struct band *from, bool pools, struct band *to)
{
    const size_t scale = pools ? 2 : 1, end = band_end(from), done = scale * band_end(to);
    size_t ready = end;
    if (end > 0 && end < from->height) {
        ready = end - 1; /* the next row still misses the one below it */
        ready -= ready % tile_rows(convolution);
    }
    if (ready <= done || band_end(to) == to->height)
        return;
    float *out = band_append(to, (ready - done) / scale);
    if (convolution->winograd)
        winograd_forward(run->layers, convolution, from, done, ready - done, pools,
                         run->workspace->transformed, out);
    else
        neighbourhood_forward(run->layers, convolution, from, done, ready - done, out);
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

    image_stem_row(run->layers->kernels, run->image, run->input->background, run->input->pixels,
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
                      .packed = linear->weight.packed,
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
    const struct resnet_workspace *workspace = run->workspace;
    const float *main = workspace->pooled_main, *residual = workspace->pooled_in;
    const size_t pixels = count * (block->halves ? state->in.width / 2 : state->in.width);
    if (block->halves)
        pool_rows(layers, &state->in, first, count, workspace->pooled_in);
    else
        residual = band_row(&state->in, first);
    if (halves_behind(block))
        pool_rows(layers, &state->wide, first, count, workspace->pooled_main);
    else
        main = band_row(&state->wide, first);
    if (block->shortcut.linear.weight.outputs) {
        pointwise_forward(layers, &block->shortcut, residual, pixels, ACTIVATION_NONE, NULL, out);
        residual = out;
    }
    pointwise_forward(layers, &block->conv3, main, pixels, ACTIVATION_RELU, residual, out);
}

static size_t fresh_rows(const struct block_bands *state)
{
    return band_end(&state->in) - band_end(&state->inner);
}

/* Whether a block has about a step's rows to go on with, or the last there are. */
static bool can_advance(const struct block_bands *state)
{
    return 2 * fresh_rows(state) >= state->step || band_end(&state->in) == state->in.height;
}

/* Takes a step's rows through a bottleneck, as far as they go; what comes out is added to `next`.
 */
static void advance(const struct run *run, const struct bottleneck *block,
                    struct block_bands *state, struct band *next)
{
    struct band *in = &state->in, *inner = &state->inner;
    size_t done = band_end(inner), fresh = smaller(fresh_rows(state), state->step);
    if (fresh)
        pointwise_forward(run->layers, &block->conv1, band_row(in, done), fresh * in->width,
                          ACTIVATION_RELU, NULL, band_append(inner, fresh));
    convolve_ready(run, &block->conv2, inner, halves_within(block), &state->wide);

    const size_t scale = block->halves ? 2 : 1, wide_scale = halves_behind(block) ? 2 : 1;
    size_t first = band_end(next), count = band_end(&state->wide) / wide_scale - first;
    if (count)
        finish_rows(run, block, state, first, count, band_append(next, count));
    band_drop(&state->wide, (first + count) * wide_scale);
    band_drop(in, (first + count) * scale);
}

static struct band band_of(float *data, size_t height, size_t width, size_t channels)
{
    return (struct band){data, 0, 0, height, width, channels};
}

/* -------------------------------------------------------------------------------------- forward */

/* How many rows of the first convolution are computed next. */
static size_t next_stem_rows(const struct band *first)
{
    return smaller(step_rows(0, first->width), first->height - band_end(first));
}

/* Whether the pixels under them can be read. */
static bool have_pixels(const struct run *run, const struct band *first)
{
    struct row_stream *rows = run->input->rows;
    const size_t done = band_end(first), end = 2 * (done + next_stem_rows(first));
    return !rows || rows->provide(rows, done > 0 ? (uint32_t)(2 * done - 1) : 0,
                                  (uint32_t)smaller(end, run->image->height));
}

/* The next rows of the image through the stem. */
static void advance_stem(const struct run *run, struct band stem[3], struct band *next)
{
    size_t done = band_end(&stem[0]), count = next_stem_rows(&stem[0]);
    struct stem_job job = {run, done, band_append(&stem[0], count)};
    threads_run(run->layers->threads, count, stem_task, &job);
    const struct convolution *second = &run->resnet->stem[1], *third = &run->resnet->stem[2];
    convolve_ready(run, second, &stem[0], false, &stem[1]);
    if (pools_itself(third)) {
        convolve_ready(run, third, &stem[1], true, next);
        return;
    }
    convolve_ready(run, third, &stem[1], false, &stem[2]);
    size_t first = band_end(next), pairs = band_end(&stem[2]) / 2 - first;
    pool_rows(run->layers, &stem[2], first, pairs, band_append(next, pairs));
    band_drop(&stem[2], 2 * (first + pairs));
}

static void start_blocks(const struct resnet *resnet, struct block_bands *blocks, size_t *height,
                         size_t *width)
{
    for (size_t i = 0, level = 1; i < resnet->block_count; i++) {
        const struct bottleneck *block = &resnet->blocks[i];
        struct block_bands *bands = &blocks[i];
        bands->in = band_of(bands->in.data, *height, *width, block->conv1.channels);
        bands->inner = band_of(bands->inner.data, *height, *width, block->conv2.channels);
        bands->step = step_rows(level, *width);
        const size_t scale = halves_within(block) ? 2 : 1;
        bands->wide =
            band_of(bands->wide.data, *height / scale, *width / scale, block->conv3.channels);
        if (block->halves)
            *height /= 2, *width /= 2, level++;
    }
}

static void image_forward(const struct run *run, float *feature)
{
    const struct resnet *resnet = run->resnet;
    const struct resnet_workspace *workspace = run->workspace;
    size_t height = image_stem_size(run->image->height);
    size_t width = image_stem_size(run->image->width);
    struct band stem[3];
    for (size_t i = 0; i < 3; i++)
        stem[i] = band_of(workspace->stem[i], height, width, resnet->stem[i].linear.weight.outputs);
    size_t block_height = height / 2, block_width = width / 2, channels = resnet->channels;
    struct block_bands *blocks = workspace->blocks;
    start_blocks(resnet, blocks, &block_height, &block_width);
    struct band last = band_of(workspace->tokens + channels, block_height, block_width, channels);

    while (band_end(&last) < last.height && !threads_cancelled(run->layers->threads)) {
        size_t ready = resnet->block_count; /* one more than the number of a block */
        while (ready > 0 && !can_advance(&blocks[ready - 1]))
            ready--;
        if (ready > 0)
            advance(run, &resnet->blocks[ready - 1], &blocks[ready - 1],
                    ready < resnet->block_count ? &blocks[ready].in : &last);
        else if (have_pixels(run, &stem[0]))
            advance_stem(run, stem, &blocks[0].in);
        else
            return;
    }

    if (threads_cancelled(run->layers->threads))
        return;

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
