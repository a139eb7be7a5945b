/*
 * model_pack.c - which models have their weights packed, and into what memory.
 *
 * Weights of the image towers: for the kernels that want them so (kernels.h), as they are stored;
 * in bf16 and int8, for all kernels, the large ones (large_matrices.h) rounded.  The text tower
 * stays as it is in the file, and so do panels that the file holds of the type that is wanted.
 */
#include "map_file.h"
#include "model_load.h"
#include "packing.h"

bool packs_anew(const struct qc_model *model)
{
    const bool packs = model->tower == QC_TOWER_VIT ? model->packs_vit : model->packs_resnet;
    return packing_type(model->precision, model->large_type) != model->large_type ||
           (!model->is_packed &&
            packing_wants_panels(model->precision, model->kernels, packs && model->kernels->packs));
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
    if (used == 0)
        return; /* all are used in place */
    struct memory *memory = &loader->model->memory;
    const size_t alignment = used < LARGE_PAGE ? ARENA_ALIGNMENT : LARGE_PAGE;
    unsigned char *block = memory_take_fresh(memory, used + alignment, 1);
    const size_t mark = memory->used;
    packing->wide = memory_take_fresh(memory, counted.widest, sizeof *packing->wide);
    packing->factors = memory_take_fresh(memory, counted.channels, sizeof *packing->factors);
    if (block && packing->wide && packing->factors) {
        block += alignment - (uintptr_t)block % alignment;
        prefer_large_pages(block, used);
        if (packing->mapped)
            prefer_small_pages(loader->model->data, loader->model->size);
        packing->arena.base = block;
        pack_all(packing, loader->model);
        loader->packed_bytes = used;
    } else {
        loader_fail(loader, QC_ERROR_MEMORY, "not enough memory to pack weights");
    }
    memory_release(memory, mark);
}

/* In which order a ViT reads its matrices; in the last block the queries come third. */
static void link_vit(struct vit *vit)
{
    struct matrix *before = &vit->patch_embedding;
    for (size_t i = 0; i < vit->layers; i++) {
        struct vit_block *block = &vit->blocks[i];
        const bool last = i + 1 == vit->layers;
        struct matrix *order[] = {
            last ? &block->key.weight : &block->query.weight,
            last ? &block->value.weight : &block->key.weight,
            last ? &block->query.weight : &block->value.weight,
            &block->out.weight,
            &block->fc1.weight,
            &block->fc2.weight,
        };
        for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
            before->next = order[k];
            before = order[k];
        }
    }
    before->next = &vit->projection;
}

void pack_model(struct loader *loader)
{
    struct qc_model *model = loader->model;
    const bool packs = model->tower == QC_TOWER_VIT ? model->packs_vit : model->packs_resnet;
    struct packing packing = {.as_stored = packs && model->kernels->packs,
                              .precision = model->precision,
                              .kernels = model->kernels,
                              .mapped = model->mapped};
    pack_into_memory(loader, &packing);
    if (model->tower == QC_TOWER_VIT && !loader->status)
        link_vit(&model->vit);
}
