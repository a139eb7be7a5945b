/*
 * model_work.c - counts a model's multiply-adds from the shapes of its weights, and finds the layer
 * that weights belong to.
 */
#include "model_work.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

/* ------------------------------------------------------------------------------------- work */

static double matrix_work(const struct matrix *matrix, size_t rows)
{
    return 2.0 * (double)rows * (double)matrix->outputs * (double)matrix->inputs;
}

static double vit_work(const struct vit *vit, size_t width, size_t height)
{
    const size_t patches = (width / vit->patch_size) * (height / vit->patch_size);
    double work = matrix_work(&vit->patch_embedding, patches) + matrix_work(&vit->projection, 1);
    for (size_t i = 0; i < vit->layers; i++) {
        const struct vit_block *block = &vit->blocks[i];
        const struct linear *layers[] = {&block->query, &block->key, &block->value,
                                         &block->out,   &block->fc1, &block->fc2};
        for (size_t j = 0; j < sizeof layers / sizeof *layers; j++)
            work += matrix_work(&layers[j]->weight, 1 + patches);
    }
    return work;
}

static double resnet_work(const struct resnet *resnet, size_t width, size_t height)
{
    width = (width + 1) / 2;
    height = (height + 1) / 2;
    double work = 0;
    for (size_t i = 0; i < 3; i++)
        work += matrix_work(&resnet->stem[i].linear.weight, width * height);
    width /= 2;
    height /= 2;
    for (size_t i = 0; i < resnet->block_count; i++) {
        const struct bottleneck *block = &resnet->blocks[i];
        work += matrix_work(&block->conv1.linear.weight, width * height) +
                matrix_work(&block->conv2.linear.weight, width * height);
        if (block->halves) {
            width /= 2;
            height /= 2;
        }
        work += matrix_work(&block->conv3.linear.weight, width * height) +
                matrix_work(&block->shortcut.linear.weight, width * height);
    }
    const size_t tokens = 1 + width * height;
    return work + matrix_work(&resnet->key.weight, tokens) +
           matrix_work(&resnet->value.weight, tokens) + matrix_work(&resnet->query.weight, 1) +
           matrix_work(&resnet->out.weight, 1);
}

double model_work(const qc_model *model, uint32_t width, uint32_t height)
{
    return model->tower == QC_TOWER_VIT ? vit_work(&model->vit, width, height)
                                        : resnet_work(&model->resnet, width, height);
}

/* ------------------------------------------------------------------------------------ layers */

static bool lies_in(const void *address, const void *block, size_t bytes)
{
    const uintptr_t at = (uintptr_t)address, start = (uintptr_t)block;
    return block && at >= start && at - start < bytes;
}

/* Calls may be for some of the outputs alone. */
static bool belongs_to(const struct linear *linear, size_t taps, const void *weights)
{
    const struct matrix *matrix = &linear->weight;
    return lies_in(weights, matrix->data,
                   matrix->outputs * matrix->inputs * number_size(matrix->type)) ||
           lies_in(weights, matrix->packed,
                   packed_bytes(matrix->type, taps, matrix->inputs / taps, matrix->outputs));
}

static const char *vit_layer_of(const struct vit *vit, const void *weights)
{
    const struct linear patch_embedding = {vit->patch_embedding, NULL};
    const struct linear projection = {vit->projection, NULL};
    if (belongs_to(&patch_embedding, 1, weights))
        return "patch embedding";
    if (belongs_to(&projection, 1, weights))
        return "projection";
    for (size_t i = 0; i < vit->layers; i++) {
        const struct vit_block *block = &vit->blocks[i];
        if (belongs_to(&block->query, 1, weights) || belongs_to(&block->key, 1, weights) ||
            belongs_to(&block->value, 1, weights))
            return "query, key, value";
        if (belongs_to(&block->out, 1, weights))
            return "attention's output";
        if (belongs_to(&block->fc1, 1, weights))
            return "MLP, first";
        if (belongs_to(&block->fc2, 1, weights))
            return "MLP, second";
    }
    return NULL;
}

static bool convolves_with(const struct convolution *convolution, const void *weights)
{
    const struct matrix *matrix = &convolution->linear.weight;
    if (!matrix->outputs)
        return false;
    return belongs_to(&convolution->linear, convolution->kernel_size * convolution->kernel_size,
                      weights) ||
           (convolution->winograd &&
            lies_in(
                weights, convolution->winograd,
                winograd_weights_bytes(convolution->side, convolution->channels, matrix->outputs)));
}

static const char *bottleneck_layer_of(const struct bottleneck *block, const void *weights)
{
    return convolves_with(&block->conv1, weights)      ? "1x1 in"
           : convolves_with(&block->conv2, weights)    ? "3x3"
           : convolves_with(&block->conv3, weights)    ? "1x1 out"
           : convolves_with(&block->shortcut, weights) ? "shortcut"
                                                       : NULL;
}

static struct layer_name resnet_layer_of(const struct resnet *resnet, const void *weights)
{
    struct layer_name name = {""};
    for (size_t i = 0; i < 3; i++)
        if (convolves_with(&resnet->stem[i], weights))
            snprintf(name.text, sizeof name.text, "stem %zu, 3x3", i + 1);
    for (size_t i = 0, stage = 1; i < resnet->block_count; i++) {
        const struct bottleneck *block = &resnet->blocks[i];
        stage += block->halves;
        const char *part = bottleneck_layer_of(block, weights);
        if (part)
            snprintf(name.text, sizeof name.text, "stage %zu, %s", stage, part);
    }
    const struct linear *pool[] = {&resnet->query, &resnet->key, &resnet->value, &resnet->out};
    const size_t head = resnet->channels / resnet->heads;
    bool pools =
        lies_in(weights, resnet->packed_keys,
                resnet->heads * packed_bytes(resnet->key.weight.type, 1, head, resnet->channels));
    for (size_t i = 0; i < sizeof pool / sizeof *pool; i++)
        pools = pools || belongs_to(pool[i], 1, weights);
    if (pools)
        snprintf(name.text, sizeof name.text, "attention pool");
    return name;
}

struct layer_name model_layer_of(const qc_model *model, const void *weights)
{
    if (model->tower == QC_TOWER_RESNET)
        return resnet_layer_of(&model->resnet, weights);
    struct layer_name name = {""};
    const char *layer = vit_layer_of(&model->vit, weights);
    if (layer)
        snprintf(name.text, sizeof name.text, "%s", layer);
    return name;
}
