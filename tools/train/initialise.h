/*
 * initialise.h - the first weights of a tower that learns from nothing.
 */
#ifndef QUALICLIP_TRAIN_INITIALISE_H
#define QUALICLIP_TRAIN_INITIALISE_H

#include "tower.h"

/* All parameters, by the seed alone. */
void initialise_resnet(struct tower *tower, uint64_t seed);
void initialise_vit(struct tower *tower, uint64_t seed);

#endif
