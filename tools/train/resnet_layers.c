/*
 * resnet_layers.c - the layers of a ModifiedResNet and their parameters, in the order and by the
 * names of CLIP's checkpoints.
 */
#include "resnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Chunks are of so many floats of a block's largest tensor: several such fit into a cache. */
#define CHUNK_FLOATS 98304

static struct tower_parameter *add_parameter(struct resnet *resnet, const char *layer,
                                             const char *part, uint32_t dimensions,
                                             const size_t *shape)
{
    const size_t index = resnet->tower.parameter_count++;
    char *name = resnet->names + index * RESNET_NAME_SIZE;
    struct tower_parameter *parameter = &resnet->tower.parameters[index];
    snprintf(name, RESNET_NAME_SIZE, "%.40s.%.20s", layer, part);
    *parameter = (struct tower_parameter){.name = name, .dimensions = dimensions, .count = 1};
    for (size_t i = 0; i < dimensions; i++) {
        parameter->shape[i] = shape[i];
        parameter->count *= shape[i];
    }
    return parameter;
}

/* --------------------------------------------------------------------------------------- layers */

/* A layer's place: names of its convolution and its BatchNorm, and what it sees. */
struct layer_plan {
    char convolution[RESNET_NAME_SIZE], norm[RESNET_NAME_SIZE];
    struct convolution_shape shape;
    bool pools;
};

static void add_norm_parameters(struct resnet *resnet, struct layer *layer,
                                const struct layer_plan *plan)
{
    const size_t *count = &plan->shape.outputs;
    struct batch_norm *norm = &layer->norm;
    if (!resnet->tower.shape.folded)
        norm->gain = add_parameter(resnet, plan->norm, "weight", 1, count);
    norm->bias = add_parameter(resnet, plan->norm, "bias", 1, count);
    if (resnet->tower.shape.folded)
        return;
    norm->mean = add_parameter(resnet, plan->norm, "running_mean", 1, count);
    norm->variance = add_parameter(resnet, plan->norm, "running_var", 1, count);
}

/* How many images the chunks of all members have: at most four numbers, the largest first. */
static size_t chunk_sizes(const struct resnet *resnet, const struct layer *layer, size_t *sizes)
{
    size_t count = 0;
    for (size_t member = 0; member < crew_size(resnet->crew); member++)
        for (size_t i = 0; i < resnet_chunks(resnet, layer, member); i++) {
            const size_t images = resnet_chunk(resnet, layer, member, i).images;
            size_t at = 0;
            while (at < count && sizes[at] > images)
                at++;
            if (at < count && sizes[at] == images)
                continue;
            memmove(sizes + at + 1, sizes + at, (count - at) * sizeof *sizes);
            sizes[at] = images;
            count++;
        }
    return count;
}

static size_t padded(size_t channels, size_t block)
{
    return (channels + block - 1) / block * block;
}

static bool add_layer(struct resnet *resnet, struct layer *layer, const struct layer_plan *plan,
                      size_t chunk, char *message)
{
    const struct convolution_shape *shape = &plan->shape;
    const size_t outputs = padded(shape->outputs, shape->block);
    const size_t inputs = shape->from_pixels ? shape->inputs : padded(shape->inputs, shape->block);
    struct planes planes = {.blocks = outputs / shape->block, .block = shape->block};
    planes.height = (shape->height - 1) / shape->stride + 1;
    planes.width = (shape->width - 1) / shape->stride + 1;
    const size_t pixels = planes.height * planes.width;
    layer->planes = planes;
    layer->in_size = inputs * shape->height * shape->width;
    layer->size = outputs * pixels;
    layer->activation_size =
        plan->pools ? outputs * (planes.height / 2) * (planes.width / 2) : layer->size;
    layer->chunk = chunk;
    layer->pools = plan->pools;
    resnet->layers[resnet->layer_count++] = layer;

    const size_t side = shape->side;
    struct tower_parameter *weight =
        add_parameter(resnet, plan->convolution, "weight", 4,
                      (size_t[]){shape->outputs, shape->inputs, side, side});
    add_norm_parameters(resnet, layer, plan);
    size_t sizes[8];
    const size_t size_count = chunk_sizes(resnet, layer, sizes);
    layer->convolution =
        convolution_create(&resnet->engine, shape, sizes, size_count, weight, message);
    if (!layer->convolution)
        return false;
    layer->z = aligned_alloc(64, layer->size * resnet->tower.batch * sizeof(float));
    return layer->z &&
           batch_norm_create(&layer->norm, shape->outputs, outputs, crew_size(resnet->crew));
}

static size_t images_in_chunk(size_t image_floats, size_t weight_floats)
{
    const size_t floats = weight_floats > CHUNK_FLOATS ? weight_floats : CHUNK_FLOATS;
    return floats > image_floats ? floats / image_floats : 1;
}

/* Channels of a block in the stem: fewer than elsewhere where that pads less. */
static size_t stem_block(const struct resnet *resnet, size_t channels)
{
    return padded(channels, LANES) < padded(channels, resnet->engine.block) ? LANES
                                                                            : resnet->engine.block;
}

/* `height` and `width`: of the images, and then of what comes out. */
bool resnet_add_stem(struct resnet *resnet, size_t *height, size_t *width, char *message)
{
    const size_t half = resnet->tower.shape.width / 2;
    const size_t outputs[STEM_SIZE] = {half, half, 2 * half};
    const size_t half_height = (*height + 1) / 2, half_width = (*width + 1) / 2;
    const size_t block = stem_block(resnet, half);
    const size_t chunk = images_in_chunk(half_height * half_width * padded(2 * half, block), 0);
    for (size_t i = 0; i < STEM_SIZE; i++) {
        struct layer_plan plan = {.shape = {.inputs = i ? half : 3,
                                            .outputs = outputs[i],
                                            .side = 3,
                                            .stride = i ? 1 : 2,
                                            .block = block,
                                            .height = i ? half_height : *height,
                                            .width = i ? half_width : *width,
                                            .from_pixels = i == 0},
                                  .pools = i == STEM_SIZE - 1};
        snprintf(plan.convolution, RESNET_NAME_SIZE, "conv%zu", i + 1);
        snprintf(plan.norm, RESNET_NAME_SIZE, "bn%zu", i + 1);
        if (!add_layer(resnet, &resnet->stem[i], &plan, chunk, message))
            return false;
    }
    *height = half_height / 2;
    *width = half_width / 2;
    return true;
}

/* The four convolutions of a block, in the order of a checkpoint. */
static bool add_block(struct resnet *resnet, struct residual_block *block, const char *name,
                      const struct convolution_shape *in, size_t planes, char *message)
{
    const bool halves = block->halves;
    const size_t height = halves ? in->height / 2 : in->height;
    const size_t width = halves ? in->width / 2 : in->width;
    const size_t lanes_of_block = in->block, inputs = padded(in->inputs, in->block);
    const struct convolution_shape shapes[] = {
        {in->inputs, planes, 1, 1, lanes_of_block, in->height, in->width, false},
        {planes, planes, 3, 1, lanes_of_block, in->height, in->width, false},
        {planes, 4 * planes, 1, 1, lanes_of_block, height, width, false},
        {in->inputs, 4 * planes, 1, 1, lanes_of_block, height, width, false},
    };
    struct layer *layers[] = {&block->conv1, &block->conv2, &block->conv3, &block->shortcut};
    const size_t in_floats = in->height * in->width * inputs;
    const size_t out_floats = height * width * padded(4 * planes, lanes_of_block);
    const size_t chunk =
        images_in_chunk(in_floats > out_floats ? in_floats : out_floats, 9 * planes * planes);
    block->in_planes = (struct planes){.blocks = inputs / lanes_of_block,
                                       .height = in->height,
                                       .width = in->width,
                                       .block = lanes_of_block};
    for (size_t i = 0; i < (block->has_shortcut ? 4 : 3); i++) {
        struct layer_plan plan = {.shape = shapes[i], .pools = halves && i == 1};
        if (i < 3) {
            snprintf(plan.convolution, RESNET_NAME_SIZE, "%.30s.conv%zu", name, i + 1);
            snprintf(plan.norm, RESNET_NAME_SIZE, "%.30s.bn%zu", name, i + 1);
        } else {
            snprintf(plan.convolution, RESNET_NAME_SIZE, "%.30s.downsample.0", name);
            snprintf(plan.norm, RESNET_NAME_SIZE, "%.30s.downsample.1", name);
        }
        if (!add_layer(resnet, layers[i], &plan, chunk, message))
            return false;
    }
    block->in = aligned_alloc(64, block->conv1.in_size * resnet->tower.batch * sizeof(float));
    return block->in != NULL;
}

bool resnet_add_blocks(struct resnet *resnet, size_t *height, size_t *width, char *message)
{
    const struct tower_shape *shape = &resnet->tower.shape;
    struct residual_block *block = resnet->blocks;
    size_t inputs = shape->width;
    for (size_t stage = 0; stage < STAGES; stage++)
        for (size_t i = 0; i < shape->blocks[stage]; i++, block++) {
            const size_t planes = (size_t)shape->width << stage;
            const struct convolution_shape in = {.inputs = inputs,
                                                 .block = resnet->engine.block,
                                                 .height = *height,
                                                 .width = *width};
            char name[RESNET_NAME_SIZE];
            snprintf(name, sizeof name, "layer%zu.%zu", stage + 1, i);
            block->has_shortcut = i == 0;
            block->halves = stage > 0 && i == 0;
            if (!add_block(resnet, block, name, &in, planes, message))
                return false;
            inputs = 4 * planes;
            if (block->halves) {
                *height /= 2;
                *width /= 2;
            }
        }
    return true;
}

static struct linear_parameters add_linear(struct resnet *resnet, const char *name, size_t outputs,
                                           size_t inputs)
{
    char layer[RESNET_NAME_SIZE];
    snprintf(layer, sizeof layer, "attnpool.%s", name);
    struct linear_parameters linear;
    linear.weight = add_parameter(resnet, layer, "weight", 2, (size_t[]){outputs, inputs});
    linear.bias = add_parameter(resnet, layer, "bias", 1, &outputs);
    return linear;
}

bool resnet_add_pool(struct resnet *resnet, size_t height, size_t width)
{
    const struct tower_shape *shape = &resnet->tower.shape;
    const size_t channels = 32 * (size_t)shape->width;
    struct resnet_pool *pool = &resnet->pool;
    *pool = (struct resnet_pool){.batch = resnet->tower.batch,
                                 .height = height,
                                 .width = width,
                                 .channels = channels,
                                 .heads = shape->heads,
                                 .features = shape->feature,
                                 .block = resnet->engine.block};
    if (shape->grid)
        pool->positions = add_parameter(resnet, "attnpool", "positional_embedding", 2,
                                        (size_t[]){1 + height * width, channels});
    pool->key = add_linear(resnet, "k_proj", channels, channels);
    pool->query = add_linear(resnet, "q_proj", channels, channels);
    pool->value = add_linear(resnet, "v_proj", channels, channels);
    pool->out = add_linear(resnet, "c_proj", shape->feature, channels);
    return resnet_pool_create(pool);
}
