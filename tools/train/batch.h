/*
 * batch.h - one step's images: crops of photos at six levels of one degradation, and what is known
 * of them.  Batch `index` depends on photos, recipe, seed and index, and on nothing else.
 */
#ifndef QUALICLIP_TRAIN_BATCH_H
#define QUALICLIP_TRAIN_BATCH_H

#include "degrade.h"
#include "photo_set.h"
#include "recipe.h"

enum { CROPS = 2, STAGES = degradation_levels + 1 /* the pristine crop first */ };

struct image_label {
    uint32_t photo;        /* in the batch */
    enum degradation type; /* degradation_count: no photo */
    float badness;         /* 0: as the series begins, or looks the same; to 5 */
    /* Where a series begins with a photo that is degraded already: by what, and how badly. */
    enum degradation base;
    float base_badness; /* 0: it does not */
};

/* What a teacher says of the images. */
struct lesson {
    float *scores;   /* in [0, 1]; NULL: there is no teacher */
    /* Of the student's size, NULL: of another size.  Unit length, or centred: teacher_tower.h. */
    float *features;
    /* Likewise of the cells of the share's images, row by row; NULL: it tells none. */
    float *cells;
    uint32_t cells_of_an_image;
};

/* What one of several processes makes of a batch: some of its photos; the last one what are none.
 */
struct batch_share {
    uint32_t first_photo, photos;
    uint32_t first_image, images;
};

/* Images (photo * CROPS + crop) * STAGES + stage, then those that are no photos. */
struct batch {
    uint32_t photos, images;
    struct batch_share share;   /* of which alone there are pixels, labels and lessons */
    float *pixels;              /* share.images x 3 x crop x crop, normalised as CLIP does */
    struct image_label *labels; /* of all images, as are lessons */
    struct lesson lesson;
};

uint32_t batch_images(const struct batch_recipe *recipe);

/* The share of rank `rank` of `ranks`, which must not be more than there are photos. */
struct batch_share batch_share_of(const struct batch_recipe *recipe, uint32_t rank, uint32_t ranks);

/* Takes the memory; batch_bytes() tells how much. */
void batch_create(struct batch *batch, const struct batch_recipe *recipe, struct batch_share share);
size_t batch_bytes(const struct batch_recipe *recipe, struct batch_share share);
/* Room for what a teacher says; feature: its size, 0: scores alone; cells of an image, or 0. */
void batch_add_lesson(struct batch *batch, uint32_t feature, uint32_t cells);
void batch_free(struct batch *batch);

/* Thread-safe for different batches. */
void batch_make(struct batch *batch, const struct photo_set *photos,
                const struct batch_recipe *recipe, uint64_t index);

#endif
