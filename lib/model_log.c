/*
 * model_log.c - what the caller's log hears of a model that has been opened: what runs, in which
 * numbers, and which weights had to be copied.
 */
#include "model_load.h"

#define FAST_ALIGNMENT 64 /* of the file in memory: cache lines */

static void tell_kernels(const struct loader *loader, const char *asked_for)
{
    const kernel_set *kernels = loader->model->kernels;
    const char *fastest = kernel_set_at(0)->name;
    if (kernels != kernel_set_at(0))
        log_tell(&loader->listener, QC_LOG_INFO,
                 "kernels %s, as asked for; the fastest here are %s", kernels->name, fastest);
    else
        log_tell(&loader->listener, QC_LOG_INFO, "kernels %s%s", kernels->name,
                 asked_for ? ", as asked for" : ", the fastest of this build and processor");
    if (kernels->fixed_shape)
        log_tell(&loader->listener, QC_LOG_WARNING,
                 "OpenBLAS computes on one thread from now on in this whole process");
}

static void tell_precision(const struct loader *loader, qc_precision asked_for)
{
    const struct qc_model *model = loader->model;
    const char *stored = model->info.weight_type;
    if (model->precision == QC_PRECISION_F32)
        return;
    log_tell(&loader->listener, QC_LOG_INFO, "precision %s, %s%s", model->info.precision,
             asked_for ? "as asked for; weights are stored as " : "that of a file of type ",
             stored);
    if (model->precision == QC_PRECISION_BF16 && !model->kernels->multiplies_bf16)
        log_tell(&loader->listener, QC_LOG_WARNING,
                 "kernels %s do not multiply bf16: weights are bf16, activations stay f32",
                 model->kernels->name);
    if (model->precision == QC_PRECISION_INT8 && model->tower == QC_TOWER_RESNET)
        log_tell(&loader->listener, QC_LOG_WARNING,
                 "a ResNet has no LayerNorm that channels of very different size could be evened "
                 "out in: int8 rounds it more than a ViT");
}

static void tell_weights(const struct loader *loader)
{
    const struct qc_model *model = loader->model;
    const bool aligned = (uintptr_t)model->data % FAST_ALIGNMENT == 0;
    if (!aligned)
        log_tell(&loader->listener, QC_LOG_WARNING,
                 "the model lies at an address that is no multiple of %d: slower to read%s",
                 FAST_ALIGNMENT, model->is_packed ? ", and packed weights are copied" : "");
    if (loader->packed_bytes)
        log_tell(&loader->listener, QC_LOG_INFO, "%zu bytes of weights were packed%s",
                 loader->packed_bytes,
                 model->mapped ? ", and left the file's memory" : " beside the model's own");
    else
        log_tell(&loader->listener, QC_LOG_INFO, "weights are used where they are%s",
                 model->is_packed ? ", packed" : "");
}

static void tell_text_tower(const struct loader *loader)
{
    const qc_model_info *info = &loader->model->info;
    if (info->has_text_tower && !info->has_text)
        log_tell(&loader->listener, QC_LOG_INFO,
                 "the file has a text tower but no vocabulary: profiles' prompts can be encoded, "
                 "other texts cannot");
#ifndef QUALICLIP_TEXT
    if (gguf_find_value(&loader->model->gguf, KEY_TEXT_WIDTH))
        log_tell(&loader->listener, QC_LOG_WARNING,
                 "the file's text tower is passed over: this build has none (TEXT=no)");
#endif
}

void tell_opened(const struct loader *loader, const qc_model_options *options)
{
    const struct qc_model *model = loader->model;
    if (!loader->listener.hear)
        return;
    log_tell(&loader->listener, QC_LOG_INFO, "%s: %s, %s, %llu parameters of %s",
             model->gguf.origin, model->info.name,
             model->tower == QC_TOWER_VIT ? "a ViT" : "a ResNet",
             (unsigned long long)model->info.parameter_count, model->info.weight_type);
    tell_kernels(loader, options->kernels);
    tell_precision(loader, options->precision);
    if (!model->only_checked)
        tell_weights(loader);
    tell_text_tower(loader);
}
