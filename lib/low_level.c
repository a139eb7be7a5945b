/*
 * low_level.c - an image cut into patches that overlap by half, their features gathered into mean
 * and covariance, the distance from those of the model's pristine patches turned into a score.
 */
#include "low_level.h"

#include <math.h>

#define DISTANCE_SCALE 100

void low_level_plan(struct low_level_workspace *workspace, const struct low_level *low_level,
                    const kernel_set *kernels, struct arena *arena, size_t *scratch)
{
    size_t size = low_level->encoder.feature_size;
    resnet18_plan(&workspace->encoder, &low_level->encoder, kernels, arena, scratch);
    workspace->features = arena_take(arena, PATCH_BLOCK * size, sizeof(float));
    workspace->difference = arena_take(arena, size, sizeof(double));
    workspace->statistics.size = size;
    workspace->statistics.mean = arena_take(arena, size, sizeof(double));
    workspace->statistics.products = arena_take(arena, size * size, sizeof(double));
}

size_t low_level_zeros(const struct low_level *low_level)
{
    return resnet18_zeros(&low_level->encoder);
}

static size_t patches_along(uint32_t side)
{
    return side < PATCH_SIDE ? 0 : (side - PATCH_SIDE) / PATCH_STRIDE + 1;
}

size_t low_level_patches(uint32_t width, uint32_t height)
{
    return patches_along(width) * patches_along(height);
}

qc_status low_level_check(const qc_image *image, struct message *message)
{
    if (low_level_patches(image->width, image->height) >= PATCHES_LEAST)
        return QC_OK;
    return fail(message, QC_ERROR_TOO_SMALL,
                "the image has %lu x %lu pixels, the low-level part of the score needs at least "
                "%d x %d or %d x %d: two patches of %d x %d, %d apart",
                (unsigned long)image->width, (unsigned long)image->height, LOW_LEVEL_LONGER,
                PATCH_SIDE, PATCH_SIDE, LOW_LEVEL_LONGER, PATCH_SIDE, PATCH_SIDE, PATCH_STRIDE);
}

/* Patches in the order of rows, in blocks that depend on the image alone. */
static void gather(const struct low_level *low_level, struct low_level_workspace *workspace,
                   const struct layers *layers, const qc_image *image, qc_background background)
{
    const size_t size = low_level->encoder.feature_size;
    const size_t columns = patches_along(image->width);
    const size_t patches = low_level_patches(image->width, image->height);
    patch_statistics_reset(&workspace->statistics);
    for (size_t first = 0; first < patches && !threads_cancelled(layers->threads);
         first += PATCH_BLOCK) {
        struct patch block[PATCH_BLOCK];
        const size_t count = smaller(PATCH_BLOCK, patches - first);
        for (size_t i = 0; i < count; i++)
            block[i] = (struct patch){image, (uint32_t)((first + i) % columns * PATCH_STRIDE),
                                      (uint32_t)((first + i) / columns * PATCH_STRIDE)};
        resnet18_forward(&low_level->encoder, &workspace->encoder, layers, block, count, background,
                         workspace->features);
        for (size_t i = 0; i < count; i++)
            patch_statistics_add(&workspace->statistics, workspace->features + i * size,
                                 workspace->difference);
    }
}

qc_status low_level_score(const struct low_level *low_level, struct low_level_workspace *workspace,
                          const struct layers *layers, const qc_image *image,
                          qc_background background, float *score, struct message *message)
{
    double distance;
    *score = 0;
    gather(low_level, workspace, layers, image, background);
    if (threads_cancelled(layers->threads))
        return fail(message, QC_CANCELLED, "cancelled by the caller");
    if (!patch_statistics_distance(&workspace->statistics, low_level->pristine_mean,
                                   low_level->pristine_covariance, &distance))
        return fail(message, QC_ERROR_NUMERIC,
                    "the distance from pristine patches is not finite: the model's low-level part "
                    "overflows on the image");
    const double exponent = distance / DISTANCE_SCALE;
    *score = exponent > 709 ? 0 : (float)(1 / (1 + exp(exponent))); /* 0, and errno as it was */
    return QC_OK;
}
