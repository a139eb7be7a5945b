/*
 * sharpness_contrast.c - edges exaggerated, tones spread or squeezed.
 */
#include "operations.h"

#include <stdlib.h>
#include <string.h>

#include "lab.h"

/* An unsharp mask on lightness; its Gaussian is cut off at one standard deviation, as published. */
bool high_sharpen(struct photo *photo, double amount, uint64_t seed)
{
    (void)seed;
    const size_t count = pixel_count(photo);
    struct lab lab;
    if (!lab_allocate(&lab, count))
        return false;
    float *blurred = malloc(count * sizeof *blurred);
    bool done = blurred != NULL;
    if (done) {
        lab_from_rgb(&lab, photo->pixels, count);
        memcpy(blurred, lab.lightness, count * sizeof *blurred);
        done = blur_gaussian((struct raster){blurred, photo->width, photo->height, 1}, 6, 6);
    }
    if (done) {
        for (size_t i = 0; i < count; i++)
            lab.lightness[i] += (float)amount * (lab.lightness[i] - blurred[i]);
        lab_to_rgb(&lab, photo->pixels, count);
    }
    free(blurred);
    lab_free(&lab);
    return done;
}

/*
 * The not-a-knot cubic spline through (0, 0), (0.3, 0.25 - v / 4), (0.5, 0.5), (0.7, 0.75 + v / 4)
 * and (1, 1).  Its first two pieces are one cubic, and so are its last two; the points lie
 * symmetrically about (0.5, 0.5), where the two cubics meet with equal slope and curvature: so the
 * curvature there is 0, and the whole is 0.5 + slope * t + bend * t^3, with t = x - 0.5.
 */
bool linear_contrast(struct photo *photo, double amount, uint64_t seed)
{
    (void)seed;
    const double bend = -(0.05 + amount / 4) / 0.042;
    const float cubic = (float)bend, slope = (float)(1 - bend / 4);
    const size_t values = 3 * pixel_count(photo);
    for (size_t i = 0; i < values; i++) {
        const float t = photo->pixels[i] - 0.5f;
        photo->pixels[i] = 0.5f + t * (slope + cubic * t * t);
    }
    return true;
}

bool non_linear_contrast(struct photo *photo, double half_range, uint64_t seed)
{
    (void)seed;
    const float lowest = (float)(0.5 - half_range), range = (float)(2 * half_range);
    const size_t values = 3 * pixel_count(photo);
    for (size_t i = 0; i < values; i++)
        photo->pixels[i] = lowest + range * photo->pixels[i];
    return true;
}
