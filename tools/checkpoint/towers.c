/*
 * towers.c - tells a ViT from a ResNet, and both from what is not read, by the names that only one
 * of them has; and what the planners share.
 */
#include "towers.h"

#include <inttypes.h>
#include <string.h>

#include "problem.h"

/* Of every CLIP that OpenAI published, none of which is wider; others have heads of 80 to 112. */
enum { HEAD_SIZE = 64, WIDEST_OF_OPENAI = 1024 };

/* Towers that other programs train with the same loss. */
static const struct {
    const char *prefix, *kind;
} unread[] = {
    {"visual.trunk.", "one of timm's"},
    {"visual.attn_pool.", "one with CoCa's attentional pooling"},
    {"text_decoder.", "CoCa's"},
    {"visual.blocks.", "EVA-CLIP's"},
    {"vision_model.head.", "SigLIP's"},
};

static bool find_kind(struct plan *plan, struct tower *tower)
{
    const struct checkpoint *checkpoint = plan->checkpoint;
    for (size_t i = 0; i < sizeof unread / sizeof unread[0]; i++)
        if (checkpoint_has_prefix(checkpoint, unread[i].prefix))
            return problem(plan->message,
                           "%.200s: the model is %s (%s*), which is not read: CLIP's own ViT and "
                           "ModifiedResNet are",
                           checkpoint->origin, unread[i].kind, unread[i].prefix);
    tower->is_resnet = checkpoint_has_prefix(checkpoint, "visual.layer1.");
    const bool is_vit = checkpoint_has_prefix(checkpoint, plan->naming->vit.blocks);
    if (is_vit == tower->is_resnet)
        return problem(plan->message,
                       is_vit ? "%.200s: has the tensors of a ViT and of a ResNet"
                              : "%.200s: has no image tower: neither visual.transformer.* nor "
                                "vision_model.encoder.* (ViT) nor visual.layer1.* (ModifiedResNet)",
                       checkpoint->origin);
    return true;
}

bool plan_tower(struct plan *plan, struct tower *tower)
{
    *tower = (struct tower){0};
    if (!plan->naming)
        plan->naming = find_naming(plan->checkpoint);
    if (!find_kind(plan, tower))
        plan->failed = true;
    else if (tower->is_resnet)
        plan_resnet(plan, tower);
    else
        plan_vit(plan, tower);
    return !plan->failed;
}

void plan_projection(struct plan *plan, const char *to, const char *from, bool is_linear,
                     uint64_t outputs, uint64_t inputs)
{
    if (is_linear)
        plan_matrix(plan, to, from, outputs, inputs);
    else
        plan_transposed_matrix(plan, to, from, outputs, inputs);
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

const struct told_tower *plan_told_vision(const struct plan *plan)
{
    static const struct told_tower nothing;
    return plan->config ? &plan->config->vision : &nothing;
}

void plan_check_told(struct plan *plan, struct told told, uint64_t measured)
{
    if (plan->failed || !told.field || told.number == measured)
        return;
    plan->failed = true;
    problem(plan->message,
            "%.150s: %s is %" PRIu64 ", expected %" PRIu64 ", by the tensors of %.150s",
            origin_of(plan->config->path), told.field, told.number, measured,
            base_name(plan->checkpoint->path));
}

uint32_t plan_heads(struct plan *plan, const struct told_tower *told, uint32_t width)
{
    const struct told *field = told->heads.field ? &told->heads : &told->head_size;
    if (plan->failed)
        return 0;
    if (field->field) {
        if (field->number <= width && width % field->number == 0)
            return (uint32_t)(told->heads.field ? field->number : width / field->number);
        plan->failed = true;
        problem(plan->message,
                "%.200s: %s is %" PRIu64 ", expected a divisor of the width %" PRIu32,
                origin_of(plan->config->path), field->field, field->number, width);
        return 0;
    }
    plan_check_range(plan, "a width, modulo 64, the size of a head,", width % HEAD_SIZE, 0, 0);
    return width / HEAD_SIZE;
}

bool plan_knows_heads(const struct plan *plan, const struct tower *tower)
{
    const struct told_tower *told = plan_told_vision(plan);
    if (tower->is_resnet || tower->width <= WIDEST_OF_OPENAI || told->heads.field ||
        told->head_size.field)
        return true;
    return problem(plan->message,
                   "%.200s: the width is %" PRIu32 ": how many heads that is, only a %s beside the "
                   "checkpoint could tell",
                   plan->checkpoint->origin, tower->width,
                   plan->naming->config == CONFIG_TRANSFORMERS ? "config.json"
                                                               : "open_clip_config.json");
}
