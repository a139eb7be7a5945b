/*
 * degrade.c - one degradation of one image: finds it, does it, clips.
 */
#include "degrade.h"

#include <math.h>

#include "operations.h"
#include "random.h"

/* No image in memory is larger, and sums of a few borders and copies of it fit in a size_t. */
static const uint64_t most_values = SIZE_MAX / 64;

/* Far beyond any published strength: casts stay defined, and counts of patches finite. */
static const double strongest = 1e6;

static operation *const operations[degradation_count] = {
    [DEGRADE_GAUSSIAN_BLUR] = gaussian_blur,
    [DEGRADE_LENS_BLUR] = lens_blur,
    [DEGRADE_MOTION_BLUR] = motion_blur,
    [DEGRADE_COLOR_DIFFUSION] = color_diffusion,
    [DEGRADE_COLOR_SHIFT] = color_shift,
    [DEGRADE_SATURATION_HSV] = saturation_hsv,
    [DEGRADE_SATURATION_LAB] = saturation_lab,
    [DEGRADE_JPEG2000] = jpeg2000,
    [DEGRADE_JPEG] = jpeg,
    [DEGRADE_WHITE_NOISE] = white_noise,
    [DEGRADE_WHITE_NOISE_YCBCR] = white_noise_ycbcr,
    [DEGRADE_IMPULSE_NOISE] = impulse_noise,
    [DEGRADE_MULTIPLICATIVE_NOISE] = multiplicative_noise,
    [DEGRADE_BRIGHTEN] = brighten,
    [DEGRADE_DARKEN] = darken,
    [DEGRADE_MEAN_SHIFT] = mean_shift,
    [DEGRADE_JITTER] = jitter,
    [DEGRADE_NON_ECCENTRICITY_PATCH] = non_eccentricity_patch,
    [DEGRADE_PIXELATE] = pixelate,
    [DEGRADE_QUANTIZATION] = quantization,
    [DEGRADE_COLOR_BLOCK] = color_block,
    [DEGRADE_HIGH_SHARPEN] = high_sharpen,
    [DEGRADE_LINEAR_CONTRAST] = linear_contrast,
    [DEGRADE_NON_LINEAR_CONTRAST] = non_linear_contrast,
};

static void clip(struct photo *photo)
{
    const size_t values = 3 * pixel_count(photo);
    for (size_t i = 0; i < values; i++) {
        const float x = photo->pixels[i];
        photo->pixels[i] = x > 0 ? x < 1 ? x : 1 : 0;
    }
}

bool degrade(struct photo *photo, enum degradation type, double strength, uint64_t seed)
{
    const uint64_t pixels = (uint64_t)photo->width * photo->height;
    if (pixels == 0 || pixels > most_values / 3 || !isfinite(strength))
        return false;
    strength = strength > strongest ? strongest : strength < -strongest ? -strongest : strength;
    /* Each type has chances of its own: where noise falls says nothing of where patches do. */
    if (!operations[type](photo, strength, random_word(seed, type)))
        return false;
    clip(photo);
    return true;
}

bool degradation_available(enum degradation type)
{
    switch (type) {
#if !QUALICLIP_JPEG
    case DEGRADE_JPEG: return false;
#endif
#if !QUALICLIP_JPEG2000
    case DEGRADE_JPEG2000: return false;
#endif
    default: return true;
    }
}
