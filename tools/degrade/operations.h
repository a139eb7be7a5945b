/*
 * operations.h - the degradations one by one, in groups a file each; degrade.c calls them.
 *
 * Each works in place on an image that is not empty, with a finite strength, and leaves clipping
 * to its caller.  False: there was no memory (or the codec failed), and nothing has been done.
 */
#ifndef QUALICLIP_DEGRADE_OPERATIONS_H
#define QUALICLIP_DEGRADE_OPERATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "degrade.h"
#include "filters.h"

typedef bool operation(struct photo *photo, double strength, uint64_t seed);

operation gaussian_blur, lens_blur, motion_blur;
operation color_diffusion, color_shift, saturation_hsv, saturation_lab;
operation jpeg2000, jpeg;
operation white_noise, white_noise_ycbcr, impulse_noise, multiplicative_noise;
operation brighten, darken, mean_shift;
operation jitter, non_eccentricity_patch, pixelate, quantization, color_block;
operation high_sharpen, linear_contrast, non_linear_contrast;

static inline struct raster raster_of(const struct photo *photo)
{
    return (struct raster){photo->pixels, photo->width, photo->height, 3};
}

static inline size_t pixel_count(const struct photo *photo)
{
    return (size_t)photo->width * photo->height;
}

#endif
