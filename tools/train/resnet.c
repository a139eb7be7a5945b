/*
 * resnet.c - a ModifiedResNet that learns is made: limits, memory, and the order of things.
 */
#include "resnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "omp_threads.h"
#include "qualiclip.h"

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
    resnet->names = calloc(parameters, RESNET_NAME_SIZE);
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
    const bool made = take_tables(resnet, threads, message) &&
                      resnet_add_stem(resnet, &in_height, &in_width, message) &&
                      resnet_add_blocks(resnet, &in_height, &in_width, message) &&
                      resnet_add_pool(resnet, in_height, in_width) && take_values(resnet) &&
                      take_buffers(resnet);
    omp_set_num_threads(before);
    if (made)
        return &resnet->tower;
    destroy(&resnet->tower);
    return NULL;
}
