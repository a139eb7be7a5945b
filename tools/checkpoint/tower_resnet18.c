/*
 * tower_resnet18.c - GRepQ's low-level checkpoint: torchvision's ResNet-18 as a list of its
 * children (0 the first convolution, 1 its BatchNorm, 4 to 7 the stages) and a head of two linear
 * layers, on one side; the names of docs/model-file.md on the other.
 */
#include <stdio.h>

#include "low_level_part.h"

#define ENCODER "encoder.resnet18."

static bool measure(struct plan *plan, struct low_level_part *part)
{
    uint64_t stem[4], head[2];
    if (!plan_shape(plan, ENCODER "0.weight", 4, stem) ||
        !plan_shape(plan, "head.2.weight", 2, head))
        return false;
    plan_check_range(plan, "the width (outputs of " ENCODER "0)", stem[0], 1, 512);
    plan_check_range(plan, "the size of the feature (head.2)", head[0], 1, 1024);
    part->width = (uint32_t)stem[0];
    part->feature_size = (uint32_t)head[0];
    return !plan->failed;
}

static void plan_block(struct plan *plan, unsigned stage, unsigned block, uint64_t inputs,
                       uint64_t outputs)
{
    char to[64], conv[96], norm[96];
    for (unsigned i = 0; i < 2; i++) {
        snprintf(to, sizeof to, "l.stage.%u.%u.conv%u", stage, block, i + 1);
        snprintf(conv, sizeof conv, ENCODER "%u.%u.conv%u", stage + 4, block, i + 1);
        snprintf(norm, sizeof norm, ENCODER "%u.%u.bn%u", stage + 4, block, i + 1);
        plan_convolution(plan, to, conv, norm, outputs, i ? outputs : inputs, 3);
    }
    if (inputs == outputs)
        return;
    snprintf(to, sizeof to, "l.stage.%u.%u.shortcut", stage, block);
    snprintf(conv, sizeof conv, ENCODER "%u.%u.downsample.0", stage + 4, block);
    snprintf(norm, sizeof norm, ENCODER "%u.%u.downsample.1", stage + 4, block);
    plan_convolution(plan, to, conv, norm, outputs, inputs, 1);
}

bool plan_resnet18(struct plan *plan, struct low_level_part *part)
{
    if (!measure(plan, part))
        return false;
    const uint64_t width = part->width;
    plan_convolution(plan, "l.stem", ENCODER "0", ENCODER "1", width, 3, 7);
    for (unsigned stage = 0; stage < 4; stage++) {
        const uint64_t outputs = width << stage;
        plan_block(plan, stage, 0, stage ? outputs / 2 : outputs, outputs);
        plan_block(plan, stage, 1, outputs, outputs);
    }
    plan_linear(plan, "l.head.0", "head.0", 8 * width, 8 * width);
    plan_linear(plan, "l.head.1", "head.2", part->feature_size, 8 * width);
    return !plan->failed;
}
