/*
 * model_builder.c - lists the tensors of a tower (docs/model-file.md), then fills and writes them.
 */
#include "model_builder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler.h"
#include "gguf_writer.h"
#include "numbers.h"

#define MAX_TENSORS 1024

/* What the numbers are like: of the size that they have in trained models, and never all alike. */
enum filling { FILL_WEIGHT, FILL_BIAS, FILL_GAIN, FILL_EMBEDDING, FILL_UNIT_ROWS, FILL_COVARIANCE };

struct tensor {
    char name[64];
    enum gguf_tensor_type type;
    uint32_t dimensions;
    uint64_t shape[GGUF_MAX_DIMENSIONS]; /* slowest first */
    enum filling filling;
};

struct builder {
    struct gguf_writer *writer;
    const struct model_faults *faults;
    uint64_t seed;
    enum gguf_tensor_type type, vector_type, rounding;
    struct tensor tensors[MAX_TENSORS];
    size_t count;
};

/* ---------------------------------------------------------------------------------- numbers */

static uint64_t next_random(uint64_t *state)
{
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t x = *state;
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

/* Uniform in [-1, 1). */
static float next_uniform(uint64_t *state)
{
    return (float)(next_random(state) >> 40) * 0x1p-23f - 1;
}

static uint64_t seed_of(const char *name, uint64_t seed)
{
    for (; *name; name++)
        seed = (seed ^ (unsigned char)*name) * UINT64_C(0x100000001B3);
    return seed;
}

static uint64_t count_of(const struct tensor *tensor)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < tensor->dimensions; i++)
        count *= tensor->shape[i];
    return count;
}

static void normalise_rows(float *numbers, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++, numbers += columns) {
        double squares = 0;
        for (size_t j = 0; j < columns; j++)
            squares += (double)numbers[j] * (double)numbers[j];
        for (size_t j = 0; j < columns; j++)
            numbers[j] = (float)((double)numbers[j] / sqrt(squares));
    }
}

static void fill(float *numbers, const struct tensor *tensor, uint64_t seed)
{
    const size_t count = (size_t)count_of(tensor);
    const size_t inputs = count / (size_t)tensor->shape[0];
    uint64_t state = seed_of(tensor->name, seed);
    for (size_t i = 0; i < count; i++) {
        const float x = next_uniform(&state);
        switch (tensor->filling) {
        case FILL_WEIGHT: numbers[i] = x * sqrtf(3.0f / (float)inputs); break;
        case FILL_BIAS: numbers[i] = 0.1f * x; break;
        case FILL_GAIN: numbers[i] = 1 + 0.3f * x; break;
        case FILL_EMBEDDING:
        case FILL_UNIT_ROWS: numbers[i] = 0.5f * x; break;
        case FILL_COVARIANCE: numbers[i] = i % (inputs + 1) == 0 ? 0.5f : 0.01f; break;
        }
    }
    if (tensor->filling == FILL_UNIT_ROWS)
        normalise_rows(numbers, (size_t)tensor->shape[0], inputs);
}

/* ---------------------------------------------------------------------------------- tensors */

static bool is(const char *fault, const char *name)
{
    return fault && strcmp(fault, name) == 0;
}

static void apply_faults(struct tensor *tensor, const struct model_faults *faults)
{
    if (is(faults->misshape, tensor->name))
        tensor->shape[0]++;
    if (is(faults->flatten, tensor->name)) {
        tensor->shape[0] = count_of(tensor);
        tensor->dimensions = 1;
    }
    if (is(faults->retype, tensor->name))
        tensor->type = faults->type;
}

static void add(struct builder *builder, const char *name, enum filling filling,
                enum gguf_tensor_type type, uint32_t dimensions, const uint64_t *shape)
{
    if (builder->faults && is(builder->faults->omit, name))
        return;
    assert_true(builder->count < MAX_TENSORS);
    struct tensor *tensor = &builder->tensors[builder->count++];
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    tensor->type = type;
    tensor->dimensions = dimensions;
    memcpy(tensor->shape, shape, dimensions * sizeof *shape);
    tensor->filling = filling;
    if (!builder->faults)
        return;
    apply_faults(tensor, builder->faults);
    if (is(builder->faults->twice, name))
        builder->tensors[builder->count++] = *tensor;
}

static void add_vector(struct builder *builder, const char *name, enum filling filling,
                       uint64_t size)
{
    add(builder, name, filling, builder->vector_type, 1, &size);
}

static void add_table(struct builder *builder, const char *name, enum filling filling,
                      uint64_t rows, uint64_t columns)
{
    add(builder, name, filling, builder->vector_type, 2, (uint64_t[]){rows, columns});
}

static void add_matrix(struct builder *builder, const char *name, uint64_t outputs, uint64_t inputs)
{
    add(builder, name, FILL_WEIGHT, builder->type, 2, (uint64_t[]){outputs, inputs});
}

struct name {
    char text[64];
};

static struct name name_of(const char *format, ...) PRINTF_LIKE(1, 2);
static struct name name_of(const char *format, ...)
{
    struct name name;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name.text, sizeof name.text, format, arguments);
    va_end(arguments);
    return name;
}

static void add_linear(struct builder *builder, const char *stem, uint64_t outputs, uint64_t inputs)
{
    add_matrix(builder, name_of("%s.weight", stem).text, outputs, inputs);
    add_vector(builder, name_of("%s.bias", stem).text, FILL_BIAS, outputs);
}

static void add_norm(struct builder *builder, const char *stem, uint64_t size)
{
    add_vector(builder, name_of("%s.weight", stem).text, FILL_GAIN, size);
    add_vector(builder, name_of("%s.bias", stem).text, FILL_BIAS, size);
}

static void add_convolution(struct builder *builder, const char *stem, uint64_t outputs,
                            uint64_t kernel_size, uint64_t inputs)
{
    add(builder, name_of("%s.weight", stem).text, FILL_WEIGHT, builder->type, 4,
        (uint64_t[]){outputs, kernel_size, kernel_size, inputs});
    add_vector(builder, name_of("%s.bias", stem).text, FILL_BIAS, outputs);
}

static void declare(struct builder *builder, const struct tensor *tensor)
{
    uint64_t fastest_first[GGUF_MAX_DIMENSIONS];
    for (uint32_t i = 0; i < tensor->dimensions; i++)
        fastest_first[i] = tensor->shape[tensor->dimensions - 1 - i];
    gguf_declare(builder->writer, tensor->name, tensor->type, tensor->dimensions, fastest_first);
}

static void write_doubles(struct builder *builder, const float *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const double number = numbers[i];
        gguf_write(builder->writer, &number, sizeof number);
    }
}

/* As f16 or bf16. */
static uint16_t narrowed(float number, enum gguf_tensor_type type)
{
    return type == GGML_BF16 ? bfloat_from_double(number) : half_from_float(number);
}

static float widened(uint16_t bits, enum gguf_tensor_type type)
{
    const unsigned char bytes[] = {(unsigned char)bits, (unsigned char)(bits >> 8)};
    return (float)element_value(type == GGML_BF16 ? ELEMENT_BF16 : ELEMENT_F16, bytes);
}

static void write_numbers(struct builder *builder, const struct tensor *tensor)
{
    const size_t count = (size_t)count_of(tensor);
    float *numbers = calloc(count, sizeof *numbers);
    uint16_t *shorts = calloc(count, sizeof *shorts);
    assert_true(numbers && shorts);
    const bool zeros = builder->faults && is(builder->faults->retype, tensor->name);
    if (!zeros)
        fill(numbers, tensor, builder->seed);
    if (builder->faults && is(builder->faults->poison, tensor->name))
        numbers[count - 1] = builder->faults->poison_value;
    if (builder->rounding != GGML_F32)
        for (size_t i = 0; i < count; i++)
            numbers[i] = widened(narrowed(numbers[i], builder->rounding), builder->rounding);
    for (size_t i = 0; i < count; i++)
        shorts[i] = narrowed(numbers[i], tensor->type);
    if (tensor->type == GGML_F32)
        gguf_write(builder->writer, numbers, 4 * count);
    else if (tensor->type == GGML_F64)
        write_doubles(builder, numbers, count);
    else if (tensor->type == GGML_I8)
        gguf_write(builder->writer, shorts, count);
    else
        gguf_write(builder->writer, shorts, 2 * count);
    free(numbers);
    free(shorts);
}

/* ------------------------------------------------------------------------------------- keys */

static bool has_key(const struct builder *builder, const char *key)
{
    return !builder->faults || !is(builder->faults->omit_key, key);
}

static void put_u32(struct builder *builder, const char *key, uint32_t value)
{
    const struct model_faults *faults = builder->faults;
    if (has_key(builder, key))
        gguf_put_u32(builder->writer, key,
                     faults && is(faults->u32_key, key) ? faults->u32_value : value);
}

static void put_f32(struct builder *builder, const char *key, float value)
{
    const struct model_faults *faults = builder->faults;
    if (has_key(builder, key))
        gguf_put_f32(builder->writer, key,
                     faults && is(faults->f32_key, key) ? faults->f32_value : value);
}

static void put_bool(struct builder *builder, const char *key, bool value)
{
    const struct model_faults *faults = builder->faults;
    if (has_key(builder, key))
        gguf_put_bool(builder->writer, key,
                      faults && is(faults->bool_key, key) ? faults->bool_value : value);
}

static void put_string(struct builder *builder, const char *key, const char *value)
{
    const struct model_faults *faults = builder->faults;
    if (has_key(builder, key))
        gguf_put_string(builder->writer, key,
                        faults && is(faults->string_key, key) ? faults->string_value : value);
}

static void put_prompts(struct builder *builder, uint32_t pairs, uint32_t feature_size)
{
    if (!pairs)
        return;
    struct name names[64];
    const char *pointers[64];
    assert_true(pairs <= 64);
    for (uint32_t i = 0; i < pairs; i++) {
        names[i] = name_of("good %u/bad %u", (unsigned)i, (unsigned)i);
        pointers[i] = names[i].text;
    }
    if (has_key(builder, KEY_PAIR_NAMES))
        gguf_put_strings(builder->writer, KEY_PAIR_NAMES, pointers, pairs);
    add_table(builder, "qualiclip.prompts", FILL_UNIT_ROWS, 2 * pairs, feature_size);
}

static void put_recipe(struct builder *builder, const char *profile, const char *positions,
                       float logit_scale, float temperature)
{
    put_string(builder, KEY_PROFILE, profile);
    put_string(builder, KEY_LICENSE, "none");
    put_string(builder, KEY_SOURCE, "tiny.pth");
    put_string(builder, KEY_CONVERTER, "model_builder");
    if (positions)
        put_string(builder, KEY_POSITIONS, positions);
    if (logit_scale != 0)
        put_f32(builder, KEY_LOGIT_SCALE, logit_scale);
    if (temperature != 0)
        put_f32(builder, KEY_TEMPERATURE, temperature);
}

static void put_pixels(struct builder *builder)
{
    const float mean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
    float std[3] = {0.26862954f, 0.26130258f, 0.27577711f};
    if (builder->faults && is(builder->faults->f32_key, KEY_IMAGE_STD))
        std[2] = builder->faults->f32_value;
    gguf_put_f32s(builder->writer, KEY_IMAGE_MEAN, mean, 3);
    gguf_put_f32s(builder->writer, KEY_IMAGE_STD, std, 3);
}

static struct builder *start(const char *path, const struct model_faults *faults, uint64_t seed)
{
    struct builder *builder = calloc(1, sizeof *builder);
    assert_non_null(builder);
    char message[512];
    builder->writer = gguf_writer_open(path, message);
    if (!builder->writer)
        fail_msg("%s", message);
    builder->faults = faults;
    builder->seed = seed;
    put_string(builder, KEY_ARCHITECTURE, "clip");
    put_bool(builder, KEY_HAS_VISION, true);
    put_string(builder, KEY_NAME, "tiny");
    return builder;
}

static void finish(struct builder *builder)
{
    for (size_t i = 0; i < builder->count; i++)
        declare(builder, &builder->tensors[i]);
    for (size_t i = 0; i < builder->count; i++)
        write_numbers(builder, &builder->tensors[i]);
    char message[512];
    if (!gguf_writer_finish(builder->writer, message))
        fail_msg("%s", message);
    free(builder);
}

/* ------------------------------------------------------------------------------------ towers */

struct tiny_vit_options tiny_vit_options(void)
{
    return (struct tiny_vit_options){.width = 64,
                                     .mlp_width = 128,
                                     .layers = 2,
                                     .heads = 2,
                                     .patch_size = 8,
                                     .grid = 3,
                                     .feature_size = 16,
                                     .pairs = 2,
                                     .type = GGML_F32,
                                     .vector_type = GGML_F32,
                                     .logit_scale = 50,
                                     .temperature = 2,
                                     .seed = 1};
}

static void put_vit_keys(struct builder *builder, const struct tiny_vit_options *options)
{
    put_u32(builder, KEY_WIDTH, options->width);
    put_u32(builder, KEY_MLP_WIDTH, options->mlp_width);
    put_u32(builder, KEY_LAYERS, options->layers);
    put_u32(builder, KEY_HEADS, options->heads);
    put_u32(builder, KEY_PATCH_SIZE, options->patch_size);
    put_u32(builder, KEY_IMAGE_SIZE, options->grid * options->patch_size);
    put_u32(builder, KEY_PROJECTION, options->feature_size);
    put_f32(builder, KEY_EPSILON, 1e-5f);
    put_bool(builder, KEY_USE_GELU, options->gelu);
    put_pixels(builder);
}

static void add_vit_block(struct builder *builder, uint64_t width, uint64_t mlp_width,
                          unsigned index)
{
    static const char *const projections[] = {"attn_q", "attn_k", "attn_v", "attn_out"};
    for (size_t i = 0; i < 4; i++)
        add_linear(builder, name_of("v.blk.%u.%s", index, projections[i]).text, width, width);
    add_norm(builder, name_of("v.blk.%u.ln1", index).text, width);
    add_linear(builder, name_of("v.blk.%u.ffn_down", index).text, mlp_width, width);
    add_linear(builder, name_of("v.blk.%u.ffn_up", index).text, width, mlp_width);
    add_norm(builder, name_of("v.blk.%u.ln2", index).text, width);
}

void write_tiny_vit(const char *path, const struct tiny_vit_options *options)
{
    struct builder *builder = start(path, options->faults, options->seed);
    builder->type = options->type;
    builder->vector_type = options->vector_type;
    builder->rounding = options->rounding;
    put_vit_keys(builder, options);
    const uint64_t width = options->width, patch = options->patch_size;
    add_vector(builder, "v.class_embd", FILL_EMBEDDING, width);
    add(builder, "v.patch_embd.weight", FILL_WEIGHT, options->type, 4,
        (uint64_t[]){width, 3, patch, patch});
    if (options->grid)
        add_table(builder, "v.position_embd.weight", FILL_EMBEDDING,
                  1 + (uint64_t)options->grid * options->grid, width);
    add_norm(builder, "v.pre_ln", width);
    for (unsigned i = 0; i < options->layers; i++)
        add_vit_block(builder, width, options->mlp_width, i);
    add_norm(builder, "v.post_ln", width);
    add_matrix(builder, "visual_projection.weight", options->feature_size, width);
    if (!options->as_clip_cpp) {
        put_string(builder, KEY_TOWER, "vit");
        put_recipe(builder, "qualiclip", options->positions, options->logit_scale,
                   options->temperature);
        put_prompts(builder, options->pairs, options->feature_size);
    }
    finish(builder);
}

struct tiny_resnet_options tiny_resnet_options(void)
{
    return (struct tiny_resnet_options){.width = 4,
                                        .heads = 2,
                                        .blocks = {2, 1, 1, 1},
                                        .grid = 2,
                                        .feature_size = 16,
                                        .pairs = 2,
                                        .type = GGML_F32,
                                        .vector_type = GGML_F32,
                                        .logit_scale = 50,
                                        .temperature = 2,
                                        .seed = 1};
}

static void put_resnet_keys(struct builder *builder, const struct tiny_resnet_options *options)
{
    uint32_t blocks[4];
    memcpy(blocks, options->blocks, sizeof blocks);
    if (builder->faults && is(builder->faults->u32_key, KEY_STAGE_BLOCKS))
        blocks[3] = builder->faults->u32_value;
    put_string(builder, KEY_TOWER, "resnet");
    put_u32(builder, KEY_WIDTH, options->width);
    if (options->heads)
        put_u32(builder, KEY_HEADS, options->heads);
    put_u32(builder, KEY_PROJECTION, options->feature_size);
    if (has_key(builder, KEY_STAGE_BLOCKS))
        gguf_put_u32s(builder->writer, KEY_STAGE_BLOCKS, blocks, 4);
    if (options->grid)
        put_u32(builder, KEY_IMAGE_SIZE, 32 * options->grid);
    put_pixels(builder);
}

static void add_bottleneck(struct builder *builder, uint64_t width, unsigned stage, unsigned index)
{
    const uint64_t planes = width << stage;
    const uint64_t inputs = index ? 4 * planes : stage ? 2 * planes : planes;
    const struct name stem = name_of("v.stage.%u.%u", stage, index);
    add_convolution(builder, name_of("%s.conv1", stem.text).text, planes, 1, inputs);
    add_convolution(builder, name_of("%s.conv2", stem.text).text, planes, 3, planes);
    add_convolution(builder, name_of("%s.conv3", stem.text).text, 4 * planes, 1, planes);
    if (index == 0)
        add_convolution(builder, name_of("%s.shortcut", stem.text).text, 4 * planes, 1, inputs);
}

static void add_attention_pool(struct builder *builder, const struct tiny_resnet_options *options)
{
    const uint64_t channels = 32 * (uint64_t)options->width;
    if (options->grid)
        add_table(builder, "v.attn_pool.position_embd.weight", FILL_EMBEDDING,
                  1 + (uint64_t)options->grid * options->grid, channels);
    add_linear(builder, "v.attn_pool.attn_q", channels, channels);
    add_linear(builder, "v.attn_pool.attn_k", channels, channels);
    add_linear(builder, "v.attn_pool.attn_v", channels, channels);
    add_linear(builder, "v.attn_pool.attn_out", options->feature_size, channels);
}

static void add_basic_block(struct builder *builder, uint64_t width, unsigned stage, unsigned index)
{
    const uint64_t outputs = width << stage;
    const uint64_t inputs = stage && !index ? outputs / 2 : outputs;
    const struct name stem = name_of("l.stage.%u.%u", stage, index);
    add_convolution(builder, name_of("%s.conv1", stem.text).text, outputs, 3, inputs);
    add_convolution(builder, name_of("%s.conv2", stem.text).text, outputs, 3, outputs);
    if (inputs != outputs)
        add_convolution(builder, name_of("%s.shortcut", stem.text).text, outputs, 1, inputs);
}

static void add_low_level(struct builder *builder, uint32_t width, uint32_t feature_size)
{
    put_string(builder, KEY_LOW_LEVEL, "resnet18");
    put_u32(builder, KEY_LOW_LEVEL_WIDTH, width);
    put_u32(builder, KEY_LOW_LEVEL_PROJECTION, feature_size);
    add_convolution(builder, "l.stem", width, 7, 3);
    for (unsigned i = 0; i < 8; i++)
        add_basic_block(builder, width, i / 2, i % 2);
    add_linear(builder, "l.head.0", 8 * width, 8 * width);
    add_linear(builder, "l.head.1", feature_size, 8 * width);
    add(builder, "l.pristine.mean", FILL_EMBEDDING, GGML_F64, 1, (uint64_t[]){feature_size});
    add(builder, "l.pristine.covariance", FILL_COVARIANCE, GGML_F64, 2,
        (uint64_t[]){feature_size, feature_size});
}

void write_tiny_resnet(const char *path, const struct tiny_resnet_options *options)
{
    struct builder *builder = start(path, options->faults, options->seed);
    builder->type = options->type;
    builder->vector_type = options->vector_type;
    builder->rounding = options->rounding;
    put_resnet_keys(builder, options);
    put_recipe(builder, options->low_level_width ? "grepq" : "qualiclip", options->positions,
               options->logit_scale, options->temperature);
    if (options->low_level_width)
        add_low_level(builder, options->low_level_width, options->low_level_feature_size);
    const uint64_t width = options->width;
    add_convolution(builder, "v.stem.0", width / 2, 3, 3);
    add_convolution(builder, "v.stem.1", width / 2, 3, width / 2);
    add_convolution(builder, "v.stem.2", width, 3, width / 2);
    for (unsigned stage = 0; stage < 4; stage++)
        for (unsigned index = 0; index < options->blocks[stage]; index++)
            add_bottleneck(builder, width, stage, index);
    add_attention_pool(builder, options);
    put_prompts(builder, options->pairs, options->feature_size);
    finish(builder);
}
