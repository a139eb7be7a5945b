/*
 * bands.h - consecutive rows of an image of activations, channels-last, that grow at the end and
 * are dropped at the front: what a layer keeps of an image that passes through it in pieces.
 */
#ifndef QUALICLIP_BANDS_H
#define QUALICLIP_BANDS_H

#include <stddef.h>
#include <string.h>

struct band {
    float *data;                    /* row `first` */
    size_t first, count;            /* the rows that are held */
    size_t height, width, channels; /* of the whole image */
};

static inline size_t band_row_floats(const struct band *band)
{
    return band->width * band->channels;
}

/* One beyond the last row that was ever added. */
static inline size_t band_end(const struct band *band)
{
    return band->first + band->count;
}

static inline float *band_row(const struct band *band, size_t row)
{
    return band->data + (row - band->first) * band_row_floats(band);
}

/* Room for `count` more rows, whose numbers the caller writes. */
static inline float *band_append(struct band *band, size_t count)
{
    float *rows = band_row(band, band_end(band));
    band->count += count;
    return rows;
}

/* Forgets the rows before `row`, which are at most those that are held. */
static inline void band_drop(struct band *band, size_t row)
{
    if (row <= band->first)
        return;
    size_t kept = band_end(band) - row;
    memmove(band->data, band_row(band, row), kept * band_row_floats(band) * sizeof *band->data);
    band->first = row;
    band->count = kept;
}

#endif
