/*
 * text_tower.c - transformer.resblocks.N, token_embedding, positional_embedding, ln_final,
 * text_projection: OpenAI's names on one side, those of docs/model-file.md on the other.
 */
#include "text_tower.h"

#include "towers.h"

enum { HEAD_SIZE = 64 };

bool has_text_tower(const struct checkpoint *checkpoint)
{
    return checkpoint_has_prefix(checkpoint, "transformer.resblocks.");
}

/* Reads the sizes off the shapes. */
static bool measure(struct plan *plan, struct text_tower_sizes *sizes)
{
    uint64_t tokens[2], positions[2], mlp[2];
    if (!plan_shape(plan, "token_embedding.weight", 2, tokens) ||
        !plan_shape(plan, "positional_embedding", 2, positions) ||
        !plan_shape(plan, "transformer.resblocks.0.mlp.c_fc.weight", 2, mlp))
        return false;
    const unsigned layers = checkpoint_count_numbered(plan->checkpoint, "transformer.resblocks.");
    plan_check_range(plan, "the number of tokens (token_embedding)", tokens[0], 2, 1 << 24);
    plan_check_range(plan, "the text tower's width (token_embedding)", tokens[1], HEAD_SIZE, 8192);
    plan_check_range(plan, "the text tower's width modulo 64, the size of a head,",
                     tokens[1] % HEAD_SIZE, 0, 0);
    plan_check_range(plan, "the context length (positional_embedding)", positions[0], 2, 4096);
    plan_check_range(plan, "the number of the text tower's blocks", layers, 1, 256);
    plan_check_range(plan, "the width of the text tower's MLP (mlp.c_fc)", mlp[0], 1, 65536);
    if (plan->failed)
        return false;
    *sizes = (struct text_tower_sizes){.width = (uint32_t)tokens[1],
                                       .layers = layers,
                                       .heads = (uint32_t)tokens[1] / HEAD_SIZE,
                                       .mlp_width = (uint32_t)mlp[0],
                                       .context_length = (uint32_t)positions[0],
                                       .token_count = (uint32_t)tokens[0]};
    return true;
}

bool plan_text_tower(struct plan *plan, struct text_tower_sizes *sizes, uint32_t feature_size)
{
    if (!measure(plan, sizes))
        return false;
    const uint64_t width = sizes->width;
    plan_matrix(plan, "t.token_embd.weight", "token_embedding.weight", sizes->token_count, width);
    plan_table(plan, "t.position_embd.weight", "positional_embedding", sizes->context_length,
               width);
    for (unsigned i = 0; i < sizes->layers && !plan->failed; i++)
        plan_transformer_block(plan, "t", "transformer", i, width, sizes->mlp_width);
    plan_norm(plan, "t.post_ln", "ln_final", width);
    plan_transposed_matrix(plan, "text_projection.weight", "text_projection", feature_size, width);
    return !plan->failed;
}

void put_text_tower(struct gguf_writer *writer, const struct text_tower_sizes *sizes,
                    uint32_t feature_size)
{
    gguf_put_bool(writer, KEY_HAS_TEXT, true);
    gguf_put_u32(writer, KEY_TEXT_CONTEXT, sizes->context_length);
    gguf_put_u32(writer, KEY_TEXT_WIDTH, sizes->width);
    gguf_put_u32(writer, KEY_TEXT_MLP_WIDTH, sizes->mlp_width);
    gguf_put_u32(writer, KEY_TEXT_LAYERS, sizes->layers);
    gguf_put_u32(writer, KEY_TEXT_HEADS, sizes->heads);
    gguf_put_u32(writer, KEY_TEXT_PROJECTION, feature_size);
    gguf_put_f32(writer, KEY_TEXT_EPSILON, 1e-5f);
}
