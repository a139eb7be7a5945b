/*
 * vit.c - a ViT that learns: what can be one, its creation and its end.
 */
#include "vit.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "qualiclip.h"

/* Bounds far above any tower in use; within them no sum of sizes can overflow. */
#define WIDTH_MOST  16384
#define LAYERS_MOST 256
#define PATCH_MOST  1024
#define BATCH_MOST  65536

static void vit_destroy(struct tower *tower)
{
    struct vit *vit = (struct vit *)tower;
    crew_destroy(vit->crew);
    free(vit->memory);
    free(vit->names);
    free(vit->blocks);
    free(tower->parameters);
    free(vit);
}

static bool refuse(char *message, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, QC_MESSAGE_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

static bool is_within(uint32_t value, uint32_t most)
{
    return value >= 1 && value <= most;
}

static bool check(const struct tower_shape *shape, uint32_t batch, uint32_t width, uint32_t height,
                  char *message)
{
    if (!is_within(shape->width, WIDTH_MOST) || !is_within(shape->feature, WIDTH_MOST) ||
        !is_within(shape->layers, LAYERS_MOST) || !is_within(shape->patch, PATCH_MOST))
        return refuse(message,
                      "a ViT of width %lu, feature %lu, %lu layers, patch %lu: expected "
                      "at least 1 and at most %d, %d, %d, %d",
                      (unsigned long)shape->width, (unsigned long)shape->feature,
                      (unsigned long)shape->layers, (unsigned long)shape->patch, WIDTH_MOST,
                      WIDTH_MOST, LAYERS_MOST, PATCH_MOST);
    if (!shape->heads || shape->width % shape->heads)
        return refuse(message, "a ViT of width %lu with %lu heads: expected a divisor of the width",
                      (unsigned long)shape->width, (unsigned long)shape->heads);
    if (!is_within(batch, BATCH_MOST))
        return refuse(message, "a batch of %lu images: expected 1 to %d", (unsigned long)batch,
                      BATCH_MOST);
    const uint32_t columns = width / shape->patch, rows = height / shape->patch;
    if (!columns || !rows)
        return refuse(message, "images of %lux%lu have no whole patch of %lu pixels",
                      (unsigned long)width, (unsigned long)height, (unsigned long)shape->patch);
    if (shape->grid && (columns != shape->grid || rows != shape->grid))
        return refuse(message,
                      "images of %lux%lu have %lux%lu patches, and the positions are for "
                      "%lux%lu",
                      (unsigned long)width, (unsigned long)height, (unsigned long)columns,
                      (unsigned long)rows, (unsigned long)shape->grid, (unsigned long)shape->grid);
    /* What products count with: rows of the batch, and the distance between class tokens. */
    const uint64_t tokens = (uint64_t)columns * rows + 1;
    if (tokens > INT_MAX / 4 / batch || tokens > INT_MAX / 4 / shape->width)
        return refuse(message, "%lu images of %lux%lu patches are too many for one batch",
                      (unsigned long)batch, (unsigned long)columns, (unsigned long)rows);
    return true;
}

static const struct tower_operations vit_operations = {train_vit_forward, train_vit_backward,
                                                       vit_destroy};

/* Sizes, and blocks without memory yet. */
static struct vit *describe(const struct tower_shape *shape, uint32_t batch, uint32_t width,
                            uint32_t height)
{
    struct vit *vit = calloc(1, sizeof *vit);
    if (!vit)
        return NULL;
    vit->tower = (struct tower){.operations = &vit_operations,
                                .shape = *shape,
                                .batch = batch,
                                .width = width,
                                .height = height};
    vit->width = shape->width;
    vit->heads = shape->heads;
    vit->layers = shape->layers;
    vit->feature = shape->feature;
    vit->batch = batch;
    vit->patches = (size_t)(width / shape->patch) * (height / shape->patch);
    vit->tokens = 1 + vit->patches;
    vit->rows = vit->batch * vit->tokens;
    vit->patch_values = (size_t)3 * shape->patch * shape->patch;
    vit->leaving = shape->patches_leave ? vit->tokens : 1;
    vit->blocks = calloc(vit->layers, sizeof *vit->blocks);
    for (size_t i = 0; vit->blocks && i < vit->layers; i++)
        vit->blocks[i].queries = i + 1 < vit->layers ? vit->tokens : vit->leaving;
    return vit;
}

struct tower *tower_create_vit(const struct tower_shape *shape, uint32_t batch, uint32_t width,
                               uint32_t height, uint32_t threads, char *message)
{
    if (!check(shape, batch, width, height, message))
        return NULL;
    struct crew *crew = crew_create(threads, message);
    if (!crew)
        return NULL;
    struct vit *vit = describe(shape, batch, width, height);
    if (!vit) {
        crew_destroy(crew);
    } else {
        vit->crew = crew;
        if (vit->blocks && train_vit_plan(vit, crew_size(crew)))
            return &vit->tower;
        vit_destroy(&vit->tower);
    }
    refuse(message,
           "not enough memory to train a ViT of width %lu on batches of %lu images of "
           "%lux%lu: try a smaller batch",
           (unsigned long)shape->width, (unsigned long)batch, (unsigned long)width,
           (unsigned long)height);
    return NULL;
}
