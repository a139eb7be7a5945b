/*
 * pack_towers.c - which weights of a tower are packed, and what becomes of those of convolutions
 * and of attention pooling.
 */
#include "packing.h"

void pack_vit(struct packing *packing, struct vit *vit)
{
    pack_large(packing, &vit->patch_embedding);
    for (size_t i = 0; i < vit->layers; i++) {
        struct vit_block *block = &vit->blocks[i];
        struct matrix *attention[] = {&block->query.weight, &block->key.weight,
                                      &block->value.weight};
        struct matrix *mlp[] = {&block->fc1.weight};
        pack_behind_norm(packing, &block->norm1, i ? NULL : &vit->pre_norm, attention, 3);
        pack_large(packing, &block->out.weight);
        pack_behind_norm(packing, &block->norm2, NULL, mlp, 1);
        pack_large(packing, &block->fc2.weight);
    }
    pack_matrix(packing, &vit->projection);
}

static void pack_convolution(struct packing *packing, struct convolution *convolution)
{
    if (convolution->linear.weight.outputs)
        pack_taps(packing, &convolution->linear.weight,
                  convolution->kernel_size * convolution->kernel_size);
}

/*
 * A convolution that is large enough holds four times its weights for tiles of 4x4, so it has tiles
 * of 2x2, and 16/9: with few tiles the weights would take longer to read than to multiply with.
 */
#define MOST_WEIGHTS_OF_LARGE_TILES (256 * 256) /* inputs * outputs */

/* A 3x3 convolution with stride 1. */
static void transform_convolution(struct packing *packing, struct convolution *convolution)
{
    struct matrix *matrix = &convolution->linear.weight;
    const size_t inputs = convolution->channels;
    if (!packing->as_stored)
        return;
    convolution->side = inputs * matrix->outputs <= MOST_WEIGHTS_OF_LARGE_TILES ? 4 : 2;
    if (matrix->type != NUMBER_F32)
        packing->widest = larger(packing->widest, matrix->outputs * matrix->inputs);
    float *transformed = arena_take(
        &packing->arena, winograd_weights_bytes(convolution->side, inputs, matrix->outputs), 1);
    if (!transformed)
        return;
    winograd_weights(transformed, packing_rows(packing, matrix, 0, matrix->outputs),
                     convolution->side, matrix->outputs, inputs);
    convolution->winograd = transformed;
    packing_release(packing, matrix);
}

/* Attention pooling multiplies with the transposed rows of a head: see attention_pool.c. */
static void pack_keys(struct packing *packing, struct resnet *resnet)
{
    const struct matrix *matrix = &resnet->key.weight;
    const size_t channels = resnet->channels, size = channels / resnet->heads;
    const size_t bytes = packed_bytes(matrix->type, 1, size, channels);
    char *packed =
        packing->as_stored ? arena_take(&packing->arena, resnet->heads * bytes, 1) : NULL;
    if (!packed)
        return;
    for (size_t head = 0; head < resnet->heads; head++)
        pack_transposed_weights(packed + head * bytes,
                                (const char *)matrix->data +
                                    head * size * channels * number_size(matrix->type),
                                matrix->type, channels, size, channels);
    resnet->packed_keys = packed;
    packing_release(packing, matrix);
}

void pack_resnet(struct packing *packing, struct resnet *resnet)
{
    /* The first is computed as a matrix product: each output's pixels lie side by side. */
    pack_matrix(packing, &resnet->stem[0].linear.weight);
    transform_convolution(packing, &resnet->stem[1]);
    transform_convolution(packing, &resnet->stem[2]);
    for (size_t i = 0; i < resnet->block_count; i++) {
        struct bottleneck *block = &resnet->blocks[i];
        pack_large(packing, &block->conv1.linear.weight);
        transform_convolution(packing, &block->conv2);
        pack_large(packing, &block->conv3.linear.weight);
        if (block->shortcut.linear.weight.outputs)
            pack_large(packing, &block->shortcut.linear.weight);
    }
    pack_matrix(packing, &resnet->query.weight);
    pack_keys(packing, resnet);
    if (resnet->channels / resnet->heads % PANEL_OUTPUTS == 0) /* each head's begin at a panel */
        pack_matrix(packing, &resnet->value.weight);
    pack_matrix(packing, &resnet->out.weight);
}

void pack_resnet18(struct packing *packing, struct resnet18 *resnet18)
{
    /* Each row of its pixels lies side by side. */
    pack_taps(packing, &resnet18->stem.linear.weight, resnet18->stem.kernel_size);
    for (size_t i = 0; i < RESNET18_BLOCKS; i++) {
        struct basic_block *block = &resnet18->blocks[i];
        pack_convolution(packing, &block->conv1);
        pack_convolution(packing, &block->conv2);
        pack_convolution(packing, &block->shortcut);
    }
    pack_matrix(packing, &resnet18->hidden.weight);
    pack_matrix(packing, &resnet18->out.weight);
}
