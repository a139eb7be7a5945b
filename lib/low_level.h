/*
 * low_level.h - GRepQ's low-level part: how far the patches of an image are, as ResNet-18 sees
 * them, from those of pristine photos.
 *
 * Planned and then used as the towers are (tower.h), one image at a time.
 */
#ifndef QUALICLIP_LOW_LEVEL_H
#define QUALICLIP_LOW_LEVEL_H

#include "patch_statistics.h"
#include "resnet18.h"

#define PATCH_STRIDE (PATCH_SIDE / 2)

/* The fewest patches with a covariance, and the least longer side of an image that has them. */
#define PATCHES_LEAST    2
#define LOW_LEVEL_LONGER (PATCH_SIDE + PATCH_STRIDE)

struct low_level_workspace {
    struct resnet18_workspace encoder;
    struct patch_statistics statistics;
    double *difference;
    float *features; /* of a block of patches */
};

/* As resnet18_plan() and resnet18_zeros(). */
void low_level_plan(struct low_level_workspace *workspace, const struct low_level *low_level,
                    const kernel_set *kernels, struct arena *arena, size_t *scratch);
size_t low_level_zeros(const struct low_level *low_level);

/* How many patches an image of this size is cut into. */
size_t low_level_patches(uint32_t width, uint32_t height);

/* Whether the image has as many patches as it takes; if not, `message` says why. */
qc_status low_level_check(const qc_image *image, struct message *message);

/* 1 - sigmoid(distance / 100), in [0, 0.5], of an image that passed. */
qc_status low_level_score(const struct low_level *low_level, struct low_level_workspace *workspace,
                          const struct layers *layers, const qc_image *image,
                          qc_background background, float *score, struct message *message);

#endif
