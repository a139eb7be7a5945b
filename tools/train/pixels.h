/*
 * pixels.h - bytes of an image, interleaved, to CLIP's normalised planes and back.
 */
#ifndef QUALICLIP_TRAIN_PIXELS_H
#define QUALICLIP_TRAIN_PIXELS_H

#include <stddef.h>

/* The normalised number of each byte, for each channel. */
struct byte_table {
    float values[3][256];
};

void byte_table_fill(struct byte_table *table);

void bytes_to_pixels(const struct byte_table *table, const unsigned char *bytes, size_t area,
                     float *pixels);

/* The bytes that the planes were made from. */
void pixels_to_bytes(const float *pixels, size_t area, unsigned char *bytes);

#endif
