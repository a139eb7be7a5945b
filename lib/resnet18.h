/*
 * resnet18.h - torchvision's ResNet-18 over patches of images: patches in, features out.
 *
 * Planned and then used as the towers are (tower.h), but a block of patches at a time.
 */
#ifndef QUALICLIP_RESNET18_H
#define QUALICLIP_RESNET18_H

#include "image.h"
#include "convolutions.h"

#define PATCH_SIDE  QC_PATCH_SIDE
#define PATCH_BLOCK 32 /* patches at once: enough rows for the last stage's products */

/* PATCH_SIDE x PATCH_SIDE pixels of an image, all of them inside. */
struct patch {
    const qc_image *image;
    uint32_t x, y;
};

struct resnet18_workspace {
    float *pixels[3]; /* activations of a block of patches: in, within and behind a block */
    float *pooled, *hidden;
};

/* Reserves the buffers.  `scratch` is raised to the bytes that one worker needs. */
void resnet18_plan(struct resnet18_workspace *workspace, const struct resnet18 *encoder,
                   const kernel_set *kernels, struct arena *arena, size_t *scratch);

/* Zeros to provide in layers.zeros. */
size_t resnet18_zeros(const struct resnet18 *encoder);

/* Writes the features of at most PATCH_BLOCK patches, feature_size floats each. */
void resnet18_forward(const struct resnet18 *encoder, const struct resnet18_workspace *workspace,
                      const struct layers *layers, const struct patch *patches, size_t count,
                      qc_background background, float *features);

#endif
