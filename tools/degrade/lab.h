/*
 * lab.h - between RGB (sRGB, interleaved, [0, 1]) and CIELAB under D65, in planes.
 *
 * Lightness goes from 0 to 100; a and b are 0 for greys.  The results are those of the formulas to
 * about one in a million, and the same on every machine: no function of libm but the square root.
 */
#ifndef QUALICLIP_DEGRADE_LAB_H
#define QUALICLIP_DEGRADE_LAB_H

#include <stdbool.h>
#include <stddef.h>

struct lab {
    float *lightness, *a, *b; /* one block, which begins at `lightness` */
};

/* Room for `count` pixels; false if there is none. */
bool lab_allocate(struct lab *lab, size_t count);
void lab_free(struct lab *lab);

void lab_from_rgb(const struct lab *lab, const float *rgb, size_t count);

/* What is outside sRGB is clipped to [0, 1]. */
void lab_to_rgb(const struct lab *lab, float *rgb, size_t count);

#endif
