/*
 * plan.c - the ways in which a model file's tensors lie in a checkpoint: views, in all cases, so
 * that transposing, splitting and reordering cost nothing here and one path reads them all.
 */
#include "plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

enum { NAME_SIZE = 128 };

/* Returns the plan's new item, or NULL where the plan has failed. */
static struct plan_item *add(struct plan *plan, const char *to, const char *suffix)
{
    if (plan->failed)
        return NULL;
    if (plan->count == plan->capacity) {
        size_t capacity = plan->capacity ? 2 * plan->capacity : 64;
        struct plan_item *items = realloc(plan->items, capacity * sizeof *items);
        if (!items) {
            plan->failed = true;
            problem(plan->message, "%.200s: out of memory", plan->checkpoint->origin);
            return NULL;
        }
        plan->items = items;
        plan->capacity = capacity;
    }
    struct plan_item *item = &plan->items[plan->count++];
    memset(item, 0, sizeof *item);
    snprintf(item->name, sizeof item->name, "%s%s", to, suffix);
    return item;
}

void plan_free(struct plan *plan)
{
    free(plan->items);
    plan->items = NULL;
    plan->count = plan->capacity = 0;
}

uint64_t plan_item_count(const struct plan_item *item)
{
    uint64_t count = 1; /* of a tensor whose count was checked when it was read */
    for (unsigned i = 0; i < item->view.dimensions; i++)
        count *= item->view.shape[i];
    return count;
}

void plan_check_range(struct plan *plan, const char *what, uint64_t number, uint64_t least,
                      uint64_t most)
{
    if (plan->failed || (number >= least && number <= most))
        return;
    plan->failed = true;
    problem(plan->message, "%.200s: %s is %" PRIu64 ", expected %" PRIu64 " to %" PRIu64,
            plan->checkpoint->origin, what, number, least, most);
}

bool plan_shape(struct plan *plan, const char *name, unsigned dimensions, uint64_t *shape)
{
    struct view view;
    if (plan->failed)
        return false;
    if (!checkpoint_view(plan->checkpoint, name, dimensions, &view, plan->message)) {
        plan->failed = true;
        return false;
    }
    memcpy(shape, view.shape, dimensions * sizeof *shape);
    return true;
}

/* The view of a tensor that must have this shape. */
static void view_of(struct plan *plan, struct view *view, const char *name, unsigned dimensions,
                    const uint64_t *shape)
{
    if (plan->failed)
        return;
    plan->failed =
        !checkpoint_view(plan->checkpoint, name, dimensions, view, plan->message) ||
        !check_shape(plan->checkpoint, view, shape, plan->message);
}

static void swap_dimensions(struct view *view, unsigned a, unsigned b)
{
    uint64_t shape = view->shape[a], stride = view->stride[a];
    view->shape[a] = view->shape[b];
    view->stride[a] = view->stride[b];
    view->shape[b] = shape;
    view->stride[b] = stride;
}

static void copy(struct plan *plan, const char *to, const char *to_suffix, const char *from,
                 const char *from_suffix, unsigned dimensions, const uint64_t *shape,
                 bool is_matrix)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s%s", from, from_suffix);
    struct plan_item *item = add(plan, to, to_suffix);
    if (!item)
        return;
    item->is_matrix = is_matrix;
    view_of(plan, &item->view, name, dimensions, shape);
}

void plan_vector(struct plan *plan, const char *to, const char *from, uint64_t size)
{
    copy(plan, to, "", from, "", 1, &size, false);
}

void plan_table(struct plan *plan, const char *to, const char *from, uint64_t rows,
                uint64_t columns)
{
    const uint64_t shape[] = {rows, columns};
    copy(plan, to, "", from, "", 2, shape, false);
}

void plan_matrix(struct plan *plan, const char *to, const char *from, uint64_t outputs,
                 uint64_t inputs)
{
    const uint64_t shape[] = {outputs, inputs};
    copy(plan, to, "", from, "", 2, shape, true);
}

void plan_transposed_matrix(struct plan *plan, const char *to, const char *from, uint64_t outputs,
                            uint64_t inputs)
{
    plan_matrix(plan, to, from, inputs, outputs);
    if (!plan->failed)
        swap_dimensions(&plan->items[plan->count - 1].view, 0, 1);
}

void plan_linear(struct plan *plan, const char *to, const char *from, uint64_t outputs,
                 uint64_t inputs)
{
    const uint64_t shape[] = {outputs, inputs};
    copy(plan, to, ".weight", from, ".weight", 2, shape, true);
    copy(plan, to, ".bias", from, ".bias", 1, shape, false);
}

void plan_norm(struct plan *plan, const char *to, const char *from, uint64_t size)
{
    copy(plan, to, ".weight", from, ".weight", 1, &size, false);
    copy(plan, to, ".bias", from, ".bias", 1, &size, false);
}

/* Narrows the plan's last item to part `index` of its first dimension. */
static void narrow(struct plan *plan, unsigned index, unsigned parts)
{
    if (plan->failed)
        return;
    struct view *view = &plan->items[plan->count - 1].view;
    view->shape[0] /= parts;
    view->offset += index * view->shape[0] * view->stride[0];
}

void plan_linear_part(struct plan *plan, const char *to, const char *from_weight,
                      const char *from_bias, unsigned index, unsigned parts, uint64_t size)
{
    const uint64_t shape[] = {parts * size, size};
    copy(plan, to, ".weight", from_weight, "", 2, shape, true);
    narrow(plan, index, parts);
    copy(plan, to, ".bias", from_bias, "", 1, shape, false);
    narrow(plan, index, parts);
}

void plan_patches(struct plan *plan, const char *to, const char *from, uint64_t outputs,
                  uint64_t inputs, uint64_t kernel)
{
    const uint64_t shape[] = {outputs, inputs, kernel, kernel};
    copy(plan, to, "", from, "", 4, shape, true);
}

static void view_batch_norm(struct plan *plan, struct batch_norm *norm, const char *name,
                            uint64_t size)
{
    const struct {
        const char *suffix;
        struct view *view;
    } parts[] = {{"weight", &norm->gain},
                 {"bias", &norm->bias},
                 {"running_mean", &norm->mean},
                 {"running_var", &norm->variance}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char full[NAME_SIZE];
        snprintf(full, sizeof full, "%s.%s", name, parts[i].suffix);
        view_of(plan, parts[i].view, full, 1, &size);
    }
}

void plan_convolution(struct plan *plan, const char *to, const char *conv, const char *norm,
                      uint64_t outputs, uint64_t inputs, uint64_t kernel)
{
    const uint64_t shape[] = {outputs, inputs, kernel, kernel};
    struct batch_norm views;
    view_batch_norm(plan, &views, norm, outputs);
    copy(plan, to, ".weight", conv, ".weight", 4, shape, true);
    if (plan->failed)
        return;
    struct plan_item *weight = &plan->items[plan->count - 1];
    weight->kind = PLAN_FOLDED_WEIGHT;
    weight->norm = views;
    swap_dimensions(&weight->view, 1, 2); /* (o, i, y, x) -> (o, y, i, x) */
    swap_dimensions(&weight->view, 2, 3); /*              -> (o, y, x, i) */

    struct plan_item *bias = add(plan, to, ".bias");
    if (!bias)
        return;
    bias->kind = PLAN_FOLDED_BIAS;
    bias->norm = views;
    bias->view = views.bias;
}
