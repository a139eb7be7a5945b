/*
 * fit_photo.c - area averaging, first along the rows, then along the columns.
 */
#include "fit_photo.h"

#include <math.h>
#include <stdlib.h>

#include "../memory.h"

/* The part of a row or column of `from` pixels that pixel `index` of `to` covers. */
struct span {
    uint32_t first, last; /* pixels, both included               */
    float head, tail;     /* how much of the two, each in (0, 1] */
    float area;           /* from / to                           */
};

static struct span span_of(uint32_t index, uint32_t from, uint32_t to)
{
    const uint64_t start = (uint64_t)index * from, end = start + from; /* in 1/to of a pixel */
    struct span span = {.first = (uint32_t)(start / to), .last = (uint32_t)((end - 1) / to)};
    span.area = (float)from / (float)to;
    span.head = (float)(to - start % to) / (float)to;
    span.tail = (float)((end - 1) % to + 1) / (float)to;
    if (span.first == span.last)
        span.head = span.area;
    return span;
}

static float weight_at(const struct span *span, uint32_t position)
{
    return position == span->first ? span->head : position == span->last ? span->tail : 1.0f;
}

/* A row, scaled along its length: 3 * to numbers in [0, 1]. */
static void scale_row(const uint8_t *row, size_t pixel_size, uint32_t from, uint32_t to,
                      float *scaled)
{
    for (uint32_t x = 0; x < to; x++) {
        const struct span span = span_of(x, from, to);
        float sum[3] = {0};
        for (uint32_t i = span.first; i <= span.last; i++) {
            const float weight = weight_at(&span, i);
            for (size_t c = 0; c < 3; c++)
                sum[c] += weight * (float)row[i * pixel_size + c];
        }
        for (size_t c = 0; c < 3; c++)
            scaled[3 * x + c] = sum[c] / (255.0f * span.area);
    }
}

/* All that is looked at of the picture, width x height pixels of it. */
static bool scale(const qc_image *picture, uint32_t width, uint32_t height, struct photo *photo)
{
    const size_t pixel_size = picture->format == QC_PIXEL_RGB    ? 3
                              : picture->format == QC_PIXEL_RGBA ? 4
                                                                 : 0;
    if (!width || !height || width > picture->width || height > picture->height || !pixel_size)
        return false;
    const size_t row_size = (size_t)3 * width;
    float *pixels = reallocate(NULL, height, row_size * sizeof *pixels);
    float *scaled = reallocate(NULL, row_size, sizeof *scaled);
    for (uint32_t y = 0; y < height; y++) {
        const struct span span = span_of(y, picture->height, height);
        float *out = pixels + y * row_size;
        for (size_t i = 0; i < row_size; i++)
            out[i] = 0;
        for (uint32_t i = span.first; i <= span.last; i++) {
            const uint8_t *row = picture->planes[0] +
                                 (ptrdiff_t)(picture->top + i) * picture->strides[0] +
                                 picture->left * pixel_size;
            const float weight = weight_at(&span, i) / span.area;
            scale_row(row, pixel_size, picture->width, width, scaled);
            for (size_t j = 0; j < row_size; j++)
                out[j] += weight * scaled[j];
        }
        for (size_t i = 0; i < row_size; i++)
            out[i] = fminf(out[i], 1.0f); /* rounding may leave white a hair above it */
    }
    free(scaled);
    *photo = (struct photo){width, height, pixels};
    return true;
}

bool fit_photo(const qc_image *picture, uint32_t side, struct photo *photo)
{
    qc_image square = *picture;
    if (picture->width < picture->height)
        square.height = picture->width;
    else
        square.width = picture->height;
    square.left += (picture->width - square.width) / 2;
    square.top += (picture->height - square.height) / 2;
    return scale(&square, side, side, photo);
}

bool shrink_photo(const qc_image *picture, uint32_t width, uint32_t height, struct photo *photo)
{
    const double across = (double)width / picture->width, down = (double)height / picture->height;
    const double factor = fmin(fmin(across, down), 1);
    width = (uint32_t)fmax(1, floor(factor * picture->width + 0.5));
    height = (uint32_t)fmax(1, floor(factor * picture->height + 0.5));
    return scale(picture, width, height, photo);
}

void photo_to_bytes(const struct photo *photo, uint8_t *bytes)
{
    const size_t count = (size_t)3 * photo->width * photo->height;
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(255.0f * photo->pixels[i] + 0.5f);
}
