/*
 * text_tower.c - the text tower under the checkpoint's names on one side, those of
 * docs/model-file.md on the other.
 */
#include "text_tower.h"

#include <stdio.h>

#include "problem.h"
#include "towers.h"

enum { NAME_SIZE = 128 };

static void check_told(struct plan *plan, const struct told_tower *told,
                       const struct text_tower_sizes *sizes)
{
    plan_check_told(plan, told->width, sizes->width);
    plan_check_told(plan, told->layers, sizes->layers);
    plan_check_told(plan, told->mlp_width, sizes->mlp_width);
    plan_check_told(plan, told->context_length, sizes->context_length);
    plan_check_told(plan, told->token_count, sizes->token_count);
}

/* What there is may not be what is read; better said than "missing". */
static bool check_kind(struct plan *plan, const struct text_names *names)
{
    char bias[NAME_SIZE];
    snprintf(bias, sizeof bias, "%s.bias", names->projection);
    if (checkpoint_find(plan->checkpoint, bias))
        return problem(plan->message,
                       "%.200s: the text tower's projection has a bias (%s), which is not read",
                       plan->checkpoint->origin, bias);
    return true;
}

bool has_text_tower(const struct checkpoint *checkpoint, const struct naming *naming)
{
    return checkpoint_has_prefix(checkpoint, naming->text.blocks);
}

/* Reads the sizes off the shapes. */
static bool measure(struct plan *plan, const struct text_names *names,
                    struct text_tower_sizes *sizes)
{
    static const struct told_tower nothing;
    const struct told_tower *told = plan->config ? &plan->config->text : &nothing;
    uint64_t tokens[2], positions[2], mlp[2];
    char mlp_input[NAME_SIZE];
    snprintf(mlp_input, sizeof mlp_input, "%s0.%s.weight", names->blocks, names->block->mlp_input);
    if (!plan_shape(plan, names->tokens, 2, tokens) ||
        !plan_shape(plan, names->positions, 2, positions) || !plan_shape(plan, mlp_input, 2, mlp))
        return false;
    const unsigned layers = checkpoint_count_numbered(plan->checkpoint, names->blocks);
    plan_check_range(plan, "the number of tokens (token_embedding)", tokens[0], 2, 1 << 24);
    plan_check_range(plan, "the text tower's width (token_embedding)", tokens[1], 1, 8192);
    plan_check_range(plan, "the context length (rows of the positions)", positions[0], 2, 4096);
    plan_check_range(plan, "the number of the text tower's blocks", layers, 1, 256);
    plan_check_range(plan, "the width of the text tower's MLP", mlp[0], 1, 65536);
    if (plan->failed)
        return false;
    *sizes = (struct text_tower_sizes){.width = (uint32_t)tokens[1],
                                       .layers = layers,
                                       .heads = plan_heads(plan, told, (uint32_t)tokens[1]),
                                       .mlp_width = (uint32_t)mlp[0],
                                       .context_length = (uint32_t)positions[0],
                                       .token_count = (uint32_t)tokens[0],
                                       .epsilon = told->epsilon > 0 ? told->epsilon : 1e-5};
    check_told(plan, told, sizes);
    return !plan->failed;
}

bool plan_text_tower(struct plan *plan, struct text_tower_sizes *sizes, uint32_t feature_size)
{
    const struct text_names *names = &plan->naming->text;
    if (!check_kind(plan, names)) {
        plan->failed = true;
        return false;
    }
    if (!measure(plan, names, sizes))
        return false;
    const uint64_t width = sizes->width;
    plan_matrix(plan, "t.token_embd.weight", names->tokens, sizes->token_count, width);
    plan_table(plan, "t.position_embd.weight", names->positions, sizes->context_length, width);
    for (unsigned i = 0; i < sizes->layers && !plan->failed; i++)
        plan_transformer_block(plan, "t", names->blocks, names->block, i, width, sizes->mlp_width);
    plan_norm(plan, "t.post_ln", names->final_norm, width);
    plan_projection(plan, "text_projection.weight", names->projection,
                    names->projection_is_linear, feature_size, width);
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
    gguf_put_f32(writer, KEY_TEXT_EPSILON, (float)sizes->epsilon);
}
