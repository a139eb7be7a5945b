/*
 * frame_rows.c - where the samples of a row are, and what the standards make of them.
 */
#include "frame_rows.h"

#include "pixel_format.h"

bool frame_converts(const qc_image *image)
{
    return pixel_format_of(image->format)->kind != PIXEL_BYTES ||
           image->range == QC_RANGE_LIMITED; /* grey: image_check() lets no other pass */
}

/* ------------------------------------------------------------------------------------- colours */

/*
 * R = scale * (Y - black) + 2 * (1 - Kr) * Cr, and so on, where scale is 255 / 219 or 1 (of 8
 * bits), that is, luma / divisor.  Half the divisor is added in order to round to the nearest.
 *
 * The table's factors have errors, of half a unit at most, so it is not a matter of course that
 * the floors are right; test_frames.c compares them for each pair of chroma samples.
 */
#define FIXED(x, bits)     (int64_t)((x) * (double)(INT64_C(1) << (bits)) + ((x) < 0 ? -0.5 : 0.5))
#define RED_BLUE(k, scale) (int32_t) FIXED(2 * (1 - (k)) * (scale), YUV_BITS)
#define GREEN(k, kr, kb, scale)                                                                    \
    FIXED(-2 * (1 - (k)) * (k) / (1 - (kr) - (kb)) * (scale), YUV_GREEN_BITS)

#define LUMA(its_luma, its_divisor, black, bits)                                                   \
    .luma = (its_luma), .divisor = (its_divisor),                                                  \
    .offset = (its_divisor)-2 * (its_luma) * (black), .most = (1 << (bits)) - 1

/* `levels`: from least to most chroma. */
#define COLOURS(kr, kb, its_luma, its_divisor, black, bits, levels)                                \
    {                                                                                              \
        LUMA(its_luma, its_divisor, black, bits),                                                  \
            .middle = 1 << ((bits)-1), .red = RED_BLUE(kr, (its_divisor)*255.0 / (levels)),        \
            .blue = RED_BLUE(kb, (its_divisor)*255.0 / (levels)),                                  \
            .green_blue = GREEN(kb, kr, kb, (its_divisor)*255.0 / (levels)),                       \
            .green_red = GREEN(kr, kr, kb, (its_divisor)*255.0 / (levels))                         \
    }

#define MATRICES(...)                                                                              \
    {                                                                                              \
        [QC_MATRIX_BT601] = COLOURS(0.299, 0.114, __VA_ARGS__),                                    \
        [QC_MATRIX_BT709] = COLOURS(0.2126, 0.0722, __VA_ARGS__),                                  \
        [QC_MATRIX_BT2020] = COLOURS(0.2627, 0.0593, __VA_ARGS__),                                 \
    }

static const yuv_colours yuv[2][2][3] = {
    /* Limited and full range: of 8 bits ... */
    {MATRICES(85, 73, 16, 8, 224), MATRICES(73, 73, 0, 8, 255)},
    /* ... and of 10 */
    {MATRICES(85, 4 * 73, 4 * 16, 10, 4 * 224), MATRICES(85, 341, 0, 10, 1023)},
};

static const yuv_colours grey[3][2] = {
    {{LUMA(85, 73, 16, 8)}, {LUMA(73, 73, 0, 8)}},
    {{LUMA(85, 4 * 73, 4 * 16, 10)}, {LUMA(85, 341, 0, 10)}},
    {{LUMA(85, 16 * 73, 16 * 16, 12)}, {LUMA(17, 273, 0, 12)}},
};

const yuv_colours *frame_colours(const qc_image *image)
{
    const struct pixel_format *format = pixel_format_of(image->format);
    const bool chroma = format->kind == PIXEL_YUV;
    const qc_range usual = chroma ? QC_RANGE_LIMITED : QC_RANGE_FULL;
    const bool full = (image->range ? image->range : usual) == QC_RANGE_FULL;
    const int depth = (format->bits - 8) / 2;
    return chroma ? &yuv[depth][full][image->matrix] : &grey[depth][full];
}

/* --------------------------------------------------------------------------------------- rows */

/* The sample of column x in row y of the planes. */
static const uint8_t *sample_of(const qc_image *image, const struct pixel_format *format,
                                int sample, uint32_t y, uint32_t x)
{
    const struct sample_layout *layout = &format->samples[sample];
    const struct plane_layout *plane = &format->planes[layout->plane];
    const unsigned shift_x = sample ? plane->shift_x : 0;
    return image->planes[layout->plane] +
           (ptrdiff_t)(y >> plane->shift_y) * image->strides[layout->plane] +
           (size_t)(x >> shift_x) * layout->step + layout->offset;
}

static yuv_row row_of(const qc_image *image, const struct pixel_format *format, uint32_t y,
                      uint32_t x)
{
    yuv_row row = {.luma = sample_of(image, format, 0, y, x),
                   .luma_step = format->samples[0].step,
                   .words = format->bits > 8,
                   .low_bits = format->low_bits};
    if (format->kind == PIXEL_YUV) {
        row.blue = sample_of(image, format, 1, y, x);
        row.red = sample_of(image, format, 2, y, x);
        row.chroma_step = format->samples[1].step;
        row.shared = format->planes[format->samples[1].plane].shift_x;
    }
    return row;
}

void frame_row_rgb(const kernel_set *kernels, const qc_image *image, uint32_t y, uint32_t x,
                   uint32_t count, uint8_t *rgb)
{
    const struct pixel_format *format = pixel_format_of(image->format);
    y += image->top;
    x += image->left;
    if (format->kind == PIXEL_RGB565) {
        kernels->rgb565_to_rgb(rgb, sample_of(image, format, 0, y, x), count);
        return;
    }
    yuv_row row = row_of(image, format, y, x);
    if (row.shared && x % 2) { /* the pixel's group began to the left */
        kernels->yuv_to_rgb(rgb, &row, frame_colours(image), 1);
        row = row_of(image, format, y, x + 1);
        rgb += 3;
        count--;
    }
    kernels->yuv_to_rgb(rgb, &row, frame_colours(image), count);
}
