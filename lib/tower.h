/*
 * tower.h - what the two image towers have in common: images in, features out.
 *
 * A tower plans its buffers once, for the largest images and the largest batch, and then computes
 * in them.  Planning over a counting arena leaves the pointers NULL and only adds up.
 */
#ifndef QUALICLIP_TOWER_H
#define QUALICLIP_TOWER_H

#include "bands.h"
#include "image.h"
#include "layers.h"

struct tower_limits {
    size_t width, height; /* images up to this, or turned by 90 degrees */
    size_t batch;
};

/* Where the rows of an image come from that are not in memory from the start. */
struct row_stream {
    /*
     * Sees to it that rows `first` up to `end` of the image can be read, where neither number ever
     * decreases; those before are forgotten.  False: there are none, and `status` says why.
     */
    bool (*provide)(struct row_stream *stream, uint32_t first, uint32_t end);
    qc_image *image; /* its planes and its top move along */
    qc_status status;
};

/* Images that have been checked and fit the limits. */
struct tower_input {
    const qc_image *images;
    size_t count;
    const struct pixel_table *pixels;
    qc_background background;
    qc_positions positions; /* none, grid or flat */

    /* Of the one image there is then, and only for a ResNet; NULL: all rows can be read. */
    struct row_stream *rows;
};

struct vit_workspace {
    struct rows tokens;                     /* of all images of a batch, one after the other */
    struct rows normed, hidden;             /* `lent_rows` for each worker, or all for all */
    unsigned char *rounded;                 /* as many, where products want their rows rounded */
    size_t rounded_row, lent_rows;          /* bytes; rows */
    struct rows class_tokens, class_normed; /* one row for each image */
    struct rows class_queries;
    size_t *segments;       /* batch + 1: where each image's tokens begin */
    size_t *group_segments; /* the same within groups, which have one more than images each */
    size_t *class_segments; /* 0, 1, 2, ... */
};

/* What is kept of an image between a bottleneck's layers while it passes through in bands. */
struct block_bands {
    struct band in, inner, wide; /* before, behind the first and behind the second convolution */
    size_t step;                 /* rows that are computed at a time, at most */
};

struct resnet_workspace {
    float *stem[3];                 /* behind each of its convolutions */
    struct block_bands *blocks;     /* one for each block; the plan fills in `data` alone */
    float *pooled_main, *pooled_in; /* halved rows, on their way to the end of a block */
    float *transformed;             /* tiles of a 3x3 convolution: see winograd.c */
    float *tokens;                  /* the whole last stage, behind a row for the mean */
    float *pool;                    /* attention pool: see attention_pool.c */
};

/* Reserves the buffers.  `scratch` is raised to the bytes that one worker needs. */
void vit_plan(struct vit_workspace *workspace, const struct vit *vit, const kernel_set *kernels,
              const struct tower_limits *limits, size_t workers, struct arena *arena,
              size_t *scratch);
void resnet_plan(struct resnet_workspace *workspace, const struct resnet *resnet,
                 const kernel_set *kernels, const struct tower_limits *limits, struct arena *arena,
                 size_t *scratch);

/* The most channels that lie beside an image in a 3x3 convolution: zeros to provide. */
size_t resnet_zeros(const struct resnet *resnet);

/* Writes input->count features, not normalised, one after the other. */
void vit_forward(const struct vit *vit, const struct vit_workspace *workspace,
                 const struct layers *layers, const struct tower_input *input, float *features);
/* Where input->rows fail there is no feature. */
void resnet_forward(const struct resnet *resnet, const struct resnet_workspace *workspace,
                    const struct layers *layers, const struct tower_input *input, float *features);

#endif
