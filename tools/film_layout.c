/*
 * film_layout.c - chroma for more pixels is the value that each of them has; words keep their
 * value.
 */
#include "film_layout.h"

#include <string.h>

/* Of a plane of chroma, where one value is for so many pixels. */
static size_t part(uint32_t side, unsigned pixels)
{
    return ((size_t)side + pixels - 1) / pixels;
}

size_t layout_bytes_kept(enum film_layout layout, size_t image_bytes, uint32_t width,
                         uint32_t height)
{
    const size_t luma = (size_t)width * height;
    return layout == LAYOUT_411 ? luma : layout == LAYOUT_420P10 ? 2 * luma : image_bytes;
}

size_t layout_bytes_apart(enum film_layout layout, uint32_t width, uint32_t height)
{
    switch (layout) {
    case LAYOUT_ALPHA: return (size_t)width * height;
    case LAYOUT_411: return 2 * part(width, 4) * height;
    case LAYOUT_420P10: return 2 * sizeof(uint16_t) * part(width, 2) * part(height, 2);
    default: return 0;
    }
}

static void put_411(const qc_image *image, uint8_t *chroma, const uint8_t *from)
{
    const size_t row = part(image->width, 2), row_from = part(image->width, 4);
    for (size_t y = 0; y < 2 * (size_t)image->height; y++) /* of both planes */
        for (size_t x = 0; x < row; x++)
            chroma[y * row + x] = from[y * row_from + x / 2];
}

/* The ten lowest bits of two bytes, low byte first, in the ten highest of a word. */
static uint16_t highest_bits(const uint8_t *bytes)
{
    const unsigned value = (unsigned)bytes[0] | (unsigned)bytes[1] << 8;
    return (uint16_t)((value < 1023 ? value : 1023) << 6);
}

static void put_420p10(const qc_image *image, uint8_t *pixels, const uint8_t *from)
{
    const size_t luma = (size_t)image->width * image->height;
    const size_t chroma = part(image->width, 2) * part(image->height, 2);
    for (size_t i = 0; i < luma; i++) {
        const uint16_t word = highest_bits(pixels + 2 * i);
        memcpy(pixels + 2 * i, &word, sizeof word);
    }
    pixels += 2 * luma;
    for (size_t i = 0; i < chroma; i++) {
        const uint16_t words[] = {highest_bits(from + 2 * i),
                                  highest_bits(from + 2 * (chroma + i))};
        memcpy(pixels + sizeof words * i, words, sizeof words);
    }
}

void layout_put(enum film_layout layout, const qc_image *image, void *pixels, const void *apart)
{
    const size_t luma = (size_t)image->width * image->height;
    if (layout == LAYOUT_411)
        put_411(image, (uint8_t *)pixels + luma, apart);
    else if (layout == LAYOUT_420P10)
        put_420p10(image, pixels, apart);
}
