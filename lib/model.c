/*
 * model.c - opens, describes and closes a model: the public functions of qc_model, and the order in
 * which a file is checked.  What is in the file is read by model_vit.c, model_resnet.c and
 * model_recipe.c.
 */
#include "model_load.h"

#include <string.h>

#include "arena.h"
#include "builtin.h"
#include "format.h"
#include "map_file.h"
#include "model_tokenizer.h"
#include "options.h"

#define DATA_ALIGNMENT 4

void qc_model_options_init(qc_model_options *options)
{
    *options = (qc_model_options){.size = sizeof *options};
}

/* The caller's options, or the defaults, with an empty message; false where they were not set up.
 */
static bool begin(qc_model_options *own, const qc_model_options *options)
{
    qc_model_options_init(own);
    if (!take_options(own, sizeof *own, options))
        return false;
    if (own->message && own->message_size)
        own->message[0] = '\0';
    return true;
}

/* What kind of file this is, before anything in it is looked for. */
static void check_kind(struct loader *loader)
{
    struct qc_model *model = loader->model;
    const struct gguf *gguf = &model->gguf;
    struct gguf_text architecture, tower = {"vit", 3};
    bool has_vision = true, has_projector = false;
    if ((loader->status =
             gguf_get_text(gguf, KEY_ARCHITECTURE, true, &architecture, loader->message)) ||
        (loader->status = gguf_get_text(gguf, KEY_TOWER, false, &tower, loader->message)) ||
        (loader->status =
             gguf_get_bool(gguf, KEY_HAS_VISION, false, &has_vision, loader->message)) ||
        (loader->status =
             gguf_get_bool(gguf, KEY_HAS_PROJECTOR, false, &has_projector, loader->message)))
        return;
    if (!text_is(architecture, "clip"))
        loader_fail(loader, QC_ERROR_UNSUPPORTED,
                    "key " KEY_ARCHITECTURE " is \"%s\", expected \"clip\"",
                    gguf_label(architecture).text);
    if (!has_vision)
        loader_fail(loader, QC_ERROR_UNSUPPORTED,
                    "key " KEY_HAS_VISION " is false: there is no image encoder");
    if (has_projector || gguf_find_value(gguf, KEY_PROJECTOR_TYPE))
        loader_fail(loader, QC_ERROR_UNSUPPORTED,
                    "an image encoder for a language model (key %s), without CLIP's projection to "
                    "features of images and texts",
                    has_projector ? KEY_HAS_PROJECTOR : KEY_PROJECTOR_TYPE);
    if (text_is(tower, "vit"))
        model->tower = QC_TOWER_VIT;
    else if (text_is(tower, "resnet"))
        model->tower = QC_TOWER_RESNET;
    else
        loader_fail(loader, QC_ERROR_UNSUPPORTED,
                    "key " KEY_TOWER " is \"%s\", expected \"vit\" or \"resnet\"",
                    gguf_label(tower).text);
}

/* What most numbers in matrices are stored as. */
static const char *most_frequent_type(const uint64_t counts[NUMBER_I8 + 1])
{
    static const char *const names[NUMBER_I8 + 1] = {"f32", "f16", "bf16", "q8"};
    size_t most = NUMBER_F32;
    for (size_t type = 0; type <= NUMBER_I8; type++)
        if (counts[type] > counts[most])
            most = type;
    return names[most];
}

static const char *precision_name(qc_precision precision)
{
    return precision == QC_PRECISION_INT8   ? "int8"
           : precision == QC_PRECISION_BF16 ? "bf16"
                                            : "f32";
}

/* Sums of products of I8 fit into 32 bits up to this many inputs: 255 * 128 * 65536 < 2^31. */
#define I8_INPUTS_MOST 65536

/* The caller's, or the file's own. */
static void settle_precision(struct loader *loader)
{
    struct qc_model *model = loader->model;
    if (model->precision == QC_PRECISION_DEFAULT)
        model->precision = loader->matrix_numbers[NUMBER_I8] ? QC_PRECISION_INT8 : QC_PRECISION_F32;
    const size_t most = model->tower == QC_TOWER_VIT
                            ? larger(model->vit.patch_embedding.inputs, model->vit.mlp_width)
                            : 0; /* of a ModifiedResNet they are never that many */
    if (model->precision == QC_PRECISION_INT8 && most > I8_INPUTS_MOST)
        loader_fail(loader, QC_ERROR_UNSUPPORTED,
                    "a matrix has %zu inputs, int8 computes with at most %d: use bf16", most,
                    I8_INPUTS_MOST);
}

static void describe(struct loader *loader)
{
    struct qc_model *model = loader->model;
    qc_model_info *info = &model->info;
    char hash[32];
    const size_t length =
        format_text(hash, sizeof hash, "xxh64:%016llx", (unsigned long long)check_numbers(loader));
    info->hash = loader_copy_text(loader, (struct gguf_text){hash, length});
    info->kernels = model->kernels->name;
    info->precision = precision_name(model->precision);
    info->weight_type = most_frequent_type(loader->matrix_numbers);
    info->tower = model->tower;
    info->feature_size = (uint32_t)model->feature_size;
    info->file_size = model->size;
}

static qc_status load_model(struct qc_model *model, const char *origin,
                            const qc_model_options *options, struct message *message)
{
    const uint16_t one = 1;
    if (*(const unsigned char *)&one != 1)
        return fail(message, QC_ERROR_UNSUPPORTED,
                    "%s: model files are little-endian, this machine is not", origin);
    struct loader loader = {.model = model,
                            .message = message,
                            .listener = {options->log, options->log_context}};
    loader.status =
        gguf_parse_into(&model->gguf, &model->memory, model->data, model->size, origin, message);
    if (!loader.status)
        check_kind(&loader);
    if (!loader.status && model->tower == QC_TOWER_VIT)
        load_vit(&loader);
    if (!loader.status && model->tower == QC_TOWER_RESNET)
        load_resnet(&loader);
    load_text_tower(&loader);
    load_low_level(&loader);
    if (!loader.status)
        load_recipe(&loader);
    if (!loader.status)
        settle_precision(&loader);
    if (!loader.status)
        describe(&loader);
    if (!loader.status && !model->only_checked)
        pack_model(&loader);
    if (!loader.status)
        tell_opened(&loader, options);
    model->info.memory_size = model->memory.most;
    /* `origin` is the caller's and was needed for messages alone. */
    model->gguf.origin = "the model";
    return loader.status;
}

static qc_status choose_kernels(struct qc_model *model, const char *name, struct message *message)
{
    model->kernels = kernel_set_find(name);
    if (model->kernels)
        return QC_OK;
    if (!name)
        return fail(message, QC_ERROR_UNSUPPORTED, "this build has no kernels for this processor");
    char known[128] = "";
    for (size_t i = 0, used = 0; kernel_set_at(i) && used < sizeof known; i++)
        used += format_text(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                            kernel_set_at(i)->name);
    return fail(message, QC_ERROR_UNSUPPORTED, "there are no kernels named \"%s\" here, but %s",
                name, known);
}

static qc_status create_model(struct qc_model **model, const qc_model_options *options,
                              struct message *message)
{
    struct memory memory = {.block = options->memory, .size = options->memory_size};
    *model = NULL;
    if ((uintptr_t)options->memory % MEMORY_ALIGNMENT)
        return fail(message, QC_ERROR_ARGUMENT,
                    "memory is at %p, expected an address aligned to %d", options->memory,
                    MEMORY_ALIGNMENT);
    *model = memory_take(&memory, 1, sizeof **model);
    if (!*model)
        return fail(message, QC_ERROR_MEMORY, "not enough memory for a model");
    (*model)->memory = memory;
    if (options->precision < QC_PRECISION_DEFAULT || options->precision > QC_PRECISION_INT8)
        return fail(message, QC_ERROR_ARGUMENT, "precision is %d, expected a qc_precision",
                    (int)options->precision);
    (*model)->precision = options->precision;
    return choose_kernels(*model, options->kernels, message);
}

static qc_status open_mapped(struct qc_model *model, const char *path,
                             const qc_model_options *options, struct message *message)
{
    const qc_status status = map_file(&model->data, &model->size, path, message);
    model->mapped = status == QC_OK;
    return status ? status : load_model(model, path, options, message);
}

static qc_status open_in_memory(struct qc_model *model, const void *data, size_t size,
                                const char *origin, const qc_model_options *options,
                                struct message *message)
{
    model->data = data;
    model->size = size;
    return load_model(model, origin, options, message);
}

static qc_status open_builtin(struct qc_model *model, const qc_model_options *options,
                              struct message *message)
{
    size_t size;
    const void *data = builtin_model(&size);
    if (!data)
        return fail(message, QC_ERROR_UNSUPPORTED,
                    "this build has no built-in model: name a model file");
    return open_in_memory(model, data, size, "the built-in model", options, message);
}

/* Hands out the model, or closes what there is of it. */
static qc_status finish(struct qc_model *created, qc_status status, qc_model **model)
{
    if (status)
        qc_model_close(created);
    else
        *model = created;
    return status;
}

qc_status qc_model_open(qc_model **model, const char *path, const qc_model_options *options)
{
    qc_model_options own;
    if (model)
        *model = NULL;
    if (!model || !begin(&own, options))
        return QC_ERROR_ARGUMENT;
    struct message message = {own.message, own.message_size};
    struct qc_model *created;
    qc_status status = create_model(&created, &own, &message);
    if (created) {
        created->packs_resnet = own.packing != QC_PACKING_NEVER;
        created->packs_vit = created->packs_resnet && own.packing != QC_PACKING_RESNET;
    }
    if (!status)
        status = path ? open_mapped(created, path, &own, &message)
                      : open_builtin(created, &own, &message);
    return finish(created, status, model);
}

qc_status qc_model_check(const char *path, const qc_model_options *options)
{
    qc_model_options own;
    if (!path || !begin(&own, options))
        return QC_ERROR_ARGUMENT;
    struct message message = {own.message, own.message_size};
    struct qc_model *model;
    qc_status status = create_model(&model, &own, &message);
    if (model)
        model->only_checked = true;
    if (!status)
        status = open_mapped(model, path, &own, &message);
    qc_model_close(model);
    return status;
}

qc_status qc_model_open_memory(qc_model **model, const void *data, size_t size,
                               const qc_model_options *options)
{
    qc_model_options own;
    if (model)
        *model = NULL;
    if (!model || !begin(&own, options))
        return QC_ERROR_ARGUMENT;
    struct message message = {own.message, own.message_size};
    if (!data)
        return fail(&message, QC_ERROR_ARGUMENT, "the model's data is NULL");
    if ((uintptr_t)data % DATA_ALIGNMENT)
        return fail(&message, QC_ERROR_ARGUMENT,
                    "the model's data is not aligned: expected a multiple of %d bytes",
                    DATA_ALIGNMENT);
    struct qc_model *created;
    qc_status status = create_model(&created, &own, &message);
    if (created)
        created->packs_resnet = created->packs_vit = own.packing == QC_PACKING_ALWAYS;
    if (!status)
        status = open_in_memory(created, data, size, "the model in memory", &own, &message);
    return finish(created, status, model);
}

void qc_model_close(qc_model *model)
{
    if (!model)
        return;
    model_tokenizer_free(model);
    if (model->mapped)
        unmap_file(model->data, model->size);
    struct memory memory = model->memory; /* which holds the model itself */
    memory_release(&memory, 0);
}

void qc_model_describe(const qc_model *model, qc_model_info *info)
{
    *info = model->info;
}

const char *qc_model_pair_name(const qc_model *model, uint32_t index)
{
    return index < model->recipe.output_count ? model->recipe.names[index] : NULL;
}

const char *qc_profile_name(size_t index)
{
    const struct profile *profile = profile_at(index);
    return profile ? profile->name : NULL;
}

const char *qc_kernels_name(size_t index)
{
    const kernel_set *set = kernel_set_at(index);
    return set ? set->name : NULL;
}
