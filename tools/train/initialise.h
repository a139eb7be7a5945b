/*
 * initialise.h - values of a tower that is to learn from scratch.
 */
#ifndef QUALICLIP_TRAIN_INITIALISE_H
#define QUALICLIP_TRAIN_INITIALISE_H

#include "tower.h"

/*
 * As CLIP does it: normal deviates whose deviation falls with the width, and of what adds to the
 * stream with the depth; gains 1, biases 0.  The same seed gives the same values.
 */
void initialise_vit(struct tower *tower, uint64_t seed);

#endif
