/*
 * text_model.c - a model file must have an image tower: this one's is the smallest there can be,
 * all zeros, with features of the right size.
 */
#include "text_model.h"

#include "problem.h"

enum { WIDTH = 64, FEATURE = 0 /* stands for the feature's size */ };

static const struct {
    const char *name;
    uint32_t dimensions;
    uint64_t shape[4]; /* the fastest first */
} blank_tower[] = {
    {"v.patch_embd.weight", 4, {1, 1, 3, WIDTH}},
    {"v.class_embd", 1, {WIDTH}},
    {"v.pre_ln.weight", 1, {WIDTH}},
    {"v.pre_ln.bias", 1, {WIDTH}},
    {"v.blk.0.ln1.weight", 1, {WIDTH}},
    {"v.blk.0.ln1.bias", 1, {WIDTH}},
    {"v.blk.0.attn_q.weight", 2, {WIDTH, WIDTH}},
    {"v.blk.0.attn_q.bias", 1, {WIDTH}},
    {"v.blk.0.attn_k.weight", 2, {WIDTH, WIDTH}},
    {"v.blk.0.attn_k.bias", 1, {WIDTH}},
    {"v.blk.0.attn_v.weight", 2, {WIDTH, WIDTH}},
    {"v.blk.0.attn_v.bias", 1, {WIDTH}},
    {"v.blk.0.attn_out.weight", 2, {WIDTH, WIDTH}},
    {"v.blk.0.attn_out.bias", 1, {WIDTH}},
    {"v.blk.0.ln2.weight", 1, {WIDTH}},
    {"v.blk.0.ln2.bias", 1, {WIDTH}},
    {"v.blk.0.ffn_down.weight", 2, {WIDTH, 1}},
    {"v.blk.0.ffn_down.bias", 1, {1}},
    {"v.blk.0.ffn_up.weight", 2, {1, WIDTH}},
    {"v.blk.0.ffn_up.bias", 1, {WIDTH}},
    {"v.post_ln.weight", 1, {WIDTH}},
    {"v.post_ln.bias", 1, {WIDTH}},
    {"visual_projection.weight", 2, {WIDTH, FEATURE}},
};

#define COUNT (sizeof blank_tower / sizeof blank_tower[0])

/* Its keys and tensors; returns how many numbers it has. */
static uint64_t declare_blank_tower(struct gguf_writer *writer, uint32_t feature_size)
{
    uint64_t total = 0;
    gguf_put_bool(writer, KEY_HAS_VISION, true);
    gguf_put_string(writer, KEY_TOWER, "vit");
    gguf_put_u32(writer, KEY_WIDTH, WIDTH);
    gguf_put_u32(writer, KEY_HEADS, 1);
    gguf_put_u32(writer, KEY_LAYERS, 1);
    gguf_put_u32(writer, KEY_PATCH_SIZE, 1);
    gguf_put_u32(writer, KEY_MLP_WIDTH, 1);
    gguf_put_u32(writer, KEY_PROJECTION, feature_size);
    gguf_put_f32(writer, KEY_EPSILON, 1e-5f);
    for (size_t i = 0; i < COUNT; i++) {
        uint64_t shape[4], count = 1;
        for (uint32_t d = 0; d < blank_tower[i].dimensions; d++) {
            shape[d] = blank_tower[i].shape[d] ? blank_tower[i].shape[d] : feature_size;
            count *= shape[d];
        }
        gguf_declare(writer, blank_tower[i].name, GGML_F32, blank_tower[i].dimensions, shape);
        total += count;
    }
    return total;
}

void put_text(struct gguf_writer *writer, const struct text_tower_sizes *sizes,
              uint32_t feature_size, const struct vocabulary_files *vocabulary)
{
    put_text_tower(writer, sizes, feature_size);
    if (!vocabulary->token_count)
        return;
    gguf_put_strings(writer, KEY_TOKENS, vocabulary->tokens, vocabulary->token_count);
    gguf_put_strings(writer, KEY_MERGES, vocabulary->merges, vocabulary->merge_count);
}

bool write_text_model(const char *path, const struct plan *plan,
                      const struct text_tower_sizes *sizes, bool is_gelu, uint32_t feature_size,
                      const struct vocabulary_files *vocabulary, plan_progress *progress,
                      void *context, char *message)
{
    static const float zero = 0;
    struct gguf_writer *writer = gguf_writer_open(path, message);
    if (!writer)
        return false;
    gguf_put_string(writer, KEY_ARCHITECTURE, "clip");
    gguf_put_string(writer, KEY_NAME, plan->checkpoint->origin);
    gguf_put_bool(writer, KEY_USE_GELU, is_gelu);
    put_text(writer, sizes, feature_size, vocabulary);
    const uint64_t blanks = declare_blank_tower(writer, feature_size);
    plan_declare(plan, writer, GGML_F32);
    for (uint64_t i = 0; i < blanks; i++)
        gguf_write(writer, &zero, sizeof zero);
    if (!plan_write(plan, writer, GGML_F32, progress, context)) {
        gguf_writer_abandon(writer);
        return false;
    }
    return gguf_writer_finish(writer, message);
}
