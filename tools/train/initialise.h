/*
 * initialise.h - the first weights of a tower that learns from nothing.
 */
#ifndef QUALICLIP_TRAIN_INITIALISE_H
#define QUALICLIP_TRAIN_INITIALISE_H

#include "tower.h"

/*
 * All parameters, by the seed alone.  A ResNet's: Kaiming's normal distribution by the outputs for
 * convolutions, CLIP's for the attention pool; each block begins as little more than its shortcut.
 */
void initialise_resnet(struct tower *tower, uint64_t seed);

/*
 * A ViT's as CLIP does it: normal deviates whose deviation falls with the width, and of what adds
 * to the stream with the depth; gains 1, biases 0.
 */
void initialise_vit(struct tower *tower, uint64_t seed);

#endif
