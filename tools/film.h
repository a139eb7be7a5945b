/*
 * film.h - frames one after another out of a stream: YUV4MPEG2, or raw frames of a format that is
 * known beforehand.  Reads forwards only, so that a pipe will do.
 */
#ifndef QUALICLIP_FILM_H
#define QUALICLIP_FILM_H

#include <stdbool.h>
#include <stdio.h>

#include "film_layout.h"
#include "qualiclip.h"

/* What frames are, as far as the user says; zeros where not. */
struct film_options {
    bool raw; /* frames of `format`, `width` and `height`, and nothing between them */
    qc_pixel_format format;
    enum film_layout layout;
    uint32_t width, height;
    bool has_matrix;
    qc_matrix matrix; /* else BT.709 from 720 rows on, and BT.601 below */
    qc_range range;   /* QC_RANGE_DEFAULT: what the stream says */
};

/* "nv12:1920x1080"; NULL, or what was expected. */
const char *film_parse_raw(const char *text, struct film_options *options);

/* "bt601", "bt709" or "bt2020". */
bool film_parse_matrix(const char *text, struct film_options *options);

struct film {
    FILE *stream;
    bool raw;
    qc_image frame; /* of pixels that are not there yet */
    enum film_layout layout;
    size_t image_bytes;             /* of those pixels */
    size_t kept_bytes, apart_bytes; /* of a frame in the stream */
    size_t frame_bytes;             /* that a frame takes while it is read */
    uint64_t frames;                /* read so far */
};

/* Whether a file, or what comes next on standard input ("-"), begins as YUV4MPEG2 does. */
bool film_is_y4m(const char *path);

/* Reads what is before the first frame.  The stream stays the caller's. */
bool film_open(struct film *film, FILE *stream, const struct film_options *options, char *message);

enum film_step { FILM_FRAME, FILM_END, FILM_FAILED };

/* The next frame into `pixels` (film->frame_bytes); a failure has a message, and is the end. */
enum film_step film_read(struct film *film, void *pixels, qc_image *image, char *message);

#endif
