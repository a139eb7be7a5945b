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
     * The level's number, but for mean shift and linear contrast, whose parameter has a sign: there
     * levels of the same absolute value are equally bad; 0 where a level is the identity.
     */
    double badness[degradation_levels];
};

extern const struct degradation_kind degradation_kinds[degradation_count];
extern const char *const degradation_group_titles[degradation_group_count];

/* "gaussian-blur" -> DEGRADE_GAUSSIAN_BLUR; false if there is none of the name. */
bool degradation_by_name(const char *name, enum degradation *type);

/*
 * The parameter at a level from 0 (or a little above: hardly anything) to 5, interpolated between
 * the published ones; at whole levels from 1 exactly those.  *badness likewise, if not NULL.
 */
double degradation_strength(enum degradation type, double level, double *badness);

/*
 * Degrades in place.  `strength` is the parameter; `seed` decides all that is random (angles,
 * noise, places), and is the same for all levels of one series, so that they differ in strength
 * alone. Values are clipped to [0, 1].  False if memory is short, the image is empty, or the codec
 * that the type needs is not in this build or fails; then the image is as it was. Thread-safe;
 * allocates what it needs meanwhile.
 */
bool degrade(struct photo *photo, enum degradation type, double strength, uint64_t seed);

/* Whether this build can: JPEG 2000 needs OpenJPEG, JPEG libjpeg. */
bool degradation_available(enum degradation type);

#endif
