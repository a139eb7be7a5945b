/*
 * model_pack.c - which weights of an open model are packed, as what, and into what memory.
 *
 * Those of the image towers: for the kernels that want them so (kernels.h), as they are stored; in
 * bf16 and int8, for all kernels, the large ones (large_matrices.h) rounded.  The text tower stays
 * as it is in the file, and so do panels that the file holds of the type that is wanted.
 */
#include "model_load.h"

#include <string.h>

#include "arena.h"
#include "map_file.h"
#include "smoothing.h"

struct packing {
    struct arena arena; /* counting first, then handing out */
    bool as_stored;     /* weights that are not rounded are packed, too */
    qc_precision precision;
    const kernel_set *kernels;
    float *wide; /* a panel's weights, row by row; as many floats as `widest` */
    size_t widest;
    double *factors; /* of a smoothed norm's channels; as many as `channels` */
    size_t channels;
    bool mapped; /* what has been packed may leave memory as it is in the file */
};

static void release(const struct packing *packing, const struct matrix *matrix)
{
    if (!packing->mapped)
        return;
    if (matrix->data)
        release_mapped(matrix->data, matrix->outputs * matrix->inputs * number_size(matrix->type));
    if (matrix->packed)
        release_mapped(matrix->packed,
                       packed_bytes(matrix->type, 1, matrix->inputs, matrix->outputs));
}

/* -------------------------------------------------------------------------- as they are stored */

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
    release(packing, matrix);
    matrix->packed = packed;
}

static void pack_matrix(struct packing *packing, struct matrix *matrix)
{
    pack_taps(packing, matrix, 1);
}

/* ------------------------------------------------------------------------------ large matrices */

/* Of the large ones, what is multiplied with. */
static number_type wanted_type(qc_precision precision, number_type stored)
{
    if (precision == QC_PRECISION_INT8)
        return NUMBER_I8;
    if (precision == QC_PRECISION_BF16)
        return NUMBER_BF16;
    return stored == NUMBER_I8 ? NUMBER_F32 : stored;
}

static bool rounds_rows(qc_precision precision, const kernel_set *kernels)
{
    return precision == QC_PRECISION_INT8 ||
           (precision == QC_PRECISION_BF16 && kernels->multiplies_bf16);
}

/* Whether they have to be panels. */
static bool wants_panels(qc_precision precision, const kernel_set *kernels, bool as_stored)
{
    return as_stored || rounds_rows(precision, kernels);
}

bool packs_anew(const struct qc_model *model)
{
    const bool packs = model->tower == QC_TOWER_VIT ? model->packs_vit : model->packs_resnet;
    return wanted_type(model->precision, model->large_type) != model->large_type ||
           (!model->is_packed &&
            wants_panels(model->precision, model->kernels, packs && model->kernels->packs));
}

/* Some outputs as rows of floats: as they are in the file, or in packing->wide. */
static const float *rows_of(const struct packing *packing, const struct matrix *matrix,
                            size_t output, size_t outputs)
{
    float *wide = packing->wide;
    if (!matrix->data) {
        const gemm_call call = {.packed = matrix->packed,
                                .weight_type = matrix->type,
                                .taps = 1,
                                .inputs = matrix->inputs};
        unpack_weights(wide, 1, matrix->inputs, &call, output, outputs, packing->kernels->widen);
        return wide;
    }
    const size_t first = output * matrix->inputs, count = outputs * matrix->inputs;
    const char *data = (const char *)matrix->data + first * number_size(matrix->type);
    if (matrix->type == NUMBER_F32)
        return (const float *)data;
    if (matrix->type != NUMBER_I8) {
        packing->kernels->widen(wide, data, matrix->type, count);
        return wide;
    }
    for (size_t i = 0; i < count; i++)
        wide[i] = (float)((const int8_t *)data)[i] * matrix->scales[output + i / matrix->inputs];
    return wide;
}

/* By way of floats, a panel at a time. */
static void round_panels(const struct packing *packing, const struct matrix *matrix,
                         number_type type, const double *factors, char *packed)
{
    const size_t inputs = matrix->inputs;
    for (size_t output = 0; output < matrix->outputs; output += PANEL_OUTPUTS) {
        const size_t outputs = smaller(PANEL_OUTPUTS, matrix->outputs - output);
        void *panel = packed + output / PANEL_OUTPUTS * panel_bytes(type, 1, inputs);
        const float *rows = rows_of(packing, matrix, output, outputs);
        if (factors) {
            for (size_t n = 0; n < outputs; n++)
                smoothing_multiply(packing->wide + n * inputs, rows + n * inputs, factors, inputs);
            rows = packing->wide;
        }
        if (type == NUMBER_I8)
            quantise_weights(panel, rows, outputs, inputs);
        else if (type == NUMBER_BF16)
            round_weights(panel, rows, outputs, inputs);
        else
            pack_weights(panel, rows, NUMBER_F32, outputs, 1, inputs);
    }
}

static void fill_panels(const struct packing *packing, const struct matrix *matrix,
                        number_type type, const double *factors, void *packed)
{
    if (matrix->type != type)
        round_panels(packing, matrix, type, factors, packed);
    else if (matrix->packed)
        memcpy(packed, matrix->packed, packed_bytes(type, 1, matrix->inputs, matrix->outputs));
    else if (type == NUMBER_I8)
        pack_whole_weights(packed, matrix->data, matrix->scales, matrix->outputs, matrix->inputs);
    else
        pack_weights(packed, matrix->data, type, matrix->outputs, 1, matrix->inputs);
}

/* `factors`: see smoothing.h; NULL: none. */
static void pack_smoothed(struct packing *packing, struct matrix *matrix, const double *factors)
{
    const number_type type = wanted_type(packing->precision, matrix->type);
    const bool fits = matrix->packed
                          ? (uintptr_t)matrix->packed % ARENA_ALIGNMENT == 0
                          : !wants_panels(packing->precision, packing->kernels, packing->as_stored);
    const bool in_place = type == matrix->type && fits;
    if (!in_place) {
        void *packed =
            arena_take(&packing->arena, packed_bytes(type, 1, matrix->inputs, matrix->outputs), 1);
        packing->widest = larger(packing->widest, PANEL_OUTPUTS * matrix->inputs);
        if (!packed)
            return;
        fill_panels(packing, matrix, type, factors, packed);
        release(packing, matrix);
        if (type != matrix->type || type == NUMBER_I8)
            matrix->data = NULL;
        matrix->type = type;
        matrix->packed = packed;
        matrix->scales = NULL;
    }
    matrix->rounds_rows = rounds_rows(packing->precision, packing->kernels);
}

static void pack_large(struct packing *packing, struct matrix *matrix)
{
    pack_smoothed(packing, matrix, NULL);
}

static void add_energies(const struct packing *packing, const struct matrix *matrix)
{
    for (size_t output = 0; output < matrix->outputs; output += PANEL_OUTPUTS) {
        const size_t outputs = smaller(PANEL_OUTPUTS, matrix->outputs - output);
        const float *rows = rows_of(packing, matrix, output, outputs);
        for (size_t n = 0; n < outputs; n++)
            smoothing_add(packing->factors, rows + n * matrix->inputs, matrix->inputs);
    }
}

/* The matrices behind a norm; `before`: the norm whose output is this one's input, or NULL. */
static void pack_behind_norm(struct packing *packing, struct norm *norm, const struct norm *before,
                             struct matrix *const *matrices, size_t count)
{
    const size_t channels = matrices[0]->inputs;
    /* What is stored as whole numbers was smoothed when it was converted. */
    const bool smooths = packing->precision == QC_PRECISION_INT8 && matrices[0]->type != NUMBER_I8;
    const double *factors = NULL;
    if (smooths) {
        float *gain = arena_take(&packing->arena, channels, sizeof *gain);
        float *bias = arena_take(&packing->arena, channels, sizeof *bias);
        packing->channels = larger(packing->channels, channels);
        if (gain) {
            memset(packing->factors, 0, channels * sizeof *packing->factors);
            for (size_t i = 0; i < count; i++)
                add_energies(packing, matrices[i]);
            smoothing_factors(packing->factors, norm->gain, norm->bias,
                              before ? before->gain : NULL, before ? before->bias : NULL, channels);
            smoothing_divide(gain, norm->gain, packing->factors, channels);
            smoothing_divide(bias, norm->bias, packing->factors, channels);
            *norm = (struct norm){gain, bias};
            factors = packing->factors;
        }
    }
    for (size_t i = 0; i < count; i++)
        pack_smoothed(packing, matrices[i], factors);
}

/* -------------------------------------------------------------------------------------- towers */

static void pack_vit(struct packing *packing, struct vit *vit)
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
    winograd_weights(transformed, rows_of(packing, matrix, 0, matrix->outputs), convolution->side,
                     matrix->outputs, inputs);
    convolution->winograd = transformed;
    release(packing, matrix);
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
    pack_keys(packing, resnet);
    if (resnet->channels / resnet->heads % PANEL_OUTPUTS == 0) /* each head's begin at a panel */
        pack_matrix(packing, &resnet->value.weight);
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
