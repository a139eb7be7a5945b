/*
 * alignment.h - cosines between images' features and texts, and the way back: gradients of cosines
 * to gradients of features and, where they learn, of texts.
 */
#ifndef QUALICLIP_TRAIN_ALIGNMENT_H
#define QUALICLIP_TRAIN_ALIGNMENT_H

#include <stddef.h>
#include <stdint.h>

/* Rows need not have unit length.  Texts: positive and negative of each pair in turn. */
struct alignment {
    uint32_t images, texts, size;
    const float *features, *prompts;      /* images x size, texts x size: the caller's         */
    double *unit_features, *unit_prompts; /* the same at unit length ...                       */
    double *feature_norms, *prompt_norms; /* ... and their lengths                             */
    double *cosines;                      /* images x texts */
    double *gradients;                    /* of the loss by the cosines; losses add to them */
    double *unit_gradients; /* images x size, of the loss by unit features, likewise */
};

void alignment_create(struct alignment *alignment, uint32_t images, uint32_t texts, uint32_t size);
void alignment_free(struct alignment *alignment);

/* Computes the cosines and sets all gradients to zero. */
void alignment_forward(struct alignment *alignment, const float *features, const float *prompts);

/* Writes gradients of the features and, if not NULL, of the prompts. */
void alignment_backward(const struct alignment *alignment, float *feature_gradients,
                        float *prompt_gradients);

#endif
