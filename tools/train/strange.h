/*
 * strange.h - images that are no photos, for a model to call bad: flat colours, slopes and noise.
 */
#ifndef QUALICLIP_TRAIN_STRANGE_H
#define QUALICLIP_TRAIN_STRANGE_H

#include <stdint.h>

#include "draws.h"

/* `side` squared pixels, RGB. */
void draw_strange(uint32_t side, struct draws *draws, unsigned char *pixels);

#endif
