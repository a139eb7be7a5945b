/*
 * picture.h - what picture.c, the decoders and the scorer share of image files.
 *
 * A decoder turns the bytes of a file into rows of pixels, from the first to the last, some at a
 * time.  It never prints, never exits, and leaves nothing allocated but itself.  The headers of
 * libpng and libjpeg are included by their own decoder only.
 */
#ifndef QUALICLIP_PICTURE_H
#define QUALICLIP_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qualiclip.h"
#include "status.h"

/* The bytes of an image file, and what is said if they cannot be decoded. */
struct encoded_image {
    const uint8_t *data;
    size_t size;
    const char *name; /* begins each message */
    uint64_t max_pixels;
    uint32_t scaled_for; /* see qc_picture_options; 0: not at all */
    struct message *message;
};

/* What a file's header says. */
struct picture_header {
    uint32_t width, height;
    qc_pixel_format format; /* QC_PIXEL_RGB or QC_PIXEL_RGBA */
    unsigned reduction;     /* sides were so many times as long in the file: 1, 2, 4 or 8 */
    bool interlaced;        /* rows are not complete before the end: all must be read at once */
};

struct codec {
    const char *name;
    uint8_t signature[4];
    size_t signature_size;

    /*
     * Reads the header; *decoder is to be closed where that succeeds.  `encoded` and what it points
     * to must live as long.  All of them NULL: not in this build.
     */
    qc_status (*open)(void **decoder, struct picture_header *header,
                      const struct encoded_image *encoded);

    /* Writes the next `count` rows; with the last one, checks that the file ends as it should. */
    qc_status (*read)(void *decoder, uint8_t *rows, size_t stride, uint32_t count);

    void (*close)(void *decoder);
};

extern const struct codec codec_png, codec_jpeg;

struct qc_picture {
    struct picture_header header;
    size_t stride;   /* bytes a row, no padding */
    uint8_t *pixels; /* NULL: not decoded */

    /* Where pixels come from while they are not decoded. */
    const struct codec *codec;
    struct encoded_image encoded;
    uint8_t *bytes; /* the file, if it is ours */
    void *decoder;  /* which has read the header; NULL: another must be opened */
};

/*
 * Refuses a size without pixels, or beyond max_pixels or IMAGE_SIDE_MAX.  For a decoder to call as
 * soon as it knows the size; it must not ask for memory that depends on the size before.
 */
qc_status picture_check_size(const struct encoded_image *encoded, uint32_t width, uint32_t height);

/* A decoder that has read the header, to be closed with picture->codec; `message` is for all it
 * says. */
qc_status picture_begin(qc_picture *picture, void **decoder, struct message *message);

/* Decodes all pixels, unless that has been done; the bytes of the file are then let go. */
qc_status picture_decode(qc_picture *picture, struct message *message);

#endif
