/*
 * kinds.c - the table of degradations: names, groups, published strengths, and what lies between.
 */
#include "degrade.h"

#include <string.h>

const char *const degradation_group_titles[degradation_group_count] = {
    [DEGRADE_BLUR] = "Blur",
    [DEGRADE_COLOR] = "Color",
    [DEGRADE_COMPRESSION] = "Compression",
    [DEGRADE_NOISE] = "Noise",
    [DEGRADE_BRIGHTNESS] = "Brightness",
    [DEGRADE_SPATIAL] = "Spatial",
    [DEGRADE_SHARPNESS_CONTRAST] = "Sharpness, contrast",
};

/* clang-format off */
#define BY_LEVEL  {1, 2, 3, 4, 5}
#define NOTHING_1 {0, 2, 3, 4, 5} /* level 1 is the identity */

const struct degradation_kind degradation_kinds[degradation_count] = {
    [DEGRADE_GAUSSIAN_BLUR] = {"gaussian-blur", "Gaussian blur", DEGRADE_BLUR,
        {0.1, 0.5, 1, 2, 5}, NOTHING_1},
    [DEGRADE_LENS_BLUR] = {"lens-blur", "Lens blur", DEGRADE_BLUR,
        {1, 2, 4, 6, 8}, BY_LEVEL},
    [DEGRADE_MOTION_BLUR] = {"motion-blur", "Motion blur", DEGRADE_BLUR,
        {1, 2, 4, 6, 10}, NOTHING_1},
    [DEGRADE_COLOR_DIFFUSION] = {"color-diffusion", "Color diffusion", DEGRADE_COLOR,
        {1, 3, 6, 8, 12}, BY_LEVEL},
    [DEGRADE_COLOR_SHIFT] = {"color-shift", "Color shift", DEGRADE_COLOR,
        {1, 3, 6, 8, 12}, BY_LEVEL},
    [DEGRADE_SATURATION_HSV] = {"saturation-hsv", "Saturation (HSV)", DEGRADE_COLOR,
        {0.4, 0.2, 0.1, 0, -0.4}, BY_LEVEL},
    [DEGRADE_SATURATION_LAB] = {"saturation-lab", "Saturation (LAB)", DEGRADE_COLOR,
        {1, 2, 3, 6, 9}, NOTHING_1},
    [DEGRADE_JPEG2000] = {"jpeg2000", "JPEG 2000", DEGRADE_COMPRESSION,
        {16, 32, 45, 120, 170}, BY_LEVEL},
    [DEGRADE_JPEG] = {"jpeg", "JPEG", DEGRADE_COMPRESSION,
        {43, 36, 24, 7, 4}, BY_LEVEL},
    [DEGRADE_WHITE_NOISE] = {"white-noise", "White noise", DEGRADE_NOISE,
        {0.001, 0.002, 0.003, 0.005, 0.01}, BY_LEVEL},
    [DEGRADE_WHITE_NOISE_YCBCR] = {"white-noise-ycbcr", "White noise (YCbCr)", DEGRADE_NOISE,
        {0.0001, 0.0005, 0.001, 0.002, 0.003}, BY_LEVEL},
    [DEGRADE_IMPULSE_NOISE] = {"impulse-noise", "Impulse noise", DEGRADE_NOISE,
        {0.001, 0.005, 0.01, 0.02, 0.03}, BY_LEVEL},
    [DEGRADE_MULTIPLICATIVE_NOISE] = {"multiplicative-noise", "Multiplicative noise", DEGRADE_NOISE,
        {0.001, 0.005, 0.01, 0.02, 0.05}, BY_LEVEL},
    [DEGRADE_BRIGHTEN] = {"brighten", "Brighten", DEGRADE_BRIGHTNESS,
        {0.1, 0.2, 0.4, 0.7, 1.1}, BY_LEVEL},
    [DEGRADE_DARKEN] = {"darken", "Darken", DEGRADE_BRIGHTNESS,
        {0.05, 0.1, 0.2, 0.4, 0.8}, BY_LEVEL},
    [DEGRADE_MEAN_SHIFT] = {"mean-shift", "Mean shift", DEGRADE_BRIGHTNESS,
        {0, 0.08, -0.08, 0.15, -0.15}, {0, 2.5, 2.5, 4.5, 4.5}},
    [DEGRADE_JITTER] = {"jitter", "Jitter", DEGRADE_SPATIAL,
        {0.05, 0.1, 0.2, 0.5, 1}, BY_LEVEL},
    [DEGRADE_NON_ECCENTRICITY_PATCH] = {"non-eccentricity-patch", "Non-eccentricity patch",
        DEGRADE_SPATIAL, {20, 40, 60, 80, 100}, BY_LEVEL},
    [DEGRADE_PIXELATE] = {"pixelate", "Pixelate", DEGRADE_SPATIAL,
        {0.01, 0.05, 0.1, 0.2, 0.5}, BY_LEVEL},
    [DEGRADE_QUANTIZATION] = {"quantization", "Quantization", DEGRADE_SPATIAL,
        {20, 16, 13, 10, 7}, BY_LEVEL},
    [DEGRADE_COLOR_BLOCK] = {"color-block", "Color block", DEGRADE_SPATIAL,
        {2, 4, 6, 8, 10}, BY_LEVEL},
    [DEGRADE_HIGH_SHARPEN] = {"high-sharpen", "High sharpen", DEGRADE_SHARPNESS_CONTRAST,
        {1, 2, 3, 6, 12}, BY_LEVEL},
    [DEGRADE_LINEAR_CONTRAST] = {"linear-contrast", "Linear contrast", DEGRADE_SHARPNESS_CONTRAST,
        {0, 0.15, -0.4, 0.3, -0.6}, {1, 2, 4, 3, 5}},
    [DEGRADE_NON_LINEAR_CONTRAST] = {"non-linear-contrast", "Non-linear contrast",
        DEGRADE_SHARPNESS_CONTRAST, {0.4, 0.3, 0.2, 0.1, 0.05}, BY_LEVEL},
};
/* clang-format on */

/* The strength at which an image stays, or nearly stays, as it is: level 0. */
static double neutral_strength(enum degradation type)
{
    switch (type) {
    case DEGRADE_MOTION_BLUR:
    case DEGRADE_SATURATION_HSV:
    case DEGRADE_SATURATION_LAB:
    case DEGRADE_JPEG2000: return 1;
    case DEGRADE_JPEG: return 100;
    case DEGRADE_QUANTIZATION: return 256;
    case DEGRADE_LINEAR_CONTRAST: return -0.2;
    case DEGRADE_NON_LINEAR_CONTRAST: return 0.5;
    default: return 0;
    }
}

bool degradation_by_name(const char *name, enum degradation *type)
{
    for (int i = 0; i < degradation_count; i++)
        if (strcmp(name, degradation_kinds[i].name) == 0) {
            *type = (enum degradation)i;
            return true;
        }
    return false;
}

static double magnitude(double x)
{
    return x < 0 ? -x : x;
}

/* How bad a signed strength is: between the published ones next to it in absolute value. */
static double badness_of(const struct degradation_kind *kind, double strength)
{
    const double wanted = magnitude(strength);
    double lower = -1, upper = 2, low = 0, high = 0;
    for (int i = 0; i < degradation_levels; i++) {
        const double published = magnitude(kind->strength[i]);
        if (published <= wanted && published > lower) {
            lower = published;
            low = kind->badness[i];
        }
        if (published >= wanted && published < upper) {
            upper = published;
            high = kind->badness[i];
        }
    }
    return upper > lower ? low + (wanted - lower) / (upper - lower) * (high - low) : low;
}

static double between(double from, double to, double share)
{
    return from + share * (to - from);
}

double degradation_strength(enum degradation type, double level, double *badness)
{
    const struct degradation_kind *kind = &degradation_kinds[type];
    level = level > 0 ? level < degradation_levels ? level : degradation_levels : 0;
    const int below = (int)level;
    const double share = level - below;
    const double from = below ? kind->strength[below - 1] : neutral_strength(type);
    const double from_badness = below ? kind->badness[below - 1] : 0;
    if (share == 0) {
        if (badness)
            *badness = from_badness;
        return from;
    }
    const double to = kind->strength[below];
    const bool is_signed = type == DEGRADE_MEAN_SHIFT || type == DEGRADE_LINEAR_CONTRAST;
    if (badness)
        *badness = between(from_badness, kind->badness[below], share);
    if (is_signed && below) {
        const double size = between(magnitude(from), magnitude(to), share);
        const double strength = (share < 0.5 ? from : to) < 0 ? -size : size;
        if (badness)
            *badness = badness_of(kind, strength);
        return strength;
    }
    if (type == DEGRADE_QUANTIZATION) /* by the width of a bin */
        return 1 / between(1 / from, 1 / to, share);
    return between(from, to, share);
}
