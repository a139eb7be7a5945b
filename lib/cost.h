/*
 * cost.h - how many multiply-adds the layers of a model take for an image of some size: those of
 * the matrix products, convolutions and attention, padding included.
 */
#ifndef QUALICLIP_COST_H
#define QUALICLIP_COST_H

#include "model.h"

uint64_t vit_cost(const struct vit *vit, uint32_t width, uint32_t height);
uint64_t resnet_cost(const struct resnet *resnet, uint32_t width, uint32_t height);
uint64_t low_level_cost(const struct low_level *low_level, uint32_t width, uint32_t height);

#endif
