/*
 * resnet.c - CLIP's ModifiedResNet: a stem of three convolutions, four stages of bottlenecks, and
 * attention pooling.
 *
 * Images go through one by one, channels-last, BatchNorm already folded into the convolutions.  Of
 * the attention pool only the output of token 0 is ever used, so no key or value is formed:
 *     q . (W_k x) = (W_k^T q) . x         (the key's bias adds the same to every score: softmax
 *     sum a (W_v x) = W_v (sum a x)        does not see it; the value's bias passes unchanged)
 */
#include "tower.h"

#include <math.h>
#include <string.h>

#include "positions.h"

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t align(size_t bytes)
{
    return (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
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
    return stem_inputs_size(width) + align(image_scratch((uint32_t)width)) +
           linear_scratch(kernels, &resnet->stem[0].linear);
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

static size_t attention_pool_scratch(const struct resnet *resnet, const kernel_set *kernels,
                                     size_t tokens)
{
    size_t channels = resnet->channels, head = channels / resnet->heads;
    size_t floats = kernels->gemm_scratch(1, channels, channels);
    floats = larger(floats, kernels->gemm_scratch(1, channels, resnet->out.weight.outputs));
    floats = larger(floats, kernels->gemm_scratch(1, head, channels));
    floats = larger(floats, kernels->gemm_scratch(1, channels, tokens));
    floats = larger(floats, kernels->gemm_scratch(1, tokens, channels));
    floats = larger(floats, kernels->gemm_scratch(1, channels, head));
    return floats * sizeof(float);
}

/* Pieces of resnet_workspace.pooled. */
struct pooled {
    float *query;   /* channels */
    float *keyed;   /* heads x channels: each head's query, taken through its keys' matrix */
    float *weights; /* heads x tokens: scores, then softmax */
    float *means;   /* heads x channels: tokens, weighted */
    float *values;  /* channels */
};

static size_t pooled_floats(const struct resnet *resnet, size_t tokens)
{
    return 2 * resnet->channels + resnet->heads * (2 * resnet->channels + tokens);
}

static struct pooled pooled_pieces(const struct resnet *resnet, float *base)
{
    struct pooled pooled;
    pooled.query = base;
    pooled.values = pooled.query + resnet->channels;
    pooled.keyed = pooled.values + resnet->channels;
    pooled.means = pooled.keyed + resnet->heads * resnet->channels;
    pooled.weights = pooled.means + resnet->heads * resnet->channels;
    return pooled;
}

void resnet_plan(struct resnet_workspace *workspace, const struct resnet *resnet,
                 const kernel_set *kernels, const struct tower_limits *limits, struct arena *arena,
                 size_t *scratch)
{
    size_t height = image_stem_size((uint32_t)limits->height);
    size_t width = image_stem_size((uint32_t)limits->width);
    size_t side = larger(limits->height, limits->width);
    *scratch = larger(*scratch, stem_scratch(resnet, kernels, side));
    *scratch = larger(*scratch, convolution_scratch(kernels, &resnet->stem[1]));
    *scratch = larger(*scratch, convolution_scratch(kernels, &resnet->stem[2]));

    /* Sizes in floats; sides are at most 2^20 and channels 2^17, so 64 bits hold all of these. */
    size_t pixels = height * width;
    size_t inner = pixels * resnet->width / 2, wide = pixels * resnet->width, outer = inner;
    height /= 2, width /= 2;
    for (size_t i = 0; i < resnet->block_count; i++) {
        const struct bottleneck *block = &resnet->blocks[i];
        pixels = height * width;
        inner = larger(inner, pixels * block->conv1.linear.weight.outputs);
        wide = larger(wide, pixels * block->conv2.linear.weight.outputs);
        if (block->halves) {
            height /= 2, width /= 2;
            wide = larger(wide, height * width * block->conv1.channels);
        }
        outer = larger(outer, height * width * block->conv3.linear.weight.outputs);
        *scratch = larger(*scratch, bottleneck_scratch(block, kernels));
    }
    workspace->tokens = 1 + height * width;
    outer = larger(outer, workspace->tokens * resnet->channels);
    *scratch = larger(*scratch, attention_pool_scratch(resnet, kernels, workspace->tokens));

    workspace->in = arena_take(arena, outer, sizeof(float));
    workspace->out = arena_take(arena, outer, sizeof(float));
    workspace->inner = arena_take(arena, inner, sizeof(float));
    workspace->wide = arena_take(arena, wide, sizeof(float));
    workspace->pooled = arena_take(arena, pooled_floats(resnet, workspace->tokens), sizeof(float));
}

size_t resnet_zeros(const struct resnet *resnet)
{
    size_t most = larger(resnet->stem[1].channels, resnet->stem[2].channels);
    for (size_t i = 0; i < resnet->block_count; i++)
        most = larger(most, resnet->blocks[i].conv2.channels);
    return most;
}

/* ----------------------------------------------------------------------------------------- stem */

struct stem_job {
    const struct resnet *resnet;
    const struct layers *layers;
    const struct tower_input *input;
    const qc_image *image;
    float *out;
};

/* One row of pixels of the first convolution, stride 2, straight from the caller's image. */
static void stem_task(void *context, size_t row, size_t worker)
{
    const struct stem_job *job = context;
    unsigned char *scratch = job->layers->scratch + worker * job->layers->scratch_size;
    float *inputs = (float *)scratch;
    scratch += stem_inputs_size(job->image->width);
    uint8_t *bytes = scratch;
    scratch += align(image_scratch(job->image->width));

    image_stem_row(job->image, job->input->background, job->input->pixels, (uint32_t)row, inputs,
                   STEM_INPUTS, bytes);
    const struct linear *linear = &job->resnet->stem[0].linear;
    size_t width = image_stem_size(job->image->width), outputs = linear->weight.outputs;
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
                      .out = job->out + row * width * outputs,
                      .out_stride = outputs};
    job->layers->kernels->gemm(&call, (float *)scratch);
}

/* ---------------------------------------------------------------------------------- bottlenecks */

/* The pixels that a block has read and written, and where they lie. */
struct image_state {
    float *in, *out, *inner, *wide;
    size_t height, width;
};

static void swap(float **a, float **b)
{
    float *c = *a;
    *a = *b;
    *b = c;
}

static void bottleneck_forward(const struct layers *layers, const struct bottleneck *block,
                               struct image_state *state)
{
    size_t height = state->height, width = state->width;
    convolution_forward(layers, &block->conv1, state->in, height, width, ACTIVATION_RELU, NULL,
                        state->inner);
    convolution_forward(layers, &block->conv2, state->inner, height, width, ACTIVATION_RELU, NULL,
                        state->wide);
    if (!block->shortcut.linear.weight.data) {
        convolution_forward(layers, &block->conv3, state->wide, height, width, ACTIVATION_RELU,
                            state->in, state->in);
        return;
    }
    const float *main = state->wide, *shortcut = state->in;
    if (block->halves) {
        average_pool_forward(layers, state->wide, height, width, block->conv2.linear.weight.outputs,
                             state->inner);
        average_pool_forward(layers, state->in, height, width, block->conv1.channels, state->wide);
        main = state->inner;
        shortcut = state->wide;
        height /= 2, width /= 2;
    }
    convolution_forward(layers, &block->shortcut, shortcut, height, width, ACTIVATION_NONE, NULL,
                        state->out);
    convolution_forward(layers, &block->conv3, main, height, width, ACTIVATION_RELU, state->out,
                        state->out);
    swap(&state->in, &state->out);
    state->height = height, state->width = width;
}

/* ------------------------------------------------------------------------------- attention pool */

/* A product for token 0, on the calling thread: y (rows x outputs) = x (rows x inputs) * W + bias.
 */
static void small_product(const struct layers *layers, size_t rows, const float *x,
                          struct matrix weight, size_t weight_stride, bool transposed,
                          const float *bias, float *y)
{
    gemm_call call = {.rows = rows,
                      .outputs = weight.outputs,
                      .taps = 1,
                      .inputs = weight.inputs,
                      .x = x,
                      .x_stride = weight.inputs,
                      .weights = weight.data,
                      .weight_type = weight.type,
                      .weight_stride = weight_stride,
                      .weights_transposed = transposed,
                      .bias = bias,
                      .out = y,
                      .out_stride = weight.outputs};
    layers->kernels->gemm(&call, (float *)layers->scratch);
}

static void whole_product(const struct layers *layers, const float *x, const struct linear *linear,
                          float *y)
{
    small_product(layers, 1, x, linear->weight, linear->weight.inputs, false, linear->bias, y);
}

/* The rows of a matrix that belong to one head. */
static const void *head_rows(const struct matrix *matrix, size_t head, size_t head_size)
{
    size_t element = matrix->type == NUMBER_F16 ? 2 : 4;
    return (const char *)matrix->data + head * head_size * matrix->inputs * element;
}

static void attention_pool(const struct resnet *resnet, const struct layers *layers,
                           struct pooled pooled, const float *tokens, size_t count, float *feature)
{
    size_t channels = resnet->channels, heads = resnet->heads, size = channels / heads;
    whole_product(layers, tokens, &resnet->query, pooled.query);
    for (size_t head = 0; head < heads; head++) {
        struct matrix keys = {head_rows(&resnet->key.weight, head, size), resnet->key.weight.type,
                              channels, size};
        small_product(layers, 1, pooled.query + head * size, keys, channels, true, NULL,
                      pooled.keyed + head * channels);
    }
    struct matrix scores = {tokens, NUMBER_F32, count, channels};
    small_product(layers, heads, pooled.keyed, scores, channels, false, NULL, pooled.weights);
    layers->kernels->softmax(pooled.weights, count, heads, count, 1 / sqrtf((float)size));
    struct matrix sums = {tokens, NUMBER_F32, channels, count};
    small_product(layers, heads, pooled.weights, sums, channels, true, NULL, pooled.means);
    for (size_t head = 0; head < heads; head++) {
        struct matrix values = {head_rows(&resnet->value.weight, head, size),
                                resnet->value.weight.type, size, channels};
        small_product(layers, 1, pooled.means + head * channels, values, channels, false,
                      resnet->value.bias ? resnet->value.bias + head * size : NULL,
                      pooled.values + head * size);
    }
    whole_product(layers, pooled.values, &resnet->out, feature);
}

/* -------------------------------------------------------------------------------------- forward */

static void image_forward(const struct resnet *resnet, const struct resnet_workspace *workspace,
                          const struct layers *layers, const struct tower_input *input,
                          const qc_image *image, float *feature)
{
    struct image_state state = {workspace->in,
                                workspace->out,
                                workspace->inner,
                                workspace->wide,
                                image_stem_size(image->height),
                                image_stem_size(image->width)};
    struct stem_job stem = {resnet, layers, input, image, state.inner};
    threads_run(layers->threads, state.height, stem_task, &stem);
    convolution_forward(layers, &resnet->stem[1], state.inner, state.height, state.width,
                        ACTIVATION_RELU, NULL, state.out);
    convolution_forward(layers, &resnet->stem[2], state.out, state.height, state.width,
                        ACTIVATION_RELU, NULL, state.wide);
    average_pool_forward(layers, state.wide, state.height, state.width, resnet->width, state.in);
    state.height /= 2, state.width /= 2;
    for (size_t i = 0; i < resnet->block_count; i++)
        bottleneck_forward(layers, &resnet->blocks[i], &state);

    size_t pixels = state.height * state.width, channels = resnet->channels;
    float *tokens = state.out;
    layers->kernels->column_mean(tokens, state.in, channels, pixels, channels);
    memcpy(tokens + channels, state.in, pixels * channels * sizeof *tokens);
    if (input->grid_positions)
        positions_add(resnet->position_embedding, resnet->grid, channels, state.height, state.width,
                      tokens, channels);
    attention_pool(resnet, layers, pooled_pieces(resnet, workspace->pooled), tokens, 1 + pixels,
                   feature);
}

void resnet_forward(const struct resnet *resnet, const struct resnet_workspace *workspace,
                    const struct layers *layers, const struct tower_input *input, float *features)
{
    for (size_t i = 0; i < input->count; i++)
        image_forward(resnet, workspace, layers, input, &input->images[i],
                      features + i * resnet->out.weight.outputs);
}
