/*
 * degrade.h - the 24 synthetic degradations of the QualiCLIP method, five levels each.
 *
 * Shared by `qualiclip degrade`, the trainer and the evaluation.  Knows no files and no models; the
 * same image, type, level and seed give the same result anywhere.
 */
#ifndef QUALICLIP_DEGRADE_H
#define QUALICLIP_DEGRADE_H

#include <stdbool.h>
#include <stdint.h>

/* RGB, interleaved, rows without gaps; values in [0, 1]. */
struct photo {
    uint32_t width, height;
    float *pixels; /* 3 * width * height */
};

enum degradation_group {
    DEGRADE_BLUR,
    DEGRADE_COLOR,
    DEGRADE_COMPRESSION,
    DEGRADE_NOISE,
    DEGRADE_BRIGHTNESS,
    DEGRADE_SPATIAL,
    DEGRADE_SHARPNESS_CONTRAST,
    degradation_group_count
};

/* In the order of the table of degradations. */
enum degradation {
    DEGRADE_GAUSSIAN_BLUR,
    DEGRADE_LENS_BLUR,
    DEGRADE_MOTION_BLUR,
    DEGRADE_COLOR_DIFFUSION,
    DEGRADE_COLOR_SHIFT,
    DEGRADE_SATURATION_HSV,
    DEGRADE_SATURATION_LAB,
    DEGRADE_JPEG2000,
    DEGRADE_JPEG,
    DEGRADE_WHITE_NOISE,
    DEGRADE_WHITE_NOISE_YCBCR,
    DEGRADE_IMPULSE_NOISE,
    DEGRADE_MULTIPLICATIVE_NOISE,
    DEGRADE_BRIGHTEN,
    DEGRADE_DARKEN,
    DEGRADE_MEAN_SHIFT,
    DEGRADE_JITTER,
    DEGRADE_NON_ECCENTRICITY_PATCH,
    DEGRADE_PIXELATE,
    DEGRADE_QUANTIZATION,
    DEGRADE_COLOR_BLOCK,
    DEGRADE_HIGH_SHARPEN,
    DEGRADE_LINEAR_CONTRAST,
    DEGRADE_NON_LINEAR_CONTRAST,
    degradation_count
};

enum { degradation_levels = 5 };

struct degradation_kind {
    const char *name;  /* "gaussian-blur": the command line's */
    const char *title; /* "Gaussian blur": a figure's         */
    enum degradation_group group;
    double strength[degradation_levels]; /* the published parameter of levels 1 to 5 */
    /*
     * What a ranking may demand: how bad each level is against the others of this type, in [0, 5].
     * The level's number; 0 where a level is the identity.  Of mean shift and linear contrast,
     * whose parameter has a sign, levels are ranked by its absolute value: equal values are equally
     * bad.  (For linear contrast that is a convention: it is the identity not at 0 but at -0.2.)
     */
    double badness[degradation_levels];
};

extern const struct degradation_kind degradation_kinds[degradation_count];
extern const char *const degradation_group_titles[degradation_group_count];

/* "gaussian-blur" -> DEGRADE_GAUSSIAN_BLUR; false if there is none of the name. */
bool degradation_by_name(const char *name, enum degradation *type);

/*
 * The parameter at a level in [0, 5] (beyond, that of the nearest): at whole levels from 1 exactly
 * the published one, between them interpolated, and below 1 between level 1 and the identity, which
 * level 0 (nearly) is for every type but pixelate, which loses a twentieth of rows and columns, and
 * but quantization of images that lack tones, which it stretches.  Interpolated is the parameter
 * itself; of quantization the width of its bins; of mean shift and linear contrast, from level 1
 * on, the absolute value, with the sign of the nearest whole level.
 *
 * *badness likewise, if not NULL.  Of mean shift and linear contrast it rises with the absolute
 * value from level 1 on; below, where linear contrast goes on to its identity, with the level.
 */
double degradation_strength(enum degradation type, double level, double *badness);

/*
 * Degrades in place.  `strength` is the parameter, any finite number; `seed` decides all that is
 * random (angles, noise, places), and is to be the same for all levels of one series, so that they
 * differ in strength alone: noise is one field amplified, what few patches cover more cover too.
 * Values are clipped to [0, 1].  Counts of patches are meant for 512x384: they are scaled by the
 * area, and what is left of a whole patch is a smaller one.
 *
 * The result has the same bits on every machine, but for the codecs', which are as their libraries
 * round.  False if memory is short, the image is empty, or the codec that the type needs is not in
 * this build or fails; then the image is as it was.  Thread-safe; allocates what it needs
 * meanwhile: up to about five times the image.
 */
bool degrade(struct photo *photo, enum degradation type, double strength, uint64_t seed);

/* Whether this build can: JPEG 2000 needs OpenJPEG, JPEG libjpeg. */
bool degradation_available(enum degradation type);

#endif
