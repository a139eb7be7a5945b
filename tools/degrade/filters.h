/*
 * filters.h - weighted sums over the surroundings of each pixel; beyond a border its last pixel
 * counts.  Pictures may be smaller than the surroundings.
 */
#ifndef QUALICLIP_DEGRADE_FILTERS_H
#define QUALICLIP_DEGRADE_FILTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows of `width` pixels of `channels` interleaved floats. */
struct raster {
    float *values;
    size_t width, height, channels;
};

/* One pixel of the surroundings, and its weight. */
struct tap {
    int x, y;
    float weight;
};

/* In place; the kernel is (2 * radius + 1) pixels wide and high.  False: no memory, nothing done.
 */
bool blur_gaussian(struct raster raster, double sigma, size_t radius);

/* The radius that the degradations use where they name none: two standard deviations. */
size_t gaussian_radius(double sigma);

/* In place: every pixel becomes the weighted sum of those that the taps point to. */
bool correlate(struct raster raster, const struct tap *taps, size_t count);

#endif
