/*
 * pixel_format.c - the table of pixel formats, and what follows from it without looking at pixels.
 */
#include "pixel_format.h"

#include "image.h"

#define BYTES(text, size, red, green, blue, alpha_byte)                                            \
    {                                                                                              \
        .name = (text), .kind = PIXEL_BYTES, .plane_count = 1, .planes = {{(size), 0, 0}},         \
        .samples = {{0, (red), (size)}, {0, (green), (size)}, {0, (blue), (size)}},                \
        .alpha = (alpha_byte), .bits = 8                                                           \
    }

#define WORDS(text, its_kind, its_bits)                                                            \
    {                                                                                              \
        .name = (text), .kind = (its_kind), .plane_count = 1, .planes = {{2, 0, 0}},               \
        .samples = {{0, 0, 2}}, .alpha = -1, .bits = (its_bits)                                    \
    }

/* Three planes; `first` is the one of the blue difference. */
#define PLANAR(text, x, y, first)                                                                  \
    {                                                                                              \
        .name = (text), .kind = PIXEL_YUV, .plane_count = 3,                                       \
        .planes = {{1, 0, 0}, {1, (x), (y)}, {1, (x), (y)}},                                       \
        .samples = {{0, 0, 1}, {(first), 0, 1}, {3 - (first), 0, 1}}, .alpha = -1, .bits = 8       \
    }

/* Both differences in turns in a plane of their own; `first` is the byte of the blue one. */
#define SEMIPLANAR(text, y, first)                                                                 \
    {                                                                                              \
        .name = (text), .kind = PIXEL_YUV, .plane_count = 2, .planes = {{1, 0, 0}, {2, 1, (y)}},   \
        .samples = {{0, 0, 1}, {1, (first), 2}, {1, 1 - (first), 2}}, .alpha = -1, .bits = 8       \
    }

/* Two pixels in four bytes; `luma` and `blue` are the bytes of the first ones. */
#define PACKED(text, luma, blue)                                                                   \
    {                                                                                              \
        .name = (text), .kind = PIXEL_YUV, .plane_count = 1, .planes = {{4, 1, 0}},                \
        .samples = {{0, (luma), 2}, {0, (blue), 4}, {0, (blue) + 2, 4}}, .alpha = -1, .bits = 8    \
    }

static const struct pixel_format formats[] = {
    [QC_PIXEL_RGB] = BYTES("rgb", 3, 0, 1, 2, -1),
    [QC_PIXEL_BGR] = BYTES("bgr", 3, 2, 1, 0, -1),
    [QC_PIXEL_RGBA] = BYTES("rgba", 4, 0, 1, 2, 3),
    [QC_PIXEL_BGRA] = BYTES("bgra", 4, 2, 1, 0, 3),
    [QC_PIXEL_RGBX] = BYTES("rgbx", 4, 0, 1, 2, -1),
    [QC_PIXEL_BGRX] = BYTES("bgrx", 4, 2, 1, 0, -1),
    [QC_PIXEL_GREY] = BYTES("grey", 1, 0, 0, 0, -1),
    [QC_PIXEL_ARGB] = BYTES("argb", 4, 1, 2, 3, 0),
    [QC_PIXEL_ABGR] = BYTES("abgr", 4, 3, 2, 1, 0),
    [QC_PIXEL_XRGB] = BYTES("xrgb", 4, 1, 2, 3, -1),
    [QC_PIXEL_XBGR] = BYTES("xbgr", 4, 3, 2, 1, -1),
    [QC_PIXEL_RGB565] = WORDS("rgb565", PIXEL_RGB565, 16),
    [QC_PIXEL_GREY10] = WORDS("grey10", PIXEL_GREY, 10),
    [QC_PIXEL_GREY12] = WORDS("grey12", PIXEL_GREY, 12),
    [QC_PIXEL_I420] = PLANAR("i420", 1, 1, 1),
    [QC_PIXEL_YV12] = PLANAR("yv12", 1, 1, 2),
    [QC_PIXEL_I422] = PLANAR("i422", 1, 0, 1),
    [QC_PIXEL_I444] = PLANAR("i444", 0, 0, 1),
    [QC_PIXEL_NV12] = SEMIPLANAR("nv12", 1, 0),
    [QC_PIXEL_NV21] = SEMIPLANAR("nv21", 1, 1),
    [QC_PIXEL_NV16] = SEMIPLANAR("nv16", 0, 0),
    [QC_PIXEL_P010] = {.name = "p010",
                       .kind = PIXEL_YUV,
                       .plane_count = 2,
                       .planes = {{2, 0, 0}, {4, 1, 1}},
                       .samples = {{0, 0, 2}, {1, 0, 4}, {1, 2, 4}},
                       .alpha = -1,
                       .bits = 10,
                       .low_bits = 6},
    [QC_PIXEL_YUYV] = PACKED("yuyv", 0, 1),
    [QC_PIXEL_UYVY] = PACKED("uyvy", 1, 0),
};

#define FORMAT_COUNT (sizeof formats / sizeof formats[0])

const struct pixel_format *pixel_format_of(qc_pixel_format format)
{
    return (unsigned long)format < FORMAT_COUNT ? &formats[format] : NULL;
}

const char *qc_pixel_format_name(qc_pixel_format format)
{
    const struct pixel_format *known = pixel_format_of(format);
    return known ? known->name : NULL;
}

size_t qc_image_init(qc_image *image, qc_pixel_format format, uint32_t width, uint32_t height,
                     const void *pixels)
{
    const struct pixel_format *known = pixel_format_of(format);
    *image = (qc_image){.format = format, .width = width, .height = height};
    if (!known || width < 1 || width > IMAGE_SIDE_MAX || height < 1 || height > IMAGE_SIDE_MAX)
        return 0;
    uint64_t size = 0;
    for (int i = 0; i < known->plane_count; i++) {
        const struct plane_layout *plane = &known->planes[i];
        const size_t stride = plane_groups(width, plane->shift_x) * plane->bytes;
        if (pixels && size <= SIZE_MAX)
            image->planes[i] = (const uint8_t *)pixels + (size_t)size;
        image->strides[i] = (ptrdiff_t)stride;
        size += (uint64_t)stride * plane_groups(height, plane->shift_y);
    }
    return size <= SIZE_MAX ? (size_t)size : 0;
}
