/*
 * resize.h - an image at another size, to the bit as Pillow's Image.resize(BICUBIC) makes it.
 *
 * Allocates nothing and makes no copy of the image: rows of the result are asked for in any order
 * and number, and only the rows and columns of the image that they need are read.
 */
#ifndef QUALICLIP_RESIZE_H
#define QUALICLIP_RESIZE_H

#include "arena.h"
#include "image.h"

/* What is wanted: the image at full_width x full_height, and of that a rectangle. */
struct resize_goal {
    uint64_t full_width, full_height, left, top;
    uint32_t width, height;
};

struct resize_limits {
    size_t side_in, side_out; /* the most pixels a side: of an image, of the rectangle */
    size_t reduction;         /* an image's side is at most so many times the full side */
};

/* The pixels of a row (or rows of a column) that make one of the result, and their weights. */
struct resize_taps {
    uint32_t first, count, weights;
};

struct resize_axis {
    struct resize_taps *taps; /* for each pixel of the rectangle's side */
    int32_t *weights;
    bool changes; /* else pixels are copied, from `first` of the first taps on */
};

/* Planned once; prepared for each image in turn. */
struct resize {
    struct resize_axis horizontal, vertical;
    uint32_t width;                /* of the rectangle */
    uint32_t column, column_count; /* the columns of the image that are read */
    size_t row_size;               /* bytes of scratch for a row of the image */
    uint32_t kept_rows;            /* rows that are kept between the passes */
};

void resize_plan(struct resize *resize, const struct resize_limits *limits, struct arena *arena);

/* Bytes of scratch that resize_rows() needs. */
size_t resize_scratch(const struct resize_limits *limits);

/* Computes the weights for images of width x height; they and the goal are within the limits. */
void resize_prepare(struct resize *resize, uint32_t width, uint32_t height,
                    const struct resize_goal *goal);

/*
 * Writes rows first ... first + count of the rectangle, R, G, B, R, ... without gaps.  May run at
 * once in several threads with scratch of their own.
 */
void resize_rows(const struct resize *resize, const kernel_set *kernels, const qc_image *image,
                 qc_background background, uint32_t first, uint32_t count, uint8_t *rgb,
                 uint8_t *scratch);

#endif
