/*
 * model_pack.c - which weights of an open model are packed, and into what memory.
 *
 * Those of the image towers, for the kernels that want them so (kernels.h).  The text tower and
 * matrices that are used transposed or in parts stay as they are in the file.
 */
#include "model_load.h"

#include "arena.h"
#include "map_file.h"

struct packing {
    struct arena arena; /* counting first, then handing out */
    bool mapped;        /* what has been packed may leave memory as it is in the file */
};

/* `taps`: the pixels that a convolution's inputs belong to. */
static void pack_taps(struct packing *packing, struct matrix *matrix, size_t taps)
{
    const size_t inputs = matrix->inputs / taps;
    void *packed =
        arena_take(&packing->arena, packed_bytes(matrix->type, taps, inputs, matrix->outputs), 1);
    if (!packed)
        return;
    pack_weights(packed, matrix->data, matrix->type, matrix->outputs, taps, inputs);
    matrix->packed = packed;
    if (packing->mapped)
        release_mapped(matrix->data, matrix->outputs * matrix->inputs * number_size(matrix->type));
}

static void pack_matrix(struct packing *packing, struct matrix *matrix)
{
    pack_taps(packing, matrix, 1);
}

static void pack_vit(struct packing *packing, struct vit *vit)
{
    pack_matrix(packing, &vit->patch_embedding);
    for (size_t i = 0; i < vit->layers; i++) {
        struct vit_block *block = &vit->blocks[i];
        pack_matrix(packing, &block->query.weight);
        pack_matrix(packing, &block->key.weight);
        pack_matrix(packing, &block->value.weight);
        pack_matrix(packing, &block->out.weight);
        pack_matrix(packing, &block->fc1.weight);
        pack_matrix(packing, &block->fc2.weight);
    }
    pack_matrix(packing, &vit->projection);
}

static void pack_convolution(struct packing *packing, struct convolution *convolution)
{
    if (convolution->linear.weight.data)
        pack_taps(packing, &convolution->linear.weight,
                  convolution->kernel_size * convolution->kernel_size);
}

static void pack_resnet(struct packing *packing, struct resnet *resnet)
{
    /* The first is computed as a matrix product: each output's pixels lie side by side. */
    pack_matrix(packing, &resnet->stem[0].linear.weight);
    pack_convolution(packing, &resnet->stem[1]);
    pack_convolution(packing, &resnet->stem[2]);
    for (size_t i = 0; i < resnet->block_count; i++) {
        struct bottleneck *block = &resnet->blocks[i];
        pack_convolution(packing, &block->conv1);
        pack_convolution(packing, &block->conv2);
        pack_convolution(packing, &block->conv3);
        pack_convolution(packing, &block->shortcut);
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

void pack_model(struct loader *loader)
{
    struct qc_model *model = loader->model;
    struct packing packing = {.mapped = model->mapped};
    pack_all(&packing, model);
    if (packing.arena.overflow) {
        loader_fail(loader, QC_ERROR_MEMORY, "packed weights need more memory than there can be");
        return;
    }
    const size_t used = packing.arena.used;
    const size_t alignment = used < LARGE_PAGE ? ARENA_ALIGNMENT : LARGE_PAGE;
    unsigned char *block = loader_allocate(loader, used + alignment, 1);
    if (!block)
        return;
    block += alignment - (uintptr_t)block % alignment;
    prefer_large_pages(block, used);
    packing.arena = (struct arena){.base = block};
    pack_all(&packing, model);
}
