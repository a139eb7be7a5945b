/*
 * model_low_level.c - GRepQ's low-level part out of a model file (docs/model-file.md): ResNet-18
 * and the statistics of pristine patches.
 */
#include "model_load.h"

#include "patch_statistics.h"

#define MAX_PROJECTION 1024
#define COVARIANCE     "l.pristine.covariance"

static struct convolution load_convolution(struct loader *loader, const char *stem, size_t outputs,
                                           size_t kernel_size, size_t channels)
{
    const struct shape shape = {{outputs, kernel_size, kernel_size, channels}};
    return (struct convolution){
        .linear = {.weight = load_matrix(loader, tensor_name("%s.weight", stem).text, shape),
                   .bias = load_vector(loader, tensor_name("%s.bias", stem).text, outputs)},
        .kernel_size = kernel_size,
        .channels = channels,
    };
}

static void load_block(struct loader *loader, struct basic_block *block, size_t width, size_t index)
{
    const size_t stage = index / 2, outputs = width << stage;
    const bool halves = stage > 0 && index % 2 == 0;
    const size_t inputs = halves ? outputs / 2 : outputs;
#define NAME(part) tensor_name("l.stage.%zu.%zu." part, stage, index % 2).text
    block->conv1 = load_convolution(loader, NAME("conv1"), outputs, 3, inputs);
    block->conv2 = load_convolution(loader, NAME("conv2"), outputs, 3, outputs);
    if (halves)
        block->shortcut = load_convolution(loader, NAME("shortcut"), outputs, 1, inputs);
    block->stride = halves ? 2 : 1;
#undef NAME
}

static void load_encoder(struct loader *loader, struct resnet18 *encoder)
{
    const size_t width = load_size(loader, KEY_LOW_LEVEL_WIDTH, 0, 1, MAX_RESNET_WIDTH);
    encoder->width = width;
    encoder->feature_size = load_size(loader, KEY_LOW_LEVEL_PROJECTION, 0, 1, MAX_PROJECTION);
    encoder->stem = load_convolution(loader, "l.stem", width, 7, 3);
    for (size_t i = 0; i < RESNET18_BLOCKS; i++)
        load_block(loader, &encoder->blocks[i], width, i);
    encoder->hidden = load_linear(loader, "l.head.0", 8 * width, 8 * width);
    encoder->out = load_linear(loader, "l.head.1", encoder->feature_size, 8 * width);
}

/*
 * What the distance will be measured with must be symmetric and, together with what is added for
 * stability, positive definite.  Then so is its mean with the covariance of any image.
 */
static void check_covariance(struct loader *loader, const double *covariance, size_t size)
{
    for (size_t row = 0; row < size && !loader->status; row++)
        for (size_t column = 0; column < row; column++)
            if (covariance[row * size + column] != covariance[column * size + row]) {
                loader_fail(loader, QC_ERROR_FORMAT,
                            "tensor " COVARIANCE " is not symmetric at row %zu, column %zu", row,
                            column);
                break;
            }
    struct memory *memory = &loader->model->memory;
    const size_t mark = memory->used;
    double *matrix = loader_allocate(loader, size * size, sizeof *matrix);
    if (!matrix)
        return;
    for (size_t i = 0; i < size * size; i++)
        matrix[i] = covariance[i] / 2 + (i % (size + 1) == 0 ? PATCH_STABILITY : 0);
    if (!cholesky_factor(matrix, size))
        loader_fail(loader, QC_ERROR_FORMAT,
                    "tensor " COVARIANCE " is no covariance: it is not positive semidefinite");
    memory_release(memory, mark);
}

static void load_pristine(struct loader *loader, struct low_level *low_level)
{
    const size_t size = low_level->encoder.feature_size;
    low_level->pristine_mean = load_doubles(loader, "l.pristine.mean", (struct shape){{size}});
    low_level->pristine_covariance = load_doubles(loader, COVARIANCE, (struct shape){{size, size}});
    if (!loader->status)
        check_covariance(loader, low_level->pristine_covariance, size);
}

static bool is_grepq(struct loader *loader)
{
    struct gguf_text profile = {"", 0};
    if (!loader->status)
        loader->status =
            gguf_get_text(&loader->model->gguf, KEY_PROFILE, false, &profile, loader->message);
    return text_is(profile, "grepq");
}

/* Where it comes from, "" and 0 where the file does not tell. */
static void describe(struct loader *loader)
{
    qc_model_info *info = &loader->model->info;
    const struct gguf *gguf = &loader->model->gguf;
    struct gguf_text source = {"", 0};
    if (!loader->status)
        loader->status = gguf_get_text(gguf, KEY_LOW_LEVEL_SOURCE, false, &source, loader->message);
    info->low_level_source = loader_copy_text(loader, source);
    if (!loader->status)
        loader->status =
            gguf_get_u32(gguf, KEY_PRISTINE_PHOTOS, false, &info->pristine_photos, loader->message);
    if (!loader->status)
        loader->status = gguf_get_u32(gguf, KEY_PRISTINE_PATCHES, false, &info->pristine_patches,
                                      loader->message);
}

void load_low_level(struct loader *loader)
{
    struct qc_model *model = loader->model;
    struct gguf_text kind = {NULL, 0};
    const bool required = is_grepq(loader);
    describe(loader);
    if (!loader->status)
        loader->status =
            gguf_get_text(&model->gguf, KEY_LOW_LEVEL, required, &kind, loader->message);
    if (loader->status || !kind.bytes)
        return;
    if (!text_is(kind, "resnet18"))
        loader_fail(loader, QC_ERROR_UNSUPPORTED,
                    "key " KEY_LOW_LEVEL " is \"%s\", expected \"resnet18\"",
                    gguf_label(kind).text);
    load_encoder(loader, &model->low_level.encoder);
    load_pristine(loader, &model->low_level);
    model->has_low_level = !loader->status;
    model->info.patch_feature_size = (uint32_t)model->low_level.encoder.feature_size;
}
