/*
 * model_resnet.c - the ModifiedResNet tower out of a model file (docs/model-file.md).
 */
#include "model_load.h"

#define TOTAL_STRIDE 32

static struct convolution load_convolution(struct loader *loader, const char *stem, size_t outputs,
                                           size_t kernel_size, size_t channels)
{
    const struct shape shape = {{outputs, kernel_size, kernel_size, channels}};
    const struct tensor_name name = tensor_name("%s.weight", stem);
    return (struct convolution){
        .linear = {.weight = kernel_size == 1 ? load_large_matrix(loader, name.text, shape)
                                              : load_matrix(loader, name.text, shape),
                   .bias = load_vector(loader, tensor_name("%s.bias", stem).text, outputs)},
        .kernel_size = kernel_size,
        .channels = channels,
    };
}

static void load_sizes(struct loader *loader, struct resnet *resnet, uint32_t stage_blocks[STAGES])
{
    resnet->width = load_size(loader, KEY_WIDTH, 0, 2, MAX_RESNET_WIDTH);
    if (!loader->status && resnet->width % 2)
        loader_fail(loader, QC_ERROR_FORMAT, "key " KEY_WIDTH " is %zu, expected an even number",
                    resnet->width);
    resnet->channels = 32 * resnet->width;
    const uint32_t channels = (uint32_t)resnet->channels;
    resnet->heads = load_size(loader, KEY_HEADS, channels / 64, 1, channels);
    if (loader->status)
        return;
    if (channels % resnet->heads)
        loader_fail(loader, QC_ERROR_FORMAT,
                    "key " KEY_HEADS " is %zu, expected a divisor of the %lu channels",
                    resnet->heads, (unsigned long)channels);
    if (!loader->status)
        loader->status = gguf_get_u32s(&loader->model->gguf, KEY_STAGE_BLOCKS, true, stage_blocks,
                                       STAGES, loader->message);
    for (size_t i = 0; i < STAGES && !loader->status; i++) {
        if (stage_blocks[i] < 1 || stage_blocks[i] > MAX_STAGE_BLOCKS)
            loader_fail(loader, QC_ERROR_FORMAT,
                        "key " KEY_STAGE_BLOCKS ": stage %zu has %lu blocks, expected 1 to %d", i,
                        (unsigned long)stage_blocks[i], MAX_STAGE_BLOCKS);
        resnet->block_count += stage_blocks[i];
    }
}

static void load_stem(struct loader *loader, struct resnet *resnet)
{
    const size_t half = resnet->width / 2;
    resnet->stem[0] = load_convolution(loader, "v.stem.0", half, 3, 3);
    resnet->stem[1] = load_convolution(loader, "v.stem.1", half, 3, half);
    resnet->stem[2] = load_convolution(loader, "v.stem.2", resnet->width, 3, half);
}

/* The first block of a stage has a shortcut convolution; it halves the size but in stage 0. */
static void load_bottleneck(struct loader *loader, const struct resnet *resnet,
                            struct bottleneck *block, size_t stage, size_t index)
{
    const size_t planes = resnet->width << stage;
    const size_t inputs = index ? 4 * planes : stage ? 2 * planes : planes;
#define NAME(part) tensor_name("v.stage.%zu.%zu." part, stage, index).text
    block->conv1 = load_convolution(loader, NAME("conv1"), planes, 1, inputs);
    block->conv2 = load_convolution(loader, NAME("conv2"), planes, 3, planes);
    block->conv3 = load_convolution(loader, NAME("conv3"), 4 * planes, 1, planes);
    if (index == 0)
        block->shortcut = load_convolution(loader, NAME("shortcut"), 4 * planes, 1, inputs);
    block->halves = index == 0 && stage > 0;
#undef NAME
}

static void load_stages(struct loader *loader, struct resnet *resnet,
                        const uint32_t stage_blocks[STAGES])
{
    resnet->blocks = loader_allocate(loader, resnet->block_count, sizeof *resnet->blocks);
    struct bottleneck *block = resnet->blocks;
    for (size_t stage = 0; stage < STAGES; stage++)
        for (size_t index = 0; index < stage_blocks[stage] && !loader->status; index++)
            load_bottleneck(loader, resnet, block++, stage, index);
}

static void load_attention_pool(struct loader *loader, struct resnet *resnet, size_t feature_size)
{
    const size_t channels = resnet->channels;
    resnet->position_embedding = load_positions(loader, "v.attn_pool.position_embd.weight",
                                                TOTAL_STRIDE, channels, &resnet->grid);
    resnet->query = load_linear(loader, "v.attn_pool.attn_q", channels, channels);
    resnet->key = load_linear(loader, "v.attn_pool.attn_k", channels, channels);
    resnet->value = load_linear(loader, "v.attn_pool.attn_v", channels, channels);
    resnet->out = load_linear(loader, "v.attn_pool.attn_out", feature_size, channels);
}

static void describe(struct qc_model *model)
{
    const struct resnet *resnet = &model->resnet;
    model->info.width = (uint32_t)resnet->width;
    model->info.layers = (uint32_t)resnet->block_count;
    model->info.heads = (uint32_t)resnet->heads;
    model->info.patch_size = model->info.minimum_size = TOTAL_STRIDE;
    model->info.has_positions = resnet->position_embedding != NULL;
}

void load_resnet(struct loader *loader)
{
    struct qc_model *model = loader->model;
    struct resnet *resnet = &model->resnet;
    uint32_t stage_blocks[STAGES] = {0};
    load_sizes(loader, resnet, stage_blocks);
    model->feature_size = load_size(loader, KEY_PROJECTION, 0, 1, MAX_WIDTH);
    load_stem(loader, resnet);
    load_stages(loader, resnet, stage_blocks);
    load_attention_pool(loader, resnet, model->feature_size);
    describe(model);
}
