/*
 * pristine.h - the photos that GRepQ measures others by: which of their patches are sharp and
 * colourful, and the statistics of what a model's low-level part sees in those.
 *
 * Photos are read with the library's decoders, one at a time.
 */
#ifndef QUALICLIP_PRISTINE_H
#define QUALICLIP_PRISTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qualiclip.h"

/* Where a patch of QC_PATCH_SIDE pixels a side begins. */
struct pristine_patch {
    size_t photo;
    uint32_t x, y;
};

struct pristine {
    const char *const *paths; /* of the photos; the caller's, as long as this is used */
    size_t photo_count;
    struct pristine_patch *patches; /* in the order of the photos, row by row */
    size_t patch_count, capacity;
};

/*
 * Chooses patches: of those that lie side by side in a photo the ones whose deviations of luma sum
 * to more than 0.75 of the photo's most; of these the ones whose colourfulness is above 0.8 of
 * their most.  False: `message` says which photo cannot be read, or has no such patch.  To be freed
 * in either case.
 */
bool pristine_choose(struct pristine *pristine, const char *const *paths, size_t count,
                     char *message);
void pristine_free(struct pristine *pristine);

/* A photo that can be read, to be freed; false: `message` says why it cannot. */
bool pristine_read(qc_picture **picture, const char *path, char *message);

/* A part of an image that is RGB or RGBA, as the decoders give it; alpha is never looked at. */
qc_image pristine_patch_of(const qc_image *image, uint32_t x, uint32_t y);

/*
 * Mean and covariance (n - 1) of the chosen patches' features: patch_feature_size numbers, and
 * their square.  False: `message` says why.
 */
bool pristine_measure(const struct pristine *pristine, const qc_model *model, uint32_t threads,
                      double *mean, double *covariance, char *message);

#endif
