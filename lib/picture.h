/*
 * picture.h - what picture.c and the decoders share.
 *
 * A decoder turns the bytes of a file into the pixels of a qc_picture.  It never prints, never
 * exits, and leaves nothing allocated but those pixels.  The headers of libpng and libjpeg are
 * included by their own decoder only.
 */
#ifndef QUALICLIP_PICTURE_H
#define QUALICLIP_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "qualiclip.h"
#include "status.h"

struct qc_picture {
    qc_pixel_format format; /* QC_PIXEL_RGB or QC_PIXEL_RGBA */
    uint32_t width, height;
    size_t stride; /* bytes a row, no padding */
    uint8_t *pixels;
};

/* The bytes of an image file, and what is said if they cannot be decoded. */
struct encoded_image {
    const uint8_t *data;
    size_t size;
    const char *name; /* begins each message */
    uint64_t max_pixels;
    struct message *message;
};

/*
 * Refuses a size without pixels, or beyond max_pixels or IMAGE_SIDE_MAX.  For a decoder to call as
 * soon as it knows the size; it must not ask for memory that depends on the size before.
 */
qc_status picture_check_size(const struct encoded_image *encoded, uint32_t width, uint32_t height);

/* Makes room for the pixels, which are not set, after picture_check_size(). */
qc_status picture_allocate(qc_picture *picture, const struct encoded_image *encoded, uint32_t width,
                           uint32_t height, qc_pixel_format format);

/* Where these fail, pixels that were allocated are freed by the caller. */
qc_status decode_png(qc_picture *picture, const struct encoded_image *encoded);
qc_status decode_jpeg(qc_picture *picture, const struct encoded_image *encoded);

#endif
