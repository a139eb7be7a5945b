/*
 * cost.c - the towers once more, as nothing but sizes.
 *
 * Sides are at most 2^20 and channels 2^17, so that 64 bits hold the work of any image that fits
 * into memory.
 */
#include "cost.h"

#include "image.h"
#include "layers.h"
#include "low_level.h"

static uint64_t of_matrix(const struct matrix *matrix)
{
    return (uint64_t)matrix->outputs * matrix->inputs;
}

/* ----------------------------------------------------------------------------------------- ViT */

/* All tokens give keys and values; `queries` of them go on. */
static uint64_t of_block(const struct vit *vit, const struct vit_block *block, uint64_t tokens,
                         uint64_t queries)
{
    const uint64_t for_all = of_matrix(&block->key.weight) + of_matrix(&block->value.weight);
    const uint64_t for_some = of_matrix(&block->query.weight) + of_matrix(&block->out.weight) +
                              of_matrix(&block->fc1.weight) + of_matrix(&block->fc2.weight);
    return tokens * for_all + queries * for_some + 2 * queries * tokens * vit->width;
}

uint64_t vit_cost(const struct vit *vit, uint32_t width, uint32_t height)
{
    const uint64_t patches =
        (uint64_t)(width / vit->patch_size) * (uint64_t)(height / vit->patch_size);
    const uint64_t tokens = 1 + patches;
    uint64_t cost = tokens * of_matrix(&vit->patch_embedding) + of_matrix(&vit->projection);
    for (size_t i = 0; i < vit->layers; i++)
        cost += of_block(vit, &vit->blocks[i], tokens, i + 1 < vit->layers ? tokens : 1);
    return cost;
}

/* -------------------------------------------------------------------------------------- ResNet */

static uint64_t of_convolution(const struct convolution *convolution, uint64_t pixels)
{
    return pixels * of_matrix(&convolution->linear.weight);
}

/* Keys' and values' matrices are used once, on one token; scores and means take all of them. */
static uint64_t of_attention_pool(const struct resnet *resnet, uint64_t tokens)
{
    return of_matrix(&resnet->query.weight) + of_matrix(&resnet->key.weight) +
           of_matrix(&resnet->value.weight) + of_matrix(&resnet->out.weight) +
           2 * tokens * resnet->heads * resnet->channels;
}

uint64_t resnet_cost(const struct resnet *resnet, uint32_t width, uint32_t height)
{
    uint64_t columns = image_stem_size(width), rows = image_stem_size(height), cost = 0;
    for (size_t i = 0; i < 3; i++)
        cost += of_convolution(&resnet->stem[i], rows * columns);
    rows /= 2, columns /= 2;
    for (size_t i = 0; i < resnet->block_count; i++) {
        const struct bottleneck *block = &resnet->blocks[i];
        cost += of_convolution(&block->conv1, rows * columns);
        cost += of_convolution(&block->conv2, rows * columns);
        if (block->halves)
            rows /= 2, columns /= 2;
        cost += of_convolution(&block->conv3, rows * columns);
        cost += of_convolution(&block->shortcut, rows * columns);
    }
    return cost + of_attention_pool(resnet, 1 + rows * columns);
}

/* ----------------------------------------------------------------------------------- low level */

static uint64_t of_resnet18(const struct resnet18 *encoder)
{
    uint64_t side = PATCH_SIDE / 2, cost = of_convolution(&encoder->stem, side * side);
    side /= 2;
    for (size_t i = 0; i < RESNET18_BLOCKS; i++) {
        const struct basic_block *block = &encoder->blocks[i];
        side = strided_size((size_t)side, block->stride);
        cost += of_convolution(&block->conv1, side * side);
        cost += of_convolution(&block->conv2, side * side);
        cost += of_convolution(&block->shortcut, side * side);
    }
    return cost + of_matrix(&encoder->hidden.weight) + of_matrix(&encoder->out.weight);
}

uint64_t low_level_cost(const struct low_level *low_level, uint32_t width, uint32_t height)
{
    return low_level_patches(width, height) * of_resnet18(&low_level->encoder);
}
