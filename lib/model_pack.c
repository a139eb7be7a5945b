/*
 * model_pack.c - which weights of an open model are packed, as what, and into what memory.
 *
 * Those of the image towers: for the kernels that want them so (kernels.h), as they are stored; in
 * bf16 and int8, for all kernels, the large products' rounded.  The text tower and matrices that
 * are used transposed or in parts stay as they are in the file.
 */
#include "model_load.h"

#include "arena.h"
#include "map_file.h"

struct packing {
    struct arena arena; /* counting first, then handing out */
    bool as_stored;     /* weights that are not rounded are packed, too */
    number_type rounded;
    bool rounds_rows;
    const kernel_set *kernels;
    float *wide; /* a panel's weights, if they are stored smaller; as many floats as `widest` */
    size_t widest;
    bool mapped; /* what has been packed may leave memory as it is in the file */
};

static void release(const struct packing *packing, const struct matrix *matrix)
{
    if (packing->mapped)
        release_mapped(matrix->data, matrix->outputs * matrix->inputs * number_size(matrix->type));
}

/* `taps`: the pixels that a convolution's inputs belong to. */
static void pack_taps(struct packing *packing, struct matrix *matrix, size_t taps)
{
    if (!packing->as_stored)
        return;
    const size_t inputs = matrix->inputs / taps;
    void *packed =
        arena_take(&packing->arena, packed_bytes(matrix->type, taps, inputs, matrix->outputs), 1);
    if (!packed)
        return;
    pack_weights(packed, matrix->data, matrix->type, matrix->outputs, taps, inputs);
    matrix->packed = packed;
    release(packing, matrix);
}

static void pack_matrix(struct packing *packing, struct matrix *matrix)
{
    pack_taps(packing, matrix, 1);
}

/* The weights of a panel as floats. */
static const float *widened(const struct packing *packing, const struct matrix *matrix,
                            size_t output, size_t outputs)
{
    const char *data = matrix->data;
    data += output * matrix->inputs * number_size(matrix->type);
    if (matrix->type == NUMBER_F32)
        return (const float *)data;
    packing->kernels->widen(packing->wide, data, matrix->type, outputs * matrix->inputs);
    return packing->wide;
}

static void round_matrix(struct packing *packing, struct matrix *matrix)
{
    const number_type type = packing->rounded;
    packing->widest = larger(packing->widest, PANEL_OUTPUTS * matrix->inputs);
    char *packed =
        arena_take(&packing->arena, packed_bytes(type, 1, matrix->inputs, matrix->outputs), 1);
    if (!packed)
        return;
    for (size_t output = 0; output < matrix->outputs; output += PANEL_OUTPUTS) {
        const size_t outputs = smaller(PANEL_OUTPUTS, matrix->outputs - output);
        const float *weights = widened(packing, matrix, output, outputs);
        void *panel = packed + output / PANEL_OUTPUTS * panel_bytes(type, 1, matrix->inputs);
        if (type == NUMBER_I8)
            quantise_weights(panel, weights, outputs, matrix->inputs);
        else
            round_weights(panel, weights, outputs, matrix->inputs);
    }
    release(packing, matrix);
    *matrix = (struct matrix){.type = type,
                              .outputs = matrix->outputs,
                              .inputs = matrix->inputs,
                              .packed = packed,
                              .rounds_rows = packing->rounds_rows};
}

/* A matrix that takes long to multiply with. */
static void pack_large(struct packing *packing, struct matrix *matrix)
{
    if (packing->rounded == NUMBER_F32)
        pack_matrix(packing, matrix);
    else
        round_matrix(packing, matrix);
}

static void pack_vit(struct packing *packing, struct vit *vit)
{
    pack_matrix(packing, &vit->patch_embedding);
    for (size_t i = 0; i < vit->layers; i++) {
        struct vit_block *block = &vit->blocks[i];
        pack_large(packing, &block->query.weight);
        pack_large(packing, &block->key.weight);
        pack_large(packing, &block->value.weight);
        pack_large(packing, &block->out.weight);
        pack_large(packing, &block->fc1.weight);
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
    winograd_weights(transformed, widened(packing, matrix, 0, matrix->outputs), convolution->side,
                     matrix->outputs, inputs);
    convolution->winograd = transformed;
    release(packing, matrix);
}

static void pack_resnet(struct packing *packing, struct resnet *resnet)
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
    pack_matrix(packing, &resnet->out.weight);
}

static void pack_resnet18(struct packing *packing, struct resnet18 *resnet18)
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

static void pack_all(struct packing *packing, struct qc_model *model)
{
    if (model->tower == QC_TOWER_VIT)
        pack_vit(packing, &model->vit);
    else
        pack_resnet(packing, &model->resnet);
    if (model->has_low_level)
        pack_resnet18(packing, &model->low_level.encoder);
}

/* Counts, asks for that much memory, and packs. */
static void pack_into_memory(struct loader *loader, struct packing *packing)
{
    struct packing counted = *packing;
    pack_all(&counted, loader->model);
    const size_t used = counted.arena.used;
    if (counted.arena.overflow) {
        loader_fail(loader, QC_ERROR_MEMORY, "packed weights need more memory than there can be");
        return;
    }
    struct memory *memory = &loader->model->memory;
    const size_t alignment = used < LARGE_PAGE ? ARENA_ALIGNMENT : LARGE_PAGE;
    unsigned char *block = memory_take_fresh(memory, used + alignment, 1);
    const size_t mark = memory->used;
    packing->wide = memory_take_fresh(memory, counted.widest, sizeof *packing->wide);
    if (block && packing->wide) {
        block += alignment - (uintptr_t)block % alignment;
        prefer_large_pages(block, used);
        packing->arena.base = block;
        pack_all(packing, loader->model);
    } else {
        loader_fail(loader, QC_ERROR_MEMORY, "not enough memory to pack weights");
    }
    memory_release(memory, mark);
}

void pack_model(struct loader *loader)
{
    const struct qc_model *model = loader->model;
    const kernel_set *kernels = model->kernels;
    const bool packs = model->tower == QC_TOWER_VIT ? model->packs_vit : model->packs_resnet;
    struct packing packing = {
        .as_stored = packs && kernels->packs, .kernels = kernels, .mapped = model->mapped};
    if (model->precision == QC_PRECISION_INT8) {
        packing.rounded = NUMBER_I8;
        packing.rounds_rows = true;
    } else if (model->precision == QC_PRECISION_BF16) {
        packing.rounded = NUMBER_BF16;
        packing.rounds_rows = kernels->multiplies_bf16;
    }
    if (packing.as_stored || packing.rounded != NUMBER_F32)
        pack_into_memory(loader, &packing);
}
