/*
 * tower_vit.c - the vision transformer: visual.conv1, visual.transformer.resblocks.N, visual.proj.
 */
#include <stdio.h>

#include "towers.h"

enum { HEAD_SIZE = 64 };

static const char positions[] = "visual.positional_embedding";

void plan_transformer_block(struct plan *plan, const char *to_tower, const char *from_tower,
                            unsigned index, uint64_t width, uint64_t mlp_width)
{
    /* ffn_down is the first layer of the MLP, in clip.cpp's naming. */
    static const char *const norms[][2] = {{"ln1", "ln_1"}, {"ln2", "ln_2"}};
    static const char *const attention[] = {"attn_q", "attn_k", "attn_v"};
    char to[64], from[96], from_bias[96];

    snprintf(from, sizeof from, "%s.resblocks.%u.attn.in_proj_weight", from_tower,
             index);
    snprintf(from_bias, sizeof from_bias, "%s.resblocks.%u.attn.in_proj_bias", from_tower,
             index);
    for (unsigned part = 0; part < 3; part++) {
        snprintf(to, sizeof to, "%s.blk.%u.%s", to_tower, index, attention[part]);
        plan_linear_part(plan, to, from, from_bias, part, 3, width);
    }
    snprintf(to, sizeof to, "%s.blk.%u.attn_out", to_tower, index);
    snprintf(from, sizeof from, "%s.resblocks.%u.attn.out_proj", from_tower, index);
    plan_linear(plan, to, from, width, width);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(to, sizeof to, "%s.blk.%u.%s", to_tower, index, norms[i][0]);
        snprintf(from, sizeof from, "%s.resblocks.%u.%s", from_tower, index, norms[i][1]);
        plan_norm(plan, to, from, width);
    }
    snprintf(to, sizeof to, "%s.blk.%u.ffn_down", to_tower, index);
    snprintf(from, sizeof from, "%s.resblocks.%u.mlp.c_fc", from_tower, index);
    plan_linear(plan, to, from, mlp_width, width);
    snprintf(to, sizeof to, "%s.blk.%u.ffn_up", to_tower, index);
    snprintf(from, sizeof from, "%s.resblocks.%u.mlp.c_proj", from_tower, index);
    plan_linear(plan, to, from, width, mlp_width);
}

/* Reads the sizes off the shapes. */
static bool measure(struct plan *plan, struct tower *tower)
{
    uint64_t conv[4], mlp[2], projection[2], table[2];
    if (!plan_shape(plan, "visual.conv1.weight", 4, conv) ||
        !plan_shape(plan, "visual.transformer.resblocks.0.mlp.c_fc.weight", 2, mlp) ||
        !plan_shape(plan, "visual.proj", 2, projection))
        return false;
    unsigned layers =
        checkpoint_count_numbered(plan->checkpoint, "visual.transformer.resblocks.");
    plan_check_range(plan, "the width (outputs of visual.conv1)", conv[0], HEAD_SIZE, 8192);
    plan_check_range(plan, "the width modulo 64, the size of a head,", conv[0] % HEAD_SIZE, 0, 0);
    plan_check_range(plan, "the patch size (visual.conv1)", conv[3], 1, 256);
    plan_check_range(plan, "the number of blocks", layers, 1, 256);
    plan_check_range(plan, "the width of the MLP (mlp.c_fc)", mlp[0], 1, 65536);
    plan_check_range(plan, "the size of the feature (visual.proj)", projection[1], 1, 8192);
    if (checkpoint_find(plan->checkpoint, positions) && plan_shape(plan, positions, 2, table))
        tower->grid = plan_grid(plan, positions, table[0]);
    if (plan->failed)
        return false;
    tower->width = (uint32_t)conv[0];
    tower->patch_size = (uint32_t)conv[3];
    tower->heads = tower->width / HEAD_SIZE;
    tower->layers = layers;
    tower->mlp_width = (uint32_t)mlp[0];
    tower->feature_size = (uint32_t)projection[1];
    return true;
}

void plan_vit(struct plan *plan, struct tower *tower)
{
    if (!measure(plan, tower))
        return;
    const uint64_t width = tower->width;
    plan_patches(plan, "v.patch_embd.weight", "visual.conv1.weight", width, 3, tower->patch_size);
    plan_vector(plan, "v.class_embd", "visual.class_embedding", width);
    if (tower->grid)
        plan_table(plan, "v.position_embd.weight", positions,
                   1 + (uint64_t)tower->grid * tower->grid, width);
    plan_norm(plan, "v.pre_ln", "visual.ln_pre", width);
    for (unsigned i = 0; i < tower->layers && !plan->failed; i++)
        plan_transformer_block(plan, "v", "visual.transformer", i, width, tower->mlp_width);
    plan_norm(plan, "v.post_ln", "visual.ln_post", width);
    plan_transposed_matrix(plan, "visual_projection.weight", "visual.proj", tower->feature_size,
                           width);
}
