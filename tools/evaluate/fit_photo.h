/*
 * fit_photo.h - a decoded picture at a smaller size, each pixel the mean of the area it stands for:
 * squares that models are judged on, thumbnails of what was judged.
 *
 * Nothing is ever enlarged; alpha is dropped.  The pixels are the caller's to free.
 */
#ifndef QUALICLIP_FIT_PHOTO_H
#define QUALICLIP_FIT_PHOTO_H

#include <stdbool.h>
#include <stdint.h>

#include "degrade.h"
#include "qualiclip.h"

/*
 * The largest square about the picture's centre, side x side.  False if the picture is smaller than
 * that, or of another format than pictures have.
 */
bool fit_photo(const qc_image *picture, uint32_t side, struct photo *photo);

/* The whole picture within width x height, its sides in proportion.  False as above. */
bool shrink_photo(const qc_image *picture, uint32_t width, uint32_t height, struct photo *photo);

/* Rounds to 8 bits, R, G, B, ...: 3 * width * height of them. */
void photo_to_bytes(const struct photo *photo, uint8_t *bytes);

#endif
