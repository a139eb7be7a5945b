/*
 * regions.h - which part of which photo is looked at: cut out, judged for detail and colour.
 */
#ifndef QUALICLIP_TRAIN_REGIONS_H
#define QUALICLIP_TRAIN_REGIONS_H

#include "degrade.h"
#include "photo_set.h"
#include "draws.h"
#include "recipe.h"

/* The region that both crops of a photo lie in: at most this many pixels a side. */
uint32_t region_most(uint32_t crop);

/*
 * Chooses a photo, one of its sizes and a place, and copies the pixels, perhaps mirrored, to
 * region->pixels, which has room for region_most() squared.  The region is as the degradation needs
 * it: with detail in each quarter, with colours; after a number of tries the best that was seen.
 */
void region_choose(const struct photo_set *photos, const struct batch_recipe *recipe,
                   enum degradation type, struct draws *draws, struct photo *region);

/* The mean absolute Laplacian of the luma in the quarter in which it is least; in [0, 8]. */
double region_detail(const struct photo *region);

/* The mean difference between the largest and the smallest channel of a pixel. */
double region_colour(const struct photo *region);

#endif
