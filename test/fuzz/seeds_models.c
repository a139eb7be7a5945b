/*
 * seeds_models.c - model files as small as they can be: towers of the tests' model builder, and one
 * with a text tower and its vocabulary.
 */
#include <stdbool.h>
#include <string.h>

#include "checkpoint/gguf_writer.h"
#include "checkpoint/repack.h"
#include "checkpoint/vocabulary.h"
#include "fuzz.h"
#include "gguf.h"
#include "model_builder.h"
#include "seeds.h"

enum { FEATURE = 4, TEXT_WIDTH = 4, CONTEXT = 8, TOKENS = 516 };

/* The seed must be a model, or all that is made of it is refused for the same reason. */
static void copy_model(const char *path, bool has_text)
{
    qc_model *model;
    qc_model_info info;
    qc_model_options options;
    char message[QC_MESSAGE_SIZE];
    qc_model_options_init(&options);
    options.message = message;
    options.message_size = sizeof message;
    if (qc_model_open(&model, path, &options)) {
        fprintf(stderr, "%s\n", message);
        exit(1);
    }
    qc_model_describe(model, &info);
    PROMISE(info.has_text == has_text);
    qc_model_close(model);
    seed_copy("gguf", path);
}

static struct tiny_vit_options smallest_vit(void)
{
    struct tiny_vit_options options = tiny_vit_options();
    options.width = options.mlp_width = 8;
    options.layers = 1;
    options.patch_size = 4;
    options.grid = 1;
    options.feature_size = FEATURE;
    return options;
}

/* Large matrices in 8 bits, packed, and both. */
static void make_other_forms(const char *name, const char *plain)
{
    static const struct {
        const char *suffix;
        struct large_form form;
    } forms[] = {{"q8", {true, false}}, {"q8-packed", {true, true}}, {"packed", {false, true}}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char path[256], other[64], message[QC_MESSAGE_SIZE];
        snprintf(other, sizeof other, "%s-%s", name, forms[i].suffix);
        PROMISE(repack(plain, scratch_path(other, path), forms[i].form, message));
        copy_model(path, false);
    }
}

static void make_vits(void)
{
    char path[256];
    struct tiny_vit_options options = smallest_vit();
    write_tiny_vit(scratch_path("vit-f32", path), &options);
    copy_model(path, false);
    make_other_forms("vit", path);
    options.type = options.vector_type = GGML_F16;
    options.grid = 0;
    options.gelu = true;
    options.positions = "none";
    write_tiny_vit(scratch_path("vit-f16", path), &options);
    copy_model(path, false);
    options = smallest_vit();
    options.as_clip_cpp = true;
    write_tiny_vit(scratch_path("vit-clip-cpp", path), &options);
    copy_model(path, false);
}

static void make_resnet(void)
{
    char path[256];
    struct tiny_resnet_options options = tiny_resnet_options();
    options.width = 2;
    options.heads = 1;
    options.grid = 1;
    options.blocks[0] = 1;
    options.feature_size = FEATURE;
    options.type = GGML_F16;
    write_tiny_resnet(scratch_path("resnet", path), &options);
    copy_model(path, false);
    make_other_forms("resnet", path);
}

static void make_low_level(void)
{
    char path[256];
    struct tiny_resnet_options options = tiny_resnet_options();
    options.width = 2;
    options.heads = 1;
    options.grid = 0;
    options.blocks[0] = 1;
    options.feature_size = FEATURE;
    options.low_level_width = 1;
    options.low_level_feature_size = 2;
    options.type = GGML_F16;
    write_tiny_resnet(scratch_path("low-level", path), &options);
    copy_model(path, false);
}

/* ------------------------------------------------------------------------------- text tower */

static const char *text_of(struct gguf_text text, char copy[128])
{
    snprintf(copy, 128, "%.*s", (int)text.size, text.bytes);
    return copy;
}

/* Of the types that the builder writes. */
static void copy_value(struct gguf_writer *writer, const struct gguf *from,
                       const struct gguf_value *value)
{
    struct message nowhere = {NULL, 0};
    struct gguf_text text;
    char key[128], string[128];
    uint32_t integer;
    float numbers[3];
    bool truth;
    text_of(value->key, key);
    if (strcmp(key, KEY_ALIGNMENT) == 0)
        return; /* the writer's own */
    if (!gguf_get_u32(from, key, true, &integer, &nowhere))
        gguf_put_u32(writer, key, integer);
    else if (!gguf_get_f32(from, key, true, numbers, &nowhere))
        gguf_put_f32(writer, key, numbers[0]);
    else if (!gguf_get_bool(from, key, true, &truth, &nowhere))
        gguf_put_bool(writer, key, truth);
    else if (!gguf_get_text(from, key, true, &text, &nowhere))
        gguf_put_string(writer, key, text_of(text, string));
    else if (!gguf_get_f32s(from, key, true, numbers, 3, &nowhere))
        gguf_put_f32s(writer, key, numbers, 3);
}

/* Rows and columns of a matrix, or the size of a vector. */
struct text_tensor {
    const char *name;
    uint64_t columns, rows;
};

static const struct text_tensor text_tensors[] = {
    {"t.token_embd.weight", TEXT_WIDTH, TOKENS},
    {"t.position_embd.weight", TEXT_WIDTH, CONTEXT},
    {"t.blk.0.attn_q.weight", TEXT_WIDTH, TEXT_WIDTH},
    {"t.blk.0.attn_q.bias", TEXT_WIDTH, 0},
    {"t.blk.0.attn_k.weight", TEXT_WIDTH, TEXT_WIDTH},
    {"t.blk.0.attn_k.bias", TEXT_WIDTH, 0},
    {"t.blk.0.attn_v.weight", TEXT_WIDTH, TEXT_WIDTH},
    {"t.blk.0.attn_v.bias", TEXT_WIDTH, 0},
    {"t.blk.0.attn_out.weight", TEXT_WIDTH, TEXT_WIDTH},
    {"t.blk.0.attn_out.bias", TEXT_WIDTH, 0},
    {"t.blk.0.ln1.weight", TEXT_WIDTH, 0},
    {"t.blk.0.ln1.bias", TEXT_WIDTH, 0},
    {"t.blk.0.ffn_down.weight", TEXT_WIDTH, TEXT_WIDTH},
    {"t.blk.0.ffn_down.bias", TEXT_WIDTH, 0},
    {"t.blk.0.ffn_up.weight", TEXT_WIDTH, TEXT_WIDTH},
    {"t.blk.0.ffn_up.bias", TEXT_WIDTH, 0},
    {"t.blk.0.ln2.weight", TEXT_WIDTH, 0},
    {"t.blk.0.ln2.bias", TEXT_WIDTH, 0},
    {"t.post_ln.weight", TEXT_WIDTH, 0},
    {"t.post_ln.bias", TEXT_WIDTH, 0},
    {"text_projection.weight", TEXT_WIDTH, FEATURE},
};
enum { TEXT_TENSORS = sizeof text_tensors / sizeof text_tensors[0] };

static void put_text_keys(struct gguf_writer *writer, const struct vocabulary_files *files)
{
    gguf_put_bool(writer, KEY_HAS_TEXT, true);
    gguf_put_u32(writer, KEY_TEXT_CONTEXT, CONTEXT);
    gguf_put_u32(writer, KEY_TEXT_WIDTH, TEXT_WIDTH);
    gguf_put_u32(writer, KEY_TEXT_MLP_WIDTH, TEXT_WIDTH);
    gguf_put_u32(writer, KEY_TEXT_LAYERS, 1);
    gguf_put_u32(writer, KEY_TEXT_HEADS, 1);
    gguf_put_u32(writer, KEY_TEXT_PROJECTION, FEATURE);
    gguf_put_strings(writer, KEY_TOKENS, files->tokens, files->token_count);
    gguf_put_strings(writer, KEY_MERGES, files->merges, files->merge_count);
}

static void write_text_numbers(struct gguf_writer *writer)
{
    for (size_t i = 0; i < TEXT_TENSORS; i++) {
        const struct text_tensor *tensor = &text_tensors[i];
        const size_t count = (size_t)(tensor->columns * (tensor->rows ? tensor->rows : 1));
        for (size_t n = 0; n < count; n++) {
            const float number = (float)((n * 37 + i) % 19) / 8 - 1;
            gguf_write(writer, &number, sizeof number);
        }
    }
}

/* The model of `from` with text tower and vocabulary. */
static void add_text(const struct gguf *from, const char *path)
{
    struct vocabulary_files files;
    char message[QC_MESSAGE_SIZE], name[128];
    PROMISE(vocabulary_read(&files, TEST_VOCABULARY, TOKENS, message));
    struct gguf_writer *writer = gguf_writer_open(path, message);
    PROMISE(writer);
    for (uint64_t i = 0; i < from->value_count; i++)
        copy_value(writer, from, &from->values[i]);
    put_text_keys(writer, &files);
    for (uint64_t i = 0; i < from->tensor_count; i++) {
        const struct gguf_tensor *tensor = &from->tensors[i];
        gguf_declare(writer, text_of(tensor->name, name), tensor->type, tensor->dimensions,
                     tensor->shape);
    }
    for (size_t i = 0; i < TEXT_TENSORS; i++) {
        const uint64_t shape[2] = {text_tensors[i].columns, text_tensors[i].rows};
        gguf_declare(writer, text_tensors[i].name, GGML_F32, shape[1] ? 2 : 1, shape);
    }
    for (uint64_t i = 0; i < from->tensor_count; i++)
        gguf_write(writer, from->tensors[i].data, from->tensors[i].size);
    write_text_numbers(writer);
    PROMISE(gguf_writer_finish(writer, message));
    vocabulary_free(&files);
}

static void make_text_model(void)
{
    char plain[256], path[256];
    struct tiny_vit_options options = smallest_vit();
    write_tiny_vit(scratch_path("plain", plain), &options);
    struct seed file = {0};
    FILE *stream = fopen(plain, "rb");
    PROMISE(stream);
    for (int byte; (byte = getc(stream)) != EOF;)
        seed_add(&file, &(uint8_t){(uint8_t)byte}, 1);
    fclose(stream);
    struct gguf gguf;
    struct message nowhere = {NULL, 0};
    PROMISE(gguf_parse(&gguf, file.bytes, file.size, plain, &nowhere) == QC_OK);
    add_text(&gguf, scratch_path("vit-text", path));
    gguf_free(&gguf);
    free(file.bytes);
    copy_model(path, true);
}

void make_model_seeds(void)
{
    make_vits();
    make_resnet();
    make_low_level();
    make_text_model();
}
