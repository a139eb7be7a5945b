/*
 * frame_rows.c - samples out of planes, chroma spread over the pixels that share it, then R, G, B.
 *
 * A run of pixels at a time, in plain loops that compilers turn into vector code.
 */
#include "frame_rows.h"

#include "compiler.h"
#include "pixel_format.h"

#define RUN 128 /* pixels; even */

bool frame_converts(const qc_image *image)
{
    return pixel_format_of(image->format)->kind != PIXEL_BYTES ||
           image->range == QC_RANGE_LIMITED; /* grey: image_check() lets no other pass */
}

/* ------------------------------------------------------------------------------------- samples */

static ALWAYS_INLINE void load_bytes(const uint8_t *from, size_t step, size_t count, uint16_t *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = from[i * step];
}

static ALWAYS_INLINE void load_words(const uint8_t *from, size_t step, size_t count, unsigned drop,
                                     uint16_t *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (uint16_t)((from[i * step] | from[i * step + 1] << 8) >> drop);
}

/* Samples that are 2^shift_x pixels apart and begin with that of column x of the planes. */
static void load(const qc_image *image, const struct pixel_format *format, int sample, uint32_t y,
                 uint32_t x, size_t count, uint16_t *to)
{
    const struct sample_layout *layout = &format->samples[sample];
    const struct plane_layout *plane = &format->planes[layout->plane];
    const ptrdiff_t row = (ptrdiff_t)(y >> plane->shift_y);
    const unsigned shift_x = sample ? plane->shift_x : 0;
    const uint8_t *from = image->planes[layout->plane] + row * image->strides[layout->plane] +
                          (size_t)(x >> shift_x) * layout->step + layout->offset;
    if (format->bits > 8) {
        if (layout->step == 2)
            load_words(from, 2, count, format->low_bits, to);
        else
            load_words(from, 4, count, format->low_bits, to);
    } else if (layout->step == 1) {
        load_bytes(from, 1, count, to);
    } else if (layout->step == 2) {
        load_bytes(from, 2, count, to);
    } else {
        load_bytes(from, 4, count, to);
    }
}

/* Each sample for two pixels, but the first for one alone where its group begins to the left. */
static void spread(const uint16_t *from, bool begins_left, size_t count, uint16_t *to)
{
    size_t first = begins_left ? 1 : 0;
    if (first)
        to[0] = *from++;
    for (size_t i = 0; i < (count - first) / 2; i++)
        to[first + 2 * i] = to[first + 2 * i + 1] = from[i];
    if ((count - first) % 2)
        to[count - 1] = from[(count - first) / 2];
}

static void load_chroma(const qc_image *image, const struct pixel_format *format, int sample,
                        uint32_t y, uint32_t x, size_t count, uint16_t *to)
{
    if (!format->planes[format->samples[sample].plane].shift_x) {
        load(image, format, sample, y, x, count, to);
        return;
    }
    uint16_t shared[RUN / 2 + 1];
    load(image, format, sample, y, x, (x % 2 + count + 1) / 2, shared);
    spread(shared, x % 2, count, to);
}

/* ------------------------------------------------------------------------------------- colours */

/* red = luma_scale * (luma - black) + red_scale * (red difference - middle), and so on. */
struct colours {
    double luma_scale, black, middle;
    double red_scale, green_red_scale, green_blue_scale, blue_scale;
};

static struct colours colours_of(const qc_image *image, const struct pixel_format *format)
{
    static const struct {
        double red, blue; /* shares in luma */
    } weights[] = {
        [QC_MATRIX_BT601] = {0.299, 0.114},
        [QC_MATRIX_BT709] = {0.2126, 0.0722},
        [QC_MATRIX_BT2020] = {0.2627, 0.0593},
    };
    const bool yuv = format->kind == PIXEL_YUV;
    const bool limited =
        image->range == QC_RANGE_LIMITED || (image->range == QC_RANGE_DEFAULT && yuv);
    const double unit = 1u << (format->bits - 8); /* of 8 bits, in samples */
    const double most = (double)((1u << format->bits) - 1);
    const double red = weights[image->matrix].red, blue = weights[image->matrix].blue;
    const double green = 1 - red - blue;
    const double chroma_scale = limited ? 255 / (224 * unit) : 255 / most;
    return (struct colours){.luma_scale = limited ? 255 / (219 * unit) : 255 / most,
                            .black = limited ? 16 * unit : 0,
                            .middle = yuv ? 128 * unit : 0,
                            .red_scale = 2 * (1 - red) * chroma_scale,
                            .green_red_scale = -2 * (1 - red) * red / green * chroma_scale,
                            .green_blue_scale = -2 * (1 - blue) * blue / green * chroma_scale,
                            .blue_scale = 2 * (1 - blue) * chroma_scale};
}

/* To the nearest, cut to 0 ... 255.  Samples are such that |value| stays below 1000. */
static ALWAYS_INLINE uint8_t to_byte(double value)
{
    int rounded = (int)(value + 1024.5) - 1024;
    rounded = rounded < 0 ? 0 : rounded;
    return (uint8_t)(rounded > 255 ? 255 : rounded);
}

struct run {
    uint16_t luma[RUN], blue_difference[RUN], red_difference[RUN];
    uint8_t red[RUN], green[RUN], blue[RUN];
};

static void convert(struct run *run, const struct colours *from, size_t count)
{
    const struct colours colours = *from;
    for (size_t i = 0; i < count; i++) {
        double luma = colours.luma_scale * ((int)run->luma[i] - colours.black);
        double blue = (int)run->blue_difference[i] - colours.middle;
        double red = (int)run->red_difference[i] - colours.middle;
        run->red[i] = to_byte(luma + colours.red_scale * red);
        run->green[i] =
            to_byte(luma + colours.green_red_scale * red + colours.green_blue_scale * blue);
        run->blue[i] = to_byte(luma + colours.blue_scale * blue);
    }
}

/* Grey: what lies above the format's bits is taken for white. */
static void convert_grey(struct run *run, const struct colours *colours, unsigned bits,
                         size_t count)
{
    const int most = (int)(1u << bits) - 1;
    for (size_t i = 0; i < count; i++) {
        int luma = run->luma[i] < most ? run->luma[i] : most;
        run->red[i] = to_byte(colours->luma_scale * (luma - colours->black));
    }
}

static void interleave(const uint8_t *red, const uint8_t *green, const uint8_t *blue, size_t count,
                       uint8_t *rgb)
{
    for (size_t i = 0; i < count; i++) {
        rgb[3 * i] = red[i];
        rgb[3 * i + 1] = green[i];
        rgb[3 * i + 2] = blue[i];
    }
}

/* 5 and 6 bits scaled to 8.  31 and 63 are odd: no tie can occur. */
static void expand_565(struct run *run, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned pixel = run->luma[i];
        run->red[i] = (uint8_t)(((pixel >> 11) * 255 + 15) / 31);
        run->green[i] = (uint8_t)(((pixel >> 5 & 63) * 255 + 31) / 63);
        run->blue[i] = (uint8_t)(((pixel & 31) * 255 + 15) / 31);
    }
}

void frame_row_rgb(const qc_image *image, uint32_t y, uint32_t x, uint32_t count, uint8_t *rgb)
{
    const struct pixel_format *format = pixel_format_of(image->format);
    const struct colours colours = colours_of(image, format);
    struct run run;
    y += image->top;
    x += image->left;
    for (size_t part; count; count -= (uint32_t)part, x += (uint32_t)part, rgb += 3 * part) {
        part = count < RUN ? count : RUN;
        load(image, format, 0, y, x, part, run.luma);
        if (format->kind == PIXEL_YUV) {
            load_chroma(image, format, 1, y, x, part, run.blue_difference);
            load_chroma(image, format, 2, y, x, part, run.red_difference);
            convert(&run, &colours, part);
            interleave(run.red, run.green, run.blue, part, rgb);
        } else if (format->kind == PIXEL_RGB565) {
            expand_565(&run, part);
            interleave(run.red, run.green, run.blue, part, rgb);
        } else {
            convert_grey(&run, &colours, format->bits, part);
            interleave(run.red, run.red, run.red, part, rgb);
        }
    }
}
