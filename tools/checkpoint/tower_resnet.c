/*
 * tower_resnet.c - CLIP's ModifiedResNet: a stem of three convolutions, four stages of bottlenecks,
 * an attention pool.  Every convolution takes its BatchNorm with it.
 */
#include <stdio.h>

#include "towers.h"

static const char positions[] = "visual.attnpool.positional_embedding";

static void plan_stem(struct plan *plan, uint64_t width)
{
    const uint64_t channels[] = {3, width / 2, width / 2, width};
    for (unsigned i = 0; i < 3; i++) {
        char to[64], conv[64], norm[64];
        snprintf(to, sizeof to, "v.stem.%u", i);
        snprintf(conv, sizeof conv, "visual.conv%u", i + 1);
        snprintf(norm, sizeof norm, "visual.bn%u", i + 1);
        plan_convolution(plan, to, conv, norm, channels[i + 1], channels[i], 3);
    }
}

static void plan_bottleneck(struct plan *plan, unsigned stage, unsigned block, uint64_t inputs,
                            uint64_t planes)
{
    const uint64_t channels[] = {inputs, planes, planes, 4 * planes};
    const uint64_t kernels[] = {1, 3, 1};
    char to[64], conv[96], norm[96];
    for (unsigned i = 0; i < 3; i++) {
        snprintf(to, sizeof to, "v.stage.%u.%u.conv%u", stage, block, i + 1);
        snprintf(conv, sizeof conv, "visual.layer%u.%u.conv%u", stage + 1, block, i + 1);
        snprintf(norm, sizeof norm, "visual.layer%u.%u.bn%u", stage + 1, block, i + 1);
        plan_convolution(plan, to, conv, norm, channels[i + 1], channels[i], kernels[i]);
    }
    if (block != 0)
        return;
    snprintf(to, sizeof to, "v.stage.%u.0.shortcut", stage);
    snprintf(conv, sizeof conv, "visual.layer%u.0.downsample.0", stage + 1);
    snprintf(norm, sizeof norm, "visual.layer%u.0.downsample.1", stage + 1);
    plan_convolution(plan, to, conv, norm, 4 * planes, inputs, 1);
}

static void plan_attention_pool(struct plan *plan, const struct tower *tower, uint64_t channels)
{
    static const char *const names[][2] = {
        {"v.attn_pool.attn_q", "visual.attnpool.q_proj"},
        {"v.attn_pool.attn_k", "visual.attnpool.k_proj"},
        {"v.attn_pool.attn_v", "visual.attnpool.v_proj"},
    };
    if (tower->grid)
        plan_table(plan, "v.attn_pool.position_embd.weight", positions,
                   1 + (uint64_t)tower->grid * tower->grid, channels);
    for (unsigned i = 0; i < 3; i++)
        plan_linear(plan, names[i][0], names[i][1], channels, channels);
    plan_linear(plan, "v.attn_pool.attn_out", "visual.attnpool.c_proj", tower->feature_size,
                channels);
}

/* What is told beside the checkpoint has to be what the shapes say. */
static void check_told(struct plan *plan, const struct told_tower *told, const struct tower *tower)
{
    plan_check_told(plan, told->width, tower->width);
    plan_check_told(plan, told->layers, 0); /* of a ViT */
    for (unsigned stage = 0; stage < 4; stage++)
        plan_check_told(plan, told->blocks[stage], tower->blocks[stage]);
    if (plan->config)
        plan_check_told(plan, plan->config->feature_size, tower->feature_size);
    if (tower->grid && told->image_size.number / 32 != tower->grid)
        plan_check_told(plan, told->image_size, 32 * (uint64_t)tower->grid);
}

/* Reads the sizes off the shapes. */
static bool measure(struct plan *plan, struct tower *tower)
{
    uint64_t conv[4], projection[2], table[2];
    if (!plan_shape(plan, "visual.conv3.weight", 4, conv) ||
        !plan_shape(plan, "visual.attnpool.c_proj.weight", 2, projection))
        return false;
    plan_check_range(plan, "the width (outputs of visual.conv3)", conv[0], 2, 1024);
    plan_check_range(plan, "the width modulo 2", conv[0] % 2, 0, 0);
    plan_check_range(plan, "the size of the feature (visual.attnpool.c_proj)", projection[0], 1,
                     8192);
    for (unsigned stage = 0; stage < 4; stage++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "visual.layer%u.", stage + 1);
        tower->blocks[stage] = checkpoint_count_numbered(plan->checkpoint, prefix);
        snprintf(prefix, sizeof prefix, "blocks of visual.layer%u", stage + 1);
        plan_check_range(plan, prefix, tower->blocks[stage], 1, 256);
        tower->layers += tower->blocks[stage];
    }
    if (checkpoint_find(plan->checkpoint, positions) && plan_shape(plan, positions, 2, table))
        tower->grid = plan_grid(plan, positions, table[0]);
    if (plan->failed)
        return false;
    tower->width = (uint32_t)conv[0];
    tower->heads = plan_heads(plan, plan_told_vision(plan), 32 * tower->width);
    tower->patch_size = 32;
    tower->feature_size = (uint32_t)projection[0];
    check_told(plan, plan_told_vision(plan), tower);
    return !plan->failed;
}

void plan_resnet(struct plan *plan, struct tower *tower)
{
    if (!measure(plan, tower))
        return;
    plan_stem(plan, tower->width);
    uint64_t inputs = tower->width;
    for (unsigned stage = 0; stage < 4; stage++) {
        const uint64_t planes = (uint64_t)tower->width << stage;
        for (unsigned block = 0; block < tower->blocks[stage] && !plan->failed; block++) {
            plan_bottleneck(plan, stage, block, inputs, planes);
            inputs = 4 * planes;
        }
    }
    plan_attention_pool(plan, tower, inputs);
}
