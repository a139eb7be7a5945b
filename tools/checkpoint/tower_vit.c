/*
 * tower_vit.c - the vision transformer, and the block that both of CLIP's transformers consist of.
 */
#include "towers.h"

#include <stdio.h>

enum { NAME_SIZE = 128 };

/* q, k and v: parts of one matrix, or matrices of their own. */
static void plan_queries(struct plan *plan, const char *to_block, const char *from_block,
                         const struct block_names *names, uint64_t width)
{
    static const char *const parts[] = {"attn_q", "attn_k", "attn_v"};
    const char *const apart[] = {names->query, names->key, names->value};
    char to[64], from[NAME_SIZE], from_bias[NAME_SIZE];
    for (unsigned part = 0; part < 3; part++) {
        snprintf(to, sizeof to, "%s.%s", to_block, parts[part]);
        if (names->stacked) {
            snprintf(from, sizeof from, "%s.%s_weight", from_block, names->stacked);
            snprintf(from_bias, sizeof from_bias, "%s.%s_bias", from_block, names->stacked);
            plan_linear_part(plan, to, from, from_bias, part, 3, width);
        } else {
            snprintf(from, sizeof from, "%s.%s", from_block, apart[part]);
            plan_linear(plan, to, from, width, width);
        }
    }
}

void plan_transformer_block(struct plan *plan, const char *to_tower, const char *from_blocks,
                            const struct block_names *names, unsigned index, uint64_t width,
                            uint64_t mlp_width)
{
    char to_block[32], from_block[96], to[64], from[NAME_SIZE];
    snprintf(to_block, sizeof to_block, "%s.blk.%u", to_tower, index);
    snprintf(from_block, sizeof from_block, "%s%u", from_blocks, index);
    plan_queries(plan, to_block, from_block, names, width);
    snprintf(to, sizeof to, "%s.attn_out", to_block);
    snprintf(from, sizeof from, "%s.%s", from_block, names->attention_output);
    plan_linear(plan, to, from, width, width);
    snprintf(to, sizeof to, "%s.ln1", to_block);
    snprintf(from, sizeof from, "%s.%s", from_block, names->attention_norm);
    plan_norm(plan, to, from, width);
    snprintf(to, sizeof to, "%s.ln2", to_block);
    snprintf(from, sizeof from, "%s.%s", from_block, names->mlp_norm);
    plan_norm(plan, to, from, width);
    /* ffn_down is the first layer of the MLP, in clip.cpp's naming. */
    snprintf(to, sizeof to, "%s.ffn_down", to_block);
    snprintf(from, sizeof from, "%s.%s", from_block, names->mlp_input);
    plan_linear(plan, to, from, mlp_width, width);
    snprintf(to, sizeof to, "%s.ffn_up", to_block);
    snprintf(from, sizeof from, "%s.%s", from_block, names->mlp_output);
    plan_linear(plan, to, from, width, mlp_width);
}

/* What is told beside the checkpoint has to be what the shapes say. */
static void check_told(struct plan *plan, const struct told_tower *told, const struct tower *tower)
{
    plan_check_told(plan, told->width, tower->width);
    plan_check_told(plan, told->patch_size, tower->patch_size);
    plan_check_told(plan, told->layers, tower->layers);
    plan_check_told(plan, told->mlp_width, tower->mlp_width);
    plan_check_told(plan, told->blocks[0], 0); /* of a ResNet */
    if (plan->config)
        plan_check_told(plan, plan->config->feature_size, tower->feature_size);
    if (tower->grid && told->image_size.number / tower->patch_size != tower->grid)
        plan_check_told(plan, told->image_size, (uint64_t)tower->grid * tower->patch_size);
}

/* Reads the sizes off the shapes. */
static bool measure(struct plan *plan, const struct vit_names *names, struct tower *tower)
{
    const struct told_tower *told = plan_told_vision(plan);
    const bool is_linear = names->projection_is_linear;
    uint64_t patches[4], mlp[2], projection[2], table[2];
    char mlp_input[NAME_SIZE], what[NAME_SIZE + 32];
    snprintf(mlp_input, sizeof mlp_input, "%s0.%s.weight", names->blocks, names->block->mlp_input);
    if (!plan_shape(plan, names->patches, 4, patches) || !plan_shape(plan, mlp_input, 2, mlp) ||
        !plan_shape(plan, names->projection, 2, projection))
        return false;
    const uint64_t feature_size = projection[is_linear ? 0 : 1];
    const unsigned layers = checkpoint_count_numbered(plan->checkpoint, names->blocks);
    snprintf(what, sizeof what, "the width (outputs of %s)", names->patches);
    plan_check_range(plan, what, patches[0], 1, 8192);
    snprintf(what, sizeof what, "the patch size (%s)", names->patches);
    plan_check_range(plan, what, patches[3], 1, 256);
    plan_check_range(plan, "the number of blocks", layers, 1, 256);
    snprintf(what, sizeof what, "the width of the MLP (%s)", mlp_input);
    plan_check_range(plan, what, mlp[0], 1, 65536);
    snprintf(what, sizeof what, "the size of the feature (%s)", names->projection);
    plan_check_range(plan, what, feature_size, 1, 8192);
    if (checkpoint_find(plan->checkpoint, names->positions) &&
        plan_shape(plan, names->positions, 2, table))
        tower->grid = plan_grid(plan, names->positions, table[0]);
    if (plan->failed)
        return false;
    tower->width = (uint32_t)patches[0];
    tower->patch_size = (uint32_t)patches[3];
    tower->layers = layers;
    tower->mlp_width = (uint32_t)mlp[0];
    tower->feature_size = (uint32_t)feature_size;
    tower->epsilon = told->epsilon > 0 ? told->epsilon : 1e-5;
    tower->heads = plan_heads(plan, told, tower->width);
    check_told(plan, told, tower);
    return !plan->failed;
}

void plan_vit(struct plan *plan, struct tower *tower)
{
    const struct vit_names *names = &plan->naming->vit;
    if (!measure(plan, names, tower))
        return;
    const uint64_t width = tower->width;
    plan_patches(plan, "v.patch_embd.weight", names->patches, width, 3, tower->patch_size);
    plan_vector(plan, "v.class_embd", names->class_embedding, width);
    if (tower->grid)
        plan_table(plan, "v.position_embd.weight", names->positions,
                   1 + (uint64_t)tower->grid * tower->grid, width);
    plan_norm(plan, "v.pre_ln", names->pre_norm, width);
    for (unsigned i = 0; i < tower->layers && !plan->failed; i++)
        plan_transformer_block(plan, "v", names->blocks, names->block, i, width, tower->mlp_width);
    plan_norm(plan, "v.post_ln", names->post_norm, width);
    plan_projection(plan, "visual_projection.weight", names->projection,
                    names->projection_is_linear, tower->feature_size, width);
}
