/*
 * towers.c - tells a ViT from a ResNet by the names that only one of them has.
 */
#include "towers.h"

#include "problem.h"

bool plan_tower(struct plan *plan, struct tower *tower)
{
    *tower = (struct tower){0};
    tower->is_resnet = checkpoint_has_prefix(plan->checkpoint, "visual.layer1.");
    bool is_vit = checkpoint_has_prefix(plan->checkpoint, "visual.transformer.");
    if (is_vit == tower->is_resnet) {
        plan->failed = true;
        return problem(plan->message,
                       is_vit ? "%.200s: has the tensors of a ViT and of a ResNet"
                              : "%.200s: has no image tower: neither visual.transformer.* (ViT) "
                                "nor visual.layer1.* (ModifiedResNet)",
                       plan->checkpoint->origin);
    }
    if (is_vit)
        plan_vit(plan, tower);
    else
        plan_resnet(plan, tower);
    return !plan->failed;
}

uint32_t plan_grid(struct plan *plan, const char *name, uint64_t rows)
{
    for (uint32_t grid = 1; grid <= 1024; grid++)
        if (rows == 1 + (uint64_t)grid * grid)
            return grid;
    if (!plan->failed)
        problem(plan->message, "%.200s: tensor %s has %llu rows, expected 1 + a square",
                plan->checkpoint->origin, name, (unsigned long long)rows);
    plan->failed = true;
    return 0;
}
