/*
 * auxiliary.h - a linear head that names the degradation and its level.  It helps a tower to learn
 * what to look at, and is thrown away afterwards.
 */
#ifndef QUALICLIP_TRAIN_AUXILIARY_H
#define QUALICLIP_TRAIN_AUXILIARY_H

#include "batch.h"
#include "losses.h"
#include "tower.h"

/* A row for each type, one for "none", one for the level. */
enum { AUXILIARY_CLASSES = degradation_count + 1, AUXILIARY_ROWS = AUXILIARY_CLASSES + 1 };

struct auxiliary {
    uint32_t size; /* of a feature */
    float *weight, *bias, *weight_gradient, *bias_gradient;
};

/*
 * The loss of a batch times `weight`: the gradients of the head are written, those of the features
 * added to.
 */
void auxiliary_loss(const struct auxiliary *head, const struct batch *batch, const float *features,
                    double weight, float *feature_gradients, struct losses *losses);

#endif
