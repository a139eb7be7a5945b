/*
 * packing.h - how the weights of an open model are packed: the parts of model_pack.c.
 *
 * Everything runs twice: over a counting arena, where nothing is written, and over memory.
 */
#ifndef QUALICLIP_PACKING_H
#define QUALICLIP_PACKING_H

#include "arena.h"
#include "model.h"

struct packing {
    struct arena arena; /* counting first, then handing out */
    bool as_stored;     /* weights that are not rounded are packed, too */
    qc_precision precision;
    const kernel_set *kernels;
    float *wide; /* a panel's weights, row by row; as many floats as `widest` */
    size_t widest;
    double *factors; /* of a smoothed norm's channels; as many as `channels` */
    size_t channels;
    bool mapped; /* what has been packed may leave memory as it is in the file */
};

/* ----------------------------------------------------------------- one matrix (pack_matrix.c) */

/* Of the large ones (large_matrices.h), what is multiplied with. */
number_type packing_type(qc_precision precision, number_type stored);

/* Whether large ones have to be panels. */
bool packing_wants_panels(qc_precision precision, const kernel_set *kernels, bool as_stored);

/* As it is stored; `taps`: the pixels that a convolution's inputs belong to. */
void pack_taps(struct packing *packing, struct matrix *matrix, size_t taps);
void pack_matrix(struct packing *packing, struct matrix *matrix);

/* A large one, in the precision that is wanted. */
void pack_large(struct packing *packing, struct matrix *matrix);

/*
 * The large ones behind a norm, smoothed with it for int8 (smoothing.h); `before`: the norm whose
 * output is this one's input, or NULL.
 */
void pack_behind_norm(struct packing *packing, struct norm *norm, const struct norm *before,
                      struct matrix *const *matrices, size_t count);

/* Some outputs as rows of floats: as they are in the file, or in packing->wide. */
const float *packing_rows(const struct packing *packing, const struct matrix *matrix, size_t output,
                          size_t outputs);

/* Lets the file's copy of what has been packed leave memory. */
void packing_release(const struct packing *packing, const struct matrix *matrix);

/* ----------------------------------------------------------------- whole towers (pack_towers.c) */

void pack_vit(struct packing *packing, struct vit *vit);
void pack_resnet(struct packing *packing, struct resnet *resnet);
void pack_resnet18(struct packing *packing, struct resnet18 *resnet18);

#endif
