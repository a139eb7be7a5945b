/*
 * model_vit.c - the ViT tower out of a model file, under clip.cpp's names (docs/model-file.md).
 */
#include "model_load.h"

#define HEAD_SIZE 64 /* of every released CLIP model: where a file does not tell */

static void load_sizes(struct loader *loader, struct vit *vit)
{
    vit->width = load_size(loader, KEY_WIDTH, 0, 1, MAX_WIDTH);
    const uint32_t width = (uint32_t)vit->width;
    vit->mlp_width = load_size(loader, KEY_MLP_WIDTH, 0, 1, 16 * MAX_WIDTH);
    vit->layers = load_size(loader, KEY_LAYERS, 0, 1, MAX_LAYERS);
    vit->patch_size = load_size(loader, KEY_PATCH_SIZE, 0, 1, MAX_PATCH_SIZE);
    vit->heads = load_size(loader, KEY_HEADS, width / HEAD_SIZE, 1, width);
    if (!loader->status && width % vit->heads)
        loader_fail(loader, QC_ERROR_FORMAT,
                    "key " KEY_HEADS " is %zu, expected a divisor of the width %lu", vit->heads,
                    (unsigned long)width);
}

static void load_arithmetic(struct loader *loader, struct vit *vit)
{
    if (loader->status)
        return;
    const struct gguf *gguf = &loader->model->gguf;
    bool gelu = false;
    vit->epsilon = 1e-5f;
    if ((loader->status = gguf_get_bool(gguf, KEY_USE_GELU, false, &gelu, loader->message)) ||
        (loader->status = gguf_get_f32(gguf, KEY_EPSILON, false, &vit->epsilon, loader->message)))
        return;
    vit->activation = gelu ? ACTIVATION_GELU : ACTIVATION_QUICK_GELU;
    if (!(vit->epsilon > 0 && vit->epsilon < 1))
        loader_fail(loader, QC_ERROR_FORMAT, "key " KEY_EPSILON " is %g, expected above 0, below 1",
                    (double)vit->epsilon);
}

static void describe(struct qc_model *model)
{
    const struct vit *vit = &model->vit;
    model->info.width = (uint32_t)vit->width;
    model->info.layers = (uint32_t)vit->layers;
    model->info.heads = (uint32_t)vit->heads;
    model->info.patch_size = model->info.minimum_size = (uint32_t)vit->patch_size;
    model->info.has_positions = vit->position_embedding != NULL;
}

void load_vit(struct loader *loader)
{
    struct qc_model *model = loader->model;
    struct vit *vit = &model->vit;
    load_sizes(loader, vit);
    load_arithmetic(loader, vit);
    model->feature_size = load_size(loader, KEY_PROJECTION, 0, 1, MAX_WIDTH);

    const size_t width = vit->width, patch = vit->patch_size;
    vit->patch_embedding =
        load_large_matrix(loader, "v.patch_embd.weight", (struct shape){{width, 3, patch, patch}});
    vit->class_embedding = load_vector(loader, "v.class_embd", width);
    vit->position_embedding =
        load_positions(loader, "v.position_embd.weight", patch, width, &vit->grid);
    vit->pre_norm = load_norm(loader, "v.pre_ln", width);
    vit->blocks = loader_allocate(loader, vit->layers, sizeof *vit->blocks);
    for (size_t i = 0; i < vit->layers && !loader->status; i++)
        load_transformer_block(loader, &vit->blocks[i], 'v', i, vit->width, vit->mlp_width);
    vit->post_norm = load_norm(loader, "v.post_ln", width);
    vit->projection = load_matrix(loader, "visual_projection.weight",
                                  (struct shape){{model->feature_size, width}});
    describe(model);
}
