/*
 * image.c - the caller's pixels as the first layer of a tower wants them.
 *
 * Bytes are looked up in a table of normalised floats, directly where they lie.  Only rows that
 * must first be converted, or composed over a background, pass through scratch.
 */
#include "image.h"

#include <stdbool.h>
#include <string.h>

#include "compiler.h"
#include "frame_rows.h"
#include "pixel_format.h"

void pixel_table_fill(struct pixel_table *table, const float mean[3], const float std[3])
{
    for (int c = 0; c < 3; c++) {
        for (int v = 0; v < 256; v++)
            table->value[c][v] = ((float)v / 255.0f - mean[c]) / std[c];
    }
}

/* Of formats with a byte a channel: pixel x of row y. */
static const uint8_t *pixel_at(const qc_image *image, uint32_t y, uint32_t x)
{
    return image->planes[0] + (ptrdiff_t)(image->top + y) * image->strides[0] +
           (size_t)(image->left + x) * pixel_format_of(image->format)->planes[0].bytes;
}

/* Correctly rounded: 255 is odd, so a tie cannot occur. */
static uint8_t compose(unsigned value, unsigned alpha, unsigned background)
{
    return (uint8_t)((alpha * value + (255 - alpha) * background + 127) / 255);
}

static bool must_compose(const qc_image *image, qc_background background)
{
    return background != QC_BACKGROUND_DROP && pixel_format_of(image->format)->alpha >= 0;
}

void image_row_rgb(const kernel_set *kernels, const qc_image *image, qc_background background,
                   uint32_t y, uint32_t x, uint32_t count, uint8_t *rgb)
{
    if (frame_converts(image)) {
        frame_row_rgb(kernels, image, y, x, count, rgb);
        return;
    }
    const struct pixel_format *format = pixel_format_of(image->format);
    const size_t step = format->planes[0].bytes;
    const uint8_t *pixel = pixel_at(image, y, x);
    if (must_compose(image, background)) {
        unsigned behind = background == QC_BACKGROUND_WHITE ? 255 : 0;
        for (uint32_t i = 0; i < count; i++, pixel += step) {
            for (int c = 0; c < 3; c++)
                *rgb++ = compose(pixel[format->samples[c].offset], pixel[format->alpha], behind);
        }
    } else if (image->format == QC_PIXEL_RGB) {
        memcpy(rgb, pixel, (size_t)count * 3);
    } else {
        const uint8_t bytes[3] = {format->samples[0].offset, format->samples[1].offset,
                                  format->samples[2].offset};
        kernels->bytes_to_rgb(rgb, pixel, step, bytes, count);
    }
}

/* Where the channels of a pixel are, in bytes from its start. */
struct layout {
    size_t step; /* bytes from one pixel to the next: 1, 3 or 4 */
    size_t channel[3];
};

/* Whether rows have to be converted or composed before they are looked up. */
static bool needs_scratch(const qc_image *image, qc_background background)
{
    return frame_converts(image) || must_compose(image, background);
}

/* Row y as bytes in one of the layouts: where it lies, or made in `scratch`. */
static const uint8_t *plain_row(const kernel_set *kernels, const qc_image *image,
                                qc_background background, uint32_t y, uint8_t *scratch)
{
    if (!needs_scratch(image, background))
        return pixel_at(image, y, 0);
    image_row_rgb(kernels, image, background, y, 0, image->width, scratch);
    return scratch;
}

static struct layout plain_layout(const qc_image *image, qc_background background)
{
    const bool made = needs_scratch(image, background);
    const struct pixel_format *format = pixel_format_of(made ? QC_PIXEL_RGB : image->format);
    return (struct layout){
        format->planes[0].bytes,
        {format->samples[0].offset, format->samples[1].offset, format->samples[2].offset}};
}

/* One row of pixels of all patches.  `step` is a constant where this is inlined. */
static ALWAYS_INLINE void patch_line(const uint8_t *bytes, size_t step, const size_t channel[3],
                                     const struct pixel_table *table, size_t patches, size_t size,
                                     float *out, size_t stride)
{
    for (size_t i = 0; i < patches; i++, out += stride, bytes += size * step) {
        for (size_t c = 0; c < 3; c++) {
            const uint8_t *from = bytes + channel[c];
            const float *value = table->value[c];
            float *to = out + c * size * size;
            for (size_t x = 0; x < size; x++)
                to[x] = value[from[x * step]];
        }
    }
}

void image_patch_row(const kernel_set *kernels, const qc_image *image, qc_background background,
                     const struct pixel_table *table, uint32_t patch_size, uint32_t grid_row,
                     float *out, size_t stride, uint8_t *scratch)
{
    const struct layout layout = plain_layout(image, background);
    size_t patches = image->width / patch_size;
    for (uint32_t y = 0; y < patch_size; y++) {
        const uint8_t *bytes =
            plain_row(kernels, image, background, grid_row * patch_size + y, scratch);
        float *line = out + (size_t)y * patch_size;
        if (layout.step == 3)
            patch_line(bytes, 3, layout.channel, table, patches, patch_size, line, stride);
        else if (layout.step == 4)
            patch_line(bytes, 4, layout.channel, table, patches, patch_size, line, stride);
        else
            patch_line(bytes, 1, layout.channel, table, patches, patch_size, line, stride);
    }
}

static ALWAYS_INLINE void stem_pixel(const uint8_t *pixel, const size_t channel[3],
                                     const struct pixel_table *table, float *out)
{
    for (size_t c = 0; c < 3; c++)
        out[c] = table->value[c][pixel[channel[c]]];
}

static void stem_padding(float *out, size_t pixels)
{
    for (size_t i = 0; i < 3 * pixels; i++)
        out[i] = 0.0f;
}

/* Three neighbours in one input row, for all outputs.  `step` is a constant where inlined. */
static ALWAYS_INLINE void stem_line(const uint8_t *bytes, size_t step, const size_t channel[3],
                                    const struct pixel_table *table, size_t width, float *out,
                                    size_t stride)
{
    /* Only the first output has a neighbour to the left of the image. */
    stem_padding(out, 1);
    stem_pixel(bytes, channel, table, out + 3);
    if (width > 1)
        stem_pixel(bytes + step, channel, table, out + 6);
    else
        stem_padding(out + 6, 1);

    size_t inside = width / 2; /* outputs whose right neighbour is inside */
    for (size_t i = 1; i < inside; i++) {
        const uint8_t *left = bytes + (2 * i - 1) * step;
        float *to = out + i * stride;
        for (size_t k = 0; k < 3; k++)
            stem_pixel(left + k * step, channel, table, to + 3 * k);
    }
    if (width % 2 && width > 1) {
        const uint8_t *left = bytes + (width - 2) * step;
        float *to = out + inside * stride;
        stem_pixel(left, channel, table, to);
        stem_pixel(left + step, channel, table, to + 3);
        stem_padding(to + 6, 1);
    }
}

void image_stem_row(const kernel_set *kernels, const qc_image *image, qc_background background,
                    const struct pixel_table *table, uint32_t row, float *out, size_t stride,
                    uint8_t *scratch)
{
    const struct layout layout = plain_layout(image, background);
    size_t width = image->width;
    for (uint32_t ky = 0; ky < 3; ky++) {
        uint32_t y = 2 * row + ky; /* 1 + the input row, so that it is never negative */
        float *to = out + 9 * ky;
        if (y < 1 || y > image->height) {
            for (size_t i = 0; i < image_stem_size(image->width); i++)
                stem_padding(to + i * stride, 3);
            continue;
        }
        const uint8_t *bytes = plain_row(kernels, image, background, y - 1, scratch);
        if (layout.step == 3)
            stem_line(bytes, 3, layout.channel, table, width, to, stride);
        else if (layout.step == 4)
            stem_line(bytes, 4, layout.channel, table, width, to, stride);
        else
            stem_line(bytes, 1, layout.channel, table, width, to, stride);
    }
}
