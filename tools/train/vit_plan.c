/*
 * vit_plan.c - the parameters of a ViT that learns, by CLIP's names, and all of its memory.
 *
 * The plan is made by running the same code twice: once counting, once handing out.
 */
#include "vit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64 /* bytes */

struct plan {
    float *memory; /* NULL while only counting */
    size_t used;   /* floats */
    bool overflow;
};

static float *take(struct plan *plan, size_t count, size_t each)
{
    const size_t unit = ALIGNMENT / sizeof(float), most = SIZE_MAX / sizeof(float) / 2;
    if (plan->overflow || (each && count > most / each) || count * each > most - plan->used) {
        plan->overflow = true;
        return NULL;
    }
    float *taken = plan->memory ? plan->memory + plan->used : NULL;
    plan->used += (count * each + unit - 1) / unit * unit;
    return taken;
}

/* ----------------------------------------------------------------------------------- parameters */

/* While it only counts, `names` is NULL and parameters are not written. */
struct roll {
    struct vit *vit;
    struct plan *plan;
    size_t count;
};

static struct learned learn(struct roll *roll, const char *prefix, const char *name,
                            uint32_t dimensions, const size_t *shape)
{
    size_t count = 1;
    for (uint32_t i = 0; i < dimensions; i++)
        count *= shape[i];
    const struct learned learned = {take(roll->plan, count, 1), take(roll->plan, count, 1)};
    struct vit *vit = roll->vit;
    if (vit->names) {
        struct tower_parameter *parameter = &vit->tower.parameters[roll->count];
        snprintf(vit->names[roll->count], sizeof *vit->names, "%s%s", prefix, name);
        *parameter = (struct tower_parameter){.name = vit->names[roll->count],
                                              .dimensions = dimensions,
                                              .count = count,
                                              .values = learned.values,
                                              .gradient = learned.gradient};
        memcpy(parameter->shape, shape, dimensions * sizeof *shape);
        memset(learned.values, 0, count * sizeof *learned.values);
        memset(learned.gradient, 0, count * sizeof *learned.gradient);
    }
    roll->count++;
    return learned;
}

static struct learned learn_vector(struct roll *roll, const char *prefix, const char *name,
                                   size_t count)
{
    return learn(roll, prefix, name, 1, &count);
}

static struct learned learn_matrix(struct roll *roll, const char *prefix, const char *name,
                                   size_t rows, size_t columns)
{
    return learn(roll, prefix, name, 2, (const size_t[]){rows, columns});
}

static void learn_norm(struct roll *roll, const char *prefix, const char *name,
                       struct vit_norm *norm)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    norm->gain = learn_vector(roll, full, ".weight", roll->vit->width);
    norm->bias = learn_vector(roll, full, ".bias", roll->vit->width);
}

static void learn_linear(struct roll *roll, const char *prefix, const char *name, size_t outputs,
                         size_t inputs, struct vit_linear *linear)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    linear->weight = learn_matrix(roll, full, "weight", outputs, inputs);
    linear->bias = learn_vector(roll, full, "bias", outputs);
}

/* In the order of CLIP's checkpoints. */
static void learn_block(struct roll *roll, size_t index)
{
    struct vit_block *block = &roll->vit->blocks[index];
    const size_t width = roll->vit->width;
    char prefix[48];
    snprintf(prefix, sizeof prefix, "transformer.resblocks.%zu.", index);
    learn_linear(roll, prefix, "attn.in_proj_", 3 * width, width, &block->in);
    learn_linear(roll, prefix, "attn.out_proj.", width, width, &block->out);
    learn_norm(roll, prefix, "ln_1", &block->norm1);
    learn_linear(roll, prefix, "mlp.c_fc.", 4 * width, width, &block->fc);
    learn_linear(roll, prefix, "mlp.c_proj.", width, 4 * width, &block->projection);
    learn_norm(roll, prefix, "ln_2", &block->norm2);
}

static size_t learn_all(struct vit *vit, struct plan *plan)
{
    struct roll roll = {vit, plan, 0};
    const size_t width = vit->width, patch = vit->tower.shape.patch;
    vit->class_embedding = learn_vector(&roll, "", "class_embedding", width);
    if (vit->tower.shape.grid)
        vit->positions = learn_matrix(&roll, "", "positional_embedding", vit->tokens, width);
    vit->projection = learn_matrix(&roll, "", "proj", width, vit->feature);
    vit->patch_embedding =
        learn(&roll, "", "conv1.weight", 4, (const size_t[]){width, 3, patch, patch});
    learn_norm(&roll, "", "ln_pre", &vit->norm_pre);
    for (size_t i = 0; i < vit->layers; i++)
        learn_block(&roll, i);
    learn_norm(&roll, "", "ln_post", &vit->norm_post);
    return roll.count;
}

/* --------------------------------------------------------------------------------------- memory */

static void plan_norm(struct plan *plan, struct vit_norm *norm, size_t rows, size_t width)
{
    norm->normal = take(plan, rows, width);
    norm->inverse = take(plan, rows, 1);
}

/* `memory` has 3 * width * rows floats; rows is batch * tokens. */
static struct vit_heads lay_out_heads(const struct vit *vit, const struct vit_block *block,
                                      float *memory)
{
    const size_t width = vit->width;
    if (!memory)
        return (struct vit_heads){0};
    if (block->queries == vit->tokens)
        return (struct vit_heads){memory, memory + width, 3 * width, 3 * width};
    return (struct vit_heads){memory, memory + vit->batch * width, width, 2 * width};
}

static void plan_block(struct plan *plan, const struct vit *vit, struct vit_block *block)
{
    const size_t width = vit->width, rows = vit->batch * block->queries;
    plan_norm(plan, &block->norm1, vit->rows, width);
    plan_norm(plan, &block->norm2, rows, width);
    block->heads = lay_out_heads(vit, block, take(plan, vit->rows, 3 * width));
    block->shares = take(plan, rows * vit->heads, vit->tokens);
    block->attended = take(plan, rows, width);
    block->middle = take(plan, rows, 4 * width);
}

static void plan_forward(struct plan *plan, struct vit *vit)
{
    const size_t width = vit->width;
    vit->pixels = take(plan, vit->rows, vit->patch_values);
    if (vit->pixels)
        memset(vit->pixels, 0, vit->rows * vit->patch_values * sizeof *vit->pixels);
    plan_norm(plan, &vit->norm_pre, vit->rows, width);
    for (size_t i = 0; i < vit->layers; i++)
        plan_block(plan, vit, &vit->blocks[i]);
    plan_norm(plan, &vit->norm_post, vit->batch * vit->leaving, width);
    vit->stream = take(plan, vit->rows, width);
    vit->class_stream = take(plan, vit->batch, width);
    vit->last_normed = take(plan, vit->batch * vit->leaving, width);
    vit->normed1 = take(plan, vit->rows, width);
    vit->normed2 = take(plan, vit->rows, width);
    vit->hidden = take(plan, vit->rows, 4 * width);
    if (vit->leaving > 1)
        vit->tower.tokens = (struct tower_tokens){vit->tokens, take(plan, vit->rows, vit->feature),
                                                  take(plan, vit->rows, vit->feature)};
}

static void plan_backward(struct plan *plan, struct vit *vit, size_t members)
{
    const size_t width = vit->width;
    vit->above = take(plan, vit->rows, width);
    vit->between = take(plan, vit->rows, width);
    vit->below = take(plan, vit->rows, width);
    vit->hidden_change = take(plan, vit->rows, 4 * width);
    vit->attended_change = take(plan, vit->rows, width);
    vit->heads_change_memory = take(plan, vit->rows, 3 * width);
    vit->share_changes = take(plan, members, vit->tokens * vit->tokens);
    vit->sums = take(plan, members, SUM_COUNT * width);
}

static size_t plan_all(struct plan *plan, struct vit *vit, size_t members)
{
    const size_t parameters = learn_all(vit, plan);
    plan_forward(plan, vit);
    plan_backward(plan, vit, members);
    return parameters;
}

/* ------------------------------------------------------------------------------------------ all */

bool train_vit_plan(struct vit *vit, size_t members)
{
    struct plan count = {0};
    vit->tower.parameter_count = plan_all(&count, vit, members);
    if (count.overflow)
        return false;
    struct plan plan = {.memory = aligned_alloc(ALIGNMENT, count.used * sizeof(float))};
    vit->memory = plan.memory;
    vit->names = calloc(vit->tower.parameter_count, sizeof *vit->names);
    vit->tower.parameters = calloc(vit->tower.parameter_count, sizeof *vit->tower.parameters);
    if (!vit->memory || !vit->names || !vit->tower.parameters)
        return false;
    plan_all(&plan, vit, members);
    return true;
}
