/*
 * degrade_photos.h - pictures for the tests of degradations, and how two of them compare.
 */
#ifndef QUALICLIP_DEGRADE_PHOTOS_H
#define QUALICLIP_DEGRADE_PHOTOS_H

#include <stddef.h>

#include "degrade.h"

/* All of one colour. */
struct photo photo_flat(uint32_t width, uint32_t height, float red, float green, float blue);

/* Slopes, edges, colours, fine texture and (where large) nearly all tones; always the same. */
struct photo photo_textured(uint32_t width, uint32_t height);

struct photo photo_copy(const struct photo *photo);
void photo_free(struct photo *photo);

size_t photo_values(const struct photo *photo);
float *photo_pixel(const struct photo *photo, uint32_t x, uint32_t y);

bool photo_equal(const struct photo *left, const struct photo *right);
double photo_distance(const struct photo *left, const struct photo *right); /* root mean square */
double photo_farthest(const struct photo *left, const struct photo *right);

/* A degraded copy at a whole level or between; the test fails where that fails. */
struct photo photo_degraded(const struct photo *photo, enum degradation type, double level,
                            uint64_t seed);

#endif
