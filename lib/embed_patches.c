/*
 * embed_patches.c - qc_embed_patches(): the low-level encoder on its own, in a workspace that lives
 * for one call.
 */
#include <stdlib.h>
#include <string.h>

#include "resnet18.h"

#define THREADS_MAX 1024

struct patch_encoder {
    struct layers layers;
    struct resnet18_workspace workspace;
    float *zeros;
};

static void plan(struct patch_encoder *encoder, const qc_model *model,
                 const qc_scorer_options *options, struct arena *arena)
{
    const struct resnet18 *resnet18 = &model->low_level.encoder;
    struct layers *layers = &encoder->layers;
    *encoder = (struct patch_encoder){.layers = {.kernels = model->kernels}};
    layers->threads = threads_plan(arena, options);
    layers->zeros = encoder->zeros = arena_take(arena, resnet18_zeros(resnet18), sizeof(float));
    resnet18_plan(&encoder->workspace, resnet18, model->kernels, arena, &layers->scratch_size);
    layers->scratch_size =
        (layers->scratch_size + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
    layers->scratch = arena_take(arena, options->threads, layers->scratch_size);
}

static qc_status check(const qc_model *model, const qc_image *patches, size_t count,
                       uint32_t threads, const float *features, struct message *message)
{
    if (!model || (count && (!patches || !features)))
        return fail(message, QC_ERROR_ARGUMENT, "the model, the patches or the features are NULL");
    if (!model->has_low_level)
        return fail(message, QC_ERROR_UNSUPPORTED, "the model %s has no low-level part",
                    model->info.name);
    if (threads < 1 || threads > THREADS_MAX)
        return fail(message, QC_ERROR_ARGUMENT, "threads is %lu, expected 1 to %d",
                    (unsigned long)threads, THREADS_MAX);
    for (size_t i = 0; i < count; i++) {
        qc_status status = image_check(&patches[i], message);
        if (status)
            return status;
        if (patches[i].width != PATCH_SIDE || patches[i].height != PATCH_SIDE)
            return fail(message, QC_ERROR_ARGUMENT,
                        "patch %zu has %lu x %lu pixels, expected %d x %d", i,
                        (unsigned long)patches[i].width, (unsigned long)patches[i].height,
                        PATCH_SIDE, PATCH_SIDE);
    }
    return QC_OK;
}

static void encode(const struct patch_encoder *encoder, const qc_model *model,
                   const qc_image *patches, size_t count, float *features)
{
    const struct resnet18 *resnet18 = &model->low_level.encoder;
    threads_begin(encoder->layers.threads);
    for (size_t first = 0; first < count; first += PATCH_BLOCK) {
        struct patch block[PATCH_BLOCK];
        const size_t part = smaller(PATCH_BLOCK, count - first);
        for (size_t i = 0; i < part; i++)
            block[i] = (struct patch){&patches[first + i], 0, 0};
        resnet18_forward(resnet18, &encoder->workspace, &encoder->layers, block, part,
                         QC_BACKGROUND_DROP, features + first * resnet18->feature_size);
    }
    threads_end(encoder->layers.threads);
}

qc_status qc_embed_patches(const qc_model *model, const qc_image *patches, size_t count,
                           uint32_t threads, float *features, char *text, size_t text_size)
{
    struct message message = {text, text_size};
    if (text && text_size)
        text[0] = 0;
    qc_status status = check(model, patches, count, threads, features, &message);
    if (status)
        return status;
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.threads = threads;
    struct patch_encoder encoder;
    struct arena arena = {0};
    plan(&encoder, model, &options, &arena);
    void *block = arena.overflow ? NULL : aligned_alloc(ARENA_ALIGNMENT, arena.used);
    if (!block)
        return fail(&message, QC_ERROR_MEMORY, "not enough memory for %zu bytes", arena.used);
    arena = (struct arena){.base = block};
    plan(&encoder, model, &options, &arena);
    memset(encoder.zeros, 0, resnet18_zeros(&model->low_level.encoder) * sizeof *encoder.zeros);
    status = threads_start(encoder.layers.threads, &options, &message);
    if (!status) {
        encode(&encoder, model, patches, count, features);
        threads_stop(encoder.layers.threads);
    }
    free(block);
    return status;
}
