/*
 * resnet.c - a ModifiedResNet that learns is made: parameters, layers, memory.
 */
#include "resnet.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "omp_threads.h"
#include "qualiclip.h"

#define NAME_SIZE 64

/* Chunks are of so many floats of a block's largest tensor: several such fit into a cache. */
#define CHUNK_FLOATS 98304

/* --------------------------------------------------------------------------------------- limits */

#define MOST_WIDTH   1024
#define MOST_FEATURE 65536
#define MOST_BLOCKS  256
#define LEAST_SIDE   32
#define MOST_SIDE    8192
#define MOST_BATCH   65536

/* With these no size below leaves 64 bits. */
static bool check(const struct tower_shape *shape, uint32_t batch, uint32_t width, uint32_t height,
                  char *message)
{
    const uint32_t channels = 32 * shape->width, grid = shape->grid;
    const char *reason = NULL;
    if (shape->width < 2 || shape->width > MOST_WIDTH || shape->width % 2)
        reason = "its width must be even, from 2 to 1024";
    else if (shape->feature < 1 || shape->feature > MOST_FEATURE)
        reason = "its feature size must be from 1 to 65536";
    else if (shape->heads < 1 || channels % shape->heads)
        reason = "its heads must divide 32 times its width";
    else if (batch < 1 || batch > MOST_BATCH)
        reason = "a batch must be of 1 to 65536 images";
    else if (width < LEAST_SIDE || width > MOST_SIDE || height < LEAST_SIDE || height > MOST_SIDE)
        reason = "images must have sides from 32 to 8192";
    else if (grid && (grid != width / 32 || grid != height / 32))
        reason = "its positions are of another image size";
    for (size_t stage = 0; stage < STAGES; stage++)
        if (shape->blocks[stage] < 1 || shape->blocks[stage] > MOST_BLOCKS)
            reason = "each stage must have 1 to 256 blocks";
    if (reason)
        snprintf(message, QC_MESSAGE_SIZE, "this ResNet cannot be trained: %s", reason);
    return !reason;
}

/* ----------------------------------------------------------------------------------- parameters */

static struct tower_parameter *add_parameter(struct resnet *resnet, const char *layer,
                                             const char *part, uint32_t dimensions,
                                             const size_t *shape)
{
    const size_t index = resnet->tower.parameter_count++;
    char *name = resnet->names + index * NAME_SIZE;
    struct tower_parameter *parameter = &resnet->tower.parameters[index];
    snprintf(name, NAME_SIZE, "%.40s.%.20s", layer, part);
    *parameter = (struct tower_parameter){.name = name, .dimensions = dimensions, .count = 1};
    for (size_t i = 0; i < dimensions; i++) {
        parameter->shape[i] = shape[i];
        parameter->count *= shape[i];
    }
    return parameter;
}

static bool learns(const struct tower_parameter *parameter)
{
    return !strstr(parameter->name, ".running_");
}

static bool take_values(struct resnet *resnet)
{
    struct tower *tower = &resnet->tower;
    size_t count = 0;
    for (size_t i = 0; i < tower->parameter_count; i++)
        count += (tower->parameters[i].count + 15) / 16 * 16;
    resnet->values = aligned_alloc(64, 2 * count * sizeof(float));
    if (!resnet->values)
        return false;
    memset(resnet->values, 0, 2 * count * sizeof(float));
    float *next = resnet->values;
    for (size_t i = 0; i < tower->parameter_count; i++) {
        struct tower_parameter *parameter = &tower->parameters[i];
        parameter->values = next;
        parameter->gradient = learns(parameter) ? next + count : NULL;
        next += (parameter->count + 15) / 16 * 16;
    }
    return true;
}

/* --------------------------------------------------------------------------------------- layers */

/* A layer's place: names of its convolution and its BatchNorm, and what it sees. */
struct layer_plan {
    char convolution[NAME_SIZE], norm[NAME_SIZE];
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
static bool add_stem(struct resnet *resnet, size_t *height, size_t *width, char *message)
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
        snprintf(plan.convolution, NAME_SIZE, "conv%zu", i + 1);
        snprintf(plan.norm, NAME_SIZE, "bn%zu", i + 1);
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
            snprintf(plan.convolution, NAME_SIZE, "%.30s.conv%zu", name, i + 1);
            snprintf(plan.norm, NAME_SIZE, "%.30s.bn%zu", name, i + 1);
        } else {
            snprintf(plan.convolution, NAME_SIZE, "%.30s.downsample.0", name);
            snprintf(plan.norm, NAME_SIZE, "%.30s.downsample.1", name);
        }
        if (!add_layer(resnet, layers[i], &plan, chunk, message))
            return false;
    }
    block->in = aligned_alloc(64, block->conv1.in_size * resnet->tower.batch * sizeof(float));
    return block->in != NULL;
}

static bool add_blocks(struct resnet *resnet, size_t *height, size_t *width, char *message)
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
            char name[NAME_SIZE];
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
    char layer[NAME_SIZE];
    snprintf(layer, sizeof layer, "attnpool.%s", name);
    struct linear_parameters linear;
    linear.weight = add_parameter(resnet, layer, "weight", 2, (size_t[]){outputs, inputs});
    linear.bias = add_parameter(resnet, layer, "bias", 1, &outputs);
    return linear;
}

static bool add_pool(struct resnet *resnet, size_t height, size_t width)
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

/* --------------------------------------------------------------------------------------- memory */

static void raise(size_t *size, size_t to)
{
    if (*size < to)
        *size = to;
}

static float *take_floats(size_t count)
{
    return aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
}

static bool take_buffers(struct resnet *resnet)
{
    size_t largest = 0, scratch = 0, joined = 0, shortcut = 0;
    for (size_t i = 0; i < resnet->layer_count; i++) {
        const struct layer *layer = resnet->layers[i];
        raise(&largest, layer->activation_size);
        raise(&largest, i < STEM_SIZE ? 0 : layer->in_size);
        raise(&scratch, layer->size * layer->chunk);
        raise(&scratch, layer->in_size * layer->chunk);
    }
    for (size_t i = 0; i < resnet->block_count; i++) {
        raise(&joined, resnet->blocks[i].conv3.size);
        raise(&shortcut, resnet->blocks[i].shortcut.in_size);
    }
    const size_t batch = resnet->tower.batch;
    bool taken = true;
    for (size_t i = 0; i < 2; i++) {
        resnet->change[i] = take_floats(largest * batch);
        resnet->joined_change[i] = take_floats(joined * batch);
        taken = taken && resnet->change[i] && resnet->joined_change[i];
    }
    resnet->shortcut_change = take_floats(shortcut * batch);
    resnet->joined = take_floats(resnet->blocks[resnet->block_count - 1].conv3.size * batch);
    taken = taken && resnet->shortcut_change && resnet->joined;
    for (size_t i = 0; i < crew_size(resnet->crew); i++) {
        struct member_scratch *of = &resnet->scratch[i];
        of->first = take_floats(scratch);
        of->second = take_floats(scratch);
        of->third = take_floats(scratch);
        taken = taken && of->first && of->second && of->third;
    }
    return taken && convolution_engine_ready(&resnet->engine);
}

static void destroy_layers(struct resnet *resnet)
{
    for (size_t i = 0; i < resnet->layer_count; i++) {
        convolution_destroy(resnet->layers[i]->convolution);
        batch_norm_destroy(&resnet->layers[i]->norm);
        free(resnet->layers[i]->z);
    }
    for (size_t i = 0; resnet->blocks && i < resnet->block_count; i++)
        free(resnet->blocks[i].in);
}

static void destroy(struct tower *tower)
{
    struct resnet *resnet = (struct resnet *)tower;
    if (resnet->layers)
        destroy_layers(resnet);
    for (size_t i = 0; resnet->scratch && i < crew_size(resnet->crew); i++) {
        free(resnet->scratch[i].first);
        free(resnet->scratch[i].second);
        free(resnet->scratch[i].third);
    }
    for (size_t i = 0; i < 2; i++) {
        free(resnet->change[i]);
        free(resnet->joined_change[i]);
    }
    free(resnet->shortcut_change);
    free(resnet->joined);
    free(resnet->scratch);
    resnet_pool_destroy(&resnet->pool);
    convolution_engine_destroy(&resnet->engine);
    crew_destroy(resnet->crew);
    free(resnet->blocks);
    free(resnet->layers);
    free(resnet->tower.parameters);
    free(resnet->names);
    free(resnet->values);
    free(resnet);
}

/* --------------------------------------------------------------------------------------- chunks */

size_t resnet_chunks(const struct resnet *resnet, const struct layer *layer, size_t member)
{
    const size_t members = crew_size(resnet->crew), batch = resnet->tower.batch;
    const size_t images =
        crew_share(batch, member + 1, members) - crew_share(batch, member, members);
    return (images + layer->chunk - 1) / layer->chunk;
}

struct chunk resnet_chunk(const struct resnet *resnet, const struct layer *layer, size_t member,
                          size_t index)
{
    const size_t members = crew_size(resnet->crew), batch = resnet->tower.batch;
    const size_t first = crew_share(batch, member, members);
    const size_t images = crew_share(batch, member + 1, members) - first;
    const size_t chunks = resnet_chunks(resnet, layer, member);
    const size_t from = crew_share(images, index, chunks);
    return (struct chunk){first + from, crew_share(images, index + 1, chunks) - from};
}

struct guarded_task {
    crew_task *task;
    void *context;
};

static void run_on_one_thread(void *context, size_t member, size_t members)
{
    const struct guarded_task *guarded = context;
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    guarded->task(guarded->context, member, members);
    omp_set_num_threads(before);
}

void resnet_run(struct resnet *resnet, crew_task *task, void *context)
{
    struct guarded_task guarded = {task, context};
    crew_run(resnet->crew, run_on_one_thread, &guarded);
}

/* ------------------------------------------------------------------------------------- creation */

static const struct tower_operations operations = {resnet_tower_forward, resnet_tower_backward,
                                                   destroy};

static bool take_tables(struct resnet *resnet, uint32_t threads, char *message)
{
    enum { of_a_layer = 5, of_the_pool = 9 };
    for (size_t stage = 0; stage < STAGES; stage++)
        resnet->block_count += resnet->tower.shape.blocks[stage];
    const size_t layers = STEM_SIZE + 3 * resnet->block_count + STAGES;
    const size_t parameters = of_a_layer * layers + of_the_pool;
    resnet->crew = crew_create(threads, message);
    if (!resnet->crew)
        return false;
    resnet->blocks = calloc(resnet->block_count, sizeof *resnet->blocks);
    resnet->layers = calloc(layers, sizeof(struct layer *));
    resnet->tower.parameters = calloc(parameters, sizeof(struct tower_parameter));
    resnet->names = calloc(parameters, NAME_SIZE);
    resnet->scratch = calloc(threads, sizeof *resnet->scratch);
    return resnet->blocks && resnet->layers && resnet->tower.parameters && resnet->names &&
           resnet->scratch && convolution_engine_create(&resnet->engine, threads, message);
}

struct tower *tower_create_resnet(const struct tower_shape *shape, uint32_t batch, uint32_t width,
                                  uint32_t height, uint32_t threads, char *message)
{
    if (!check(shape, batch, width, height, message))
        return NULL;
    snprintf(message, QC_MESSAGE_SIZE, "not enough memory for %lu images of %lux%lu",
             (unsigned long)batch, (unsigned long)width, (unsigned long)height);
    struct resnet *resnet = calloc(1, sizeof *resnet);
    if (!resnet)
        return NULL;
    resnet->tower = (struct tower){.operations = &operations,
                                   .shape = *shape,
                                   .batch = batch,
                                   .width = width,
                                   .height = height};
    const int before = omp_get_max_threads();
    omp_set_num_threads(1); /* oneDNN's primitives remember how many threads there were */
    size_t in_height = height, in_width = width;
    const bool made =
        take_tables(resnet, threads, message) && add_stem(resnet, &in_height, &in_width, message) &&
        add_blocks(resnet, &in_height, &in_width, message) &&
        add_pool(resnet, in_height, in_width) && take_values(resnet) && take_buffers(resnet);
    omp_set_num_threads(before);
    if (made)
        return &resnet->tower;
    destroy(&resnet->tower);
    return NULL;
}
