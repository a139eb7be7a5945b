/*
 * film_layout.h - how a stream lays out a frame, where the library takes it otherwise: what lies in
 * the stream is read as it is, luma to where it stays, the rest behind the image, and put in place.
 */
#ifndef QUALICLIP_FILM_LAYOUT_H
#define QUALICLIP_FILM_LAYOUT_H

#include <stddef.h>

#include "qualiclip.h"

enum film_layout {
    LAYOUT_SAME,
    LAYOUT_ALPHA, /* a plane of alpha at the end, which is dropped */
    LAYOUT_411,   /* QC_PIXEL_I422, but for a chroma value for four pixels of a row */
    LAYOUT_420P10 /* QC_PIXEL_P010, but for planes of chroma, and the lowest bits count */
};

/* Bytes of a frame that stay where they are, of an image of `image_bytes` ... */
size_t layout_bytes_kept(enum film_layout layout, size_t image_bytes, uint32_t width,
                         uint32_t height);

/* ... and of what comes after them. */
size_t layout_bytes_apart(enum film_layout layout, uint32_t width, uint32_t height);

/* Makes the image of `pixels`, where what is kept was read, and of what came after. */
void layout_put(enum film_layout layout, const qc_image *image, void *pixels, const void *apart);

#endif
