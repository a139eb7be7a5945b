/*
 * test_frames.c - frames of cameras and decoders, against the standards' formulas in double
 * precision, pixel by pixel; and what a score must not depend on: the format that pixels came in.
 *
 * Planes lie between forbidden pages, so that a read outside of one is a fault.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frame_rows.h"
#include "image.h" /* before cmocka.h, whose macro fail() is not the library's function */

#include <cmocka.h>

#include "default_kernels.h"
#include "guarded.h"
#include "model_builder.h"

/* --------------------------------------------------------------------------------- the reference
 */

/* What a format is, told a second time: where Y, U and V of pixel (x, y) are. */
struct place {
    int plane;
    size_t byte; /* of the row */
    uint32_t row;
};

static void places_of(qc_pixel_format format, uint32_t x, uint32_t y, struct place place[3])
{
    const uint32_t half = x / 2, pair = 4 * (x / 2);
    switch (format) {
    case QC_PIXEL_I420:
        place[1] = (struct place){1, half, y / 2}, place[2] = (struct place){2, half, y / 2};
        break;
    case QC_PIXEL_YV12:
        place[1] = (struct place){2, half, y / 2}, place[2] = (struct place){1, half, y / 2};
        break;
    case QC_PIXEL_I422:
        place[1] = (struct place){1, half, y}, place[2] = (struct place){2, half, y};
        break;
    case QC_PIXEL_I444:
        place[1] = (struct place){1, x, y}, place[2] = (struct place){2, x, y};
        break;
    case QC_PIXEL_NV12:
        place[1] = (struct place){1, 2 * half, y / 2};
        place[2] = (struct place){1, 2 * half + 1, y / 2};
        break;
    case QC_PIXEL_NV21:
        place[1] = (struct place){1, 2 * half + 1, y / 2};
        place[2] = (struct place){1, 2 * half, y / 2};
        break;
    case QC_PIXEL_NV16:
        place[1] = (struct place){1, 2 * half, y}, place[2] = (struct place){1, 2 * half + 1, y};
        break;
    case QC_PIXEL_P010:
        place[1] = (struct place){1, pair, y / 2}, place[2] = (struct place){1, pair + 2, y / 2};
        break;
    case QC_PIXEL_YUYV:
        place[1] = (struct place){0, pair + 1, y}, place[2] = (struct place){0, pair + 3, y};
        break;
    case QC_PIXEL_UYVY:
        place[1] = (struct place){0, pair, y}, place[2] = (struct place){0, pair + 2, y};
        break;
    default: break;
    }
    const bool two_bytes = format == QC_PIXEL_P010 || format == QC_PIXEL_YUYV ||
                           format == QC_PIXEL_UYVY || format == QC_PIXEL_GREY10 ||
                           format == QC_PIXEL_GREY12 || format == QC_PIXEL_RGB565;
    place[0] = (struct place){0, (two_bytes ? 2 * x : x) + (format == QC_PIXEL_UYVY), y};
}

static unsigned sample_at(const qc_image *image, struct place place)
{
    const uint8_t *at = image->planes[place.plane] +
                        (ptrdiff_t)place.row * image->strides[place.plane] + place.byte;
    switch (image->format) {
    case QC_PIXEL_P010: return (at[0] + 256u * at[1]) / 64;
    case QC_PIXEL_GREY10:
    case QC_PIXEL_GREY12:
    case QC_PIXEL_RGB565: return at[0] + 256u * at[1];
    default: return at[0];
    }
}

static double cut(double value)
{
    return value < 0 ? 0 : value > 255 ? 255 : value;
}

/* E'Y, E'Pb, E'Pr of ITU-R BT.601, 709 and 2020, turned around. */
static void colour_of(qc_matrix matrix, double luma, double blue, double red, double rgb[3])
{
    static const double reds[] = {0.299, 0.2126, 0.2627}, blues[] = {0.114, 0.0722, 0.0593};
    const double kr = reds[matrix], kb = blues[matrix], kg = 1 - kr - kb;
    const double r = luma + 2 * (1 - kr) * red, b = luma + 2 * (1 - kb) * blue;
    rgb[0] = cut(255 * r);
    rgb[1] = cut(255 * (luma - kr * r - kb * b) / kg);
    rgb[2] = cut(255 * b);
}

/* Quantised as in the same recommendations, of 8, 10 or 12 bits. */
static void reference(const qc_image *image, uint32_t x, uint32_t y, double rgb[3])
{
    struct place place[3];
    places_of(image->format, image->left + x, image->top + y, place);
    const unsigned luma = sample_at(image, place[0]);
    if (image->format == QC_PIXEL_RGB565) {
        rgb[0] = (luma >> 11) * 255.0 / 31;
        rgb[1] = (luma >> 5 & 63) * 255.0 / 63;
        rgb[2] = (luma & 31) * 255.0 / 31;
        return;
    }
    const bool grey = image->format == QC_PIXEL_GREY || image->format == QC_PIXEL_GREY10 ||
                      image->format == QC_PIXEL_GREY12;
    const int bits = image->format == QC_PIXEL_GREY12                                     ? 12
                     : image->format == QC_PIXEL_GREY10 || image->format == QC_PIXEL_P010 ? 10
                                                                                          : 8;
    const double unit = ldexp(1, bits - 8), most = ldexp(1, bits) - 1;
    const bool full = image->range == QC_RANGE_FULL || (image->range == QC_RANGE_DEFAULT && grey);
    const double level = luma < most ? luma : most;
    const double y_level = full ? level / most : (level / unit - 16) / 219;
    if (grey) {
        rgb[0] = rgb[1] = rgb[2] = cut(255 * y_level);
        return;
    }
    double difference[2];
    for (int i = 0; i < 2; i++) {
        const double value = sample_at(image, place[1 + i]);
        difference[i] = full ? (value - 128 * unit) / most : (value / unit - 128) / 224;
    }
    colour_of(image->matrix, y_level, difference[0], difference[1], rgb);
}

/* Half a step of 8 bits; beyond it nothing but what doubles cannot hold. */
static void assert_within_half_a_step(uint8_t actual, double expected)
{
    const double difference = fabs(actual - expected);
    if (!(difference <= 0.5 + 1e-9))
        fail_msg("%d, expected %.12g", actual, expected);
}

/* ---------------------------------------------------------------------------------------- frames
 */

struct frame {
    qc_image image;
    struct guarded planes[3];
};

static const qc_pixel_format converted[] = {
    QC_PIXEL_RGB565, QC_PIXEL_GREY10, QC_PIXEL_GREY12, QC_PIXEL_I420, QC_PIXEL_YV12,
    QC_PIXEL_I422,   QC_PIXEL_I444,   QC_PIXEL_NV12,   QC_PIXEL_NV21, QC_PIXEL_NV16,
    QC_PIXEL_P010,   QC_PIXEL_YUYV,   QC_PIXEL_UYVY,   QC_PIXEL_GREY};
#define CONVERTED (sizeof converted / sizeof converted[0])

/* Rows of a plane; the sides of half-sized ones are rounded up. */
static uint32_t rows_of(qc_pixel_format format, int plane, uint32_t height)
{
    const bool halves = format == QC_PIXEL_I420 || format == QC_PIXEL_YV12 ||
                        format == QC_PIXEL_NV12 || format == QC_PIXEL_NV21 ||
                        format == QC_PIXEL_P010;
    return plane && halves ? (height + 1) / 2 : height;
}

/* A frame of noise.  `gap`: bytes between rows; `bottom_up`: the last row comes first. */
static struct frame make_frame(qc_pixel_format format, uint32_t width, uint32_t height, size_t gap,
                               bool bottom_up)
{
    struct frame frame;
    assert_true(qc_image_init(&frame.image, format, width, height, NULL) > 0);
    for (int i = 0; i < 3; i++) {
        if (!frame.image.strides[i]) {
            frame.planes[i] = (struct guarded){0};
            continue;
        }
        const size_t row = (size_t)frame.image.strides[i];
        const uint32_t rows = rows_of(format, i, height);
        frame.planes[i] = guarded_alloc((rows - 1) * (row + gap) + row);
        uint8_t *data = frame.planes[i].data;
        for (size_t k = 0; k < frame.planes[i].size; k++)
            data[k] = (uint8_t)random_bits();
        frame.image.planes[i] = data + (bottom_up ? (rows - 1) * (row + gap) : 0);
        frame.image.strides[i] = bottom_up ? -(ptrdiff_t)(row + gap) : (ptrdiff_t)(row + gap);
    }
    return frame;
}

static void free_frame(struct frame *frame)
{
    for (int i = 0; i < 3; i++)
        if (frame->planes[i].data)
            guarded_free(&frame->planes[i]);
}

/* Any of the machine's, since all give the same. */
static const kernel_set *some_kernels(void)
{
    static const kernel_set *sets[20];
    static size_t count;
    if (!count)
        for (; kernel_set_at(count); count++)
            sets[count] = kernel_set_at(count);
    return sets[random_between(0, count - 1)];
}

static void check_rows(const qc_image *image, uint32_t x, uint32_t count)
{
    const kernel_set *kernels = some_kernels();
    struct guarded rgb = guarded_alloc(3 * (size_t)count);
    for (uint32_t y = 0; y < image->height; y++) {
        image_row_rgb(kernels, image, QC_BACKGROUND_WHITE, y, x, count, rgb.data);
        for (uint32_t i = 0; i < count; i++) {
            double expected[3];
            reference(image, x + i, y, expected);
            for (int c = 0; c < 3; c++)
                assert_within_half_a_step(rgb.data[3 * i + (size_t)c], expected[c]);
        }
    }
    guarded_free(&rgb);
}

static void check_regions(struct frame *frame, uint32_t width, uint32_t height)
{
    qc_image *image = &frame->image;
    assert_int_equal(image_check(image, NULL), QC_OK);
    check_rows(image, 0, width);
    check_rows(image, width / 3, width - width / 3);
    for (int turn = 0; turn < 3; turn++) {
        image->left = (uint32_t)random_between(0, width - 1);
        image->top = (uint32_t)random_between(0, height - 1);
        image->width = (uint32_t)random_between(1, width - image->left);
        image->height = (uint32_t)random_between(1, height - image->top);
        assert_int_equal(image_check(image, NULL), QC_OK);
        check_rows(image, 0, image->width);
    }
}

static void test_formats_strides_sizes_and_regions(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1},  {2, 1},   {1, 2},  {3, 3},
                                        {13, 8}, {130, 5}, {257, 4}};
    random_start("1");
    for (size_t f = 0; f < CONVERTED; f++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            for (int turn = 0; turn < 36; turn++) {
                const uint32_t width = sizes[s][0], height = sizes[s][1];
                struct frame frame =
                    make_frame(converted[f], width, height, turn % 2 ? 6 : 0, turn / 2 % 2);
                frame.image.matrix = (qc_matrix)(turn / 4 % 3);
                frame.image.range = (qc_range)(turn / 12);
                if (converted[f] == QC_PIXEL_RGB565)
                    frame.image.range = QC_RANGE_FULL;
                check_regions(&frame, width, height);
                free_frame(&frame);
            }
}

/* Every luma with a grid of all chroma, the ends included: 0, 15, 30, ... 255. */
static void test_every_colour(void **state)
{
    (void)state;
    enum { WIDTH = 18 };
    static uint8_t luma[WIDTH], blue[WIDTH], red[WIDTH], rgb[3 * WIDTH];
    for (int i = 0; i < WIDTH; i++)
        blue[i] = (uint8_t)(15 * i);
    for (int turn = 0; turn < 6; turn++) {
        const qc_image image = {.format = QC_PIXEL_I444,
                                .width = WIDTH,
                                .height = 1,
                                .planes = {luma, blue, red},
                                .strides = {WIDTH, WIDTH, WIDTH},
                                .matrix = (qc_matrix)(turn / 2),
                                .range = turn % 2 ? QC_RANGE_FULL : QC_RANGE_LIMITED};
        for (int level = 0; level < 256; level++)
            for (int v = 0; v < 256; v += 15) {
                memset(luma, level, sizeof luma);
                memset(red, v, sizeof red);
                image_row_rgb(default_kernels(), &image, QC_BACKGROUND_DROP, 0, 0, WIDTH, rgb);
                for (uint32_t i = 0; i < WIDTH; i++) {
                    double expected[3];
                    reference(&image, i, 0, expected);
                    for (int c = 0; c < 3; c++)
                        assert_within_half_a_step(rgb[3 * i + (size_t)c], expected[c]);
                }
            }
    }
}

/*
 * Each pair of samples of chroma there is: what the kernels are told makes of them, rounded down,
 * what the standard makes of them.  With that, as luma is counted in whole numbers, each pixel is
 * the nearest.  Where chroma adds a whole number, half steps can occur, and 1 less is as near.
 */
struct standard {
    int64_t red, blue, one; /* shares in luma, in so many parts of 1 */
    int64_t divisor, offset, middle, levels;
};

static int64_t whole_part(int64_t fixed, int bits)
{
    const int64_t raised = INT64_C(1) << 20;
    return ((fixed + (raised << bits)) >> bits) - raised;
}

static void check_chroma(const yuv_colours *colours, const struct standard *s)
{
    const int64_t green = s->one - s->red - s->blue;
    const int64_t of_red = 2 * 255 * (s->one - s->red), of_blue = 2 * 255 * (s->one - s->blue);
    const int64_t scale = 2 * s->one * s->levels, green_scale = scale * green;
    for (int64_t b = -s->middle; b < s->middle; b++) {
        const int64_t blue = 2 * s->divisor * of_blue * b + s->offset * scale / 2;
        const int64_t blue_sum = colours->blue * b + s->offset * (INT64_C(1) << (YUV_BITS - 1));
        const int64_t rest = blue - whole_part(blue_sum, YUV_BITS) * scale;
        assert_true(rest >= 0 && rest <= scale);
        const int64_t red = 2 * s->divisor * of_red * b + s->offset * scale / 2;
        const int64_t red_sum = colours->red * b + s->offset * (INT64_C(1) << (YUV_BITS - 1));
        const int64_t red_rest = red - whole_part(red_sum, YUV_BITS) * scale;
        assert_true(red_rest >= 0 && red_rest <= scale);
        for (int64_t r = -s->middle; r < s->middle; r++) {
            const int64_t exact = -2 * s->divisor * (of_red * s->red * r + of_blue * s->blue * b) +
                                  s->offset * (green_scale / 2);
            const int64_t sum = colours->green_blue * b + colours->green_red * r +
                                s->offset * (INT64_C(1) << (YUV_GREEN_BITS - 1));
            const int64_t green_rest = exact - whole_part(sum, YUV_GREEN_BITS) * green_scale;
            if (green_rest < 0 || green_rest > green_scale)
                fail_msg("matrix of %d, %d: chroma %d, %d", (int)s->red, (int)s->blue, (int)b,
                         (int)r);
        }
    }
}

static void test_chroma_is_exact(void **state)
{
    (void)state;
    static const int64_t weights[][2] = {{2990, 1140}, {2126, 722}, {2627, 593}};
    for (int turn = 0; turn < 12; turn++) {
        const bool ten = turn / 6, full = turn % 2;
        const qc_image image = {.format = ten ? QC_PIXEL_P010 : QC_PIXEL_NV12,
                                .matrix = (qc_matrix)(turn / 2 % 3),
                                .range = full ? QC_RANGE_FULL : QC_RANGE_LIMITED};
        const yuv_colours *colours = frame_colours(&image);
        const int64_t unit = ten ? 4 : 1, most = ten ? 1023 : 255, black = full ? 0 : 16 * unit;
        const struct standard standard = {.red = weights[image.matrix][0],
                                          .blue = weights[image.matrix][1],
                                          .one = 10000,
                                          .divisor = colours->divisor,
                                          .offset = colours->offset,
                                          .middle = 128 * unit,
                                          .levels = full ? most : 224 * unit};
        assert_int_equal(colours->luma * (full ? most : 219 * unit), 255 * colours->divisor);
        assert_int_equal(colours->offset, colours->divisor - 2 * colours->luma * black);
        assert_int_equal(colours->most, most);
        assert_int_equal(colours->middle, standard.middle);
        check_chroma(colours, &standard);
    }
}

/* Written out by hand: helpers could share a mistake with the code. */
static void test_known_colours(void **state)
{
    (void)state;
    static const struct {
        qc_matrix matrix;
        qc_range range;
        uint8_t yuv[3], rgb[3];
    } known[] = {
        {QC_MATRIX_BT601, QC_RANGE_DEFAULT, {16, 128, 128}, {0, 0, 0}},
        {QC_MATRIX_BT601, QC_RANGE_LIMITED, {235, 128, 128}, {255, 255, 255}},
        {QC_MATRIX_BT601, QC_RANGE_LIMITED, {82, 90, 240}, {255, 1, 0}},  /* red */
        {QC_MATRIX_BT709, QC_RANGE_LIMITED, {63, 102, 240}, {255, 1, 0}}, /* red */
        {QC_MATRIX_BT709, QC_RANGE_LIMITED, {32, 240, 118}, {1, 0, 255}}, /* blue */
        {QC_MATRIX_BT601, QC_RANGE_FULL, {29, 255, 107}, {0, 0, 254}},    /* blue */
        {QC_MATRIX_BT601, QC_RANGE_FULL, {200, 128, 128}, {200, 200, 200}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        qc_image image;
        assert_int_equal(qc_image_init(&image, QC_PIXEL_I444, 1, 1, known[i].yuv), 3);
        image.matrix = known[i].matrix;
        image.range = known[i].range;
        uint8_t rgb[3];
        image_row_rgb(default_kernels(), &image, QC_BACKGROUND_DROP, 0, 0, 1, rgb);
        for (int c = 0; c < 3; c++)
            if (abs(rgb[c] - known[i].rgb[c]) > 1)
                fail_msg("colour %zu: %d %d %d", i, rgb[0], rgb[1], rgb[2]);
    }
}

/* Bytes in an order that tells formats apart: U is 90, V is 240, so red, or the other way round. */
static void test_order_of_bytes(void **state)
{
    (void)state;
    static const uint8_t planar[] = {82, 82, 82, 82, 90, 240}, packed[] = {82, 90, 82, 240},
                         turned[] = {90, 82, 240, 82}, reversed[] = {82, 82, 82, 82, 240, 90},
                         pink[] = {1, 2, 3, 0xff};
    static const struct {
        qc_pixel_format format;
        const uint8_t *bytes;
        uint32_t width, height;
    } frames[] = {{QC_PIXEL_I420, planar, 2, 2}, {QC_PIXEL_YV12, reversed, 2, 2},
                  {QC_PIXEL_NV12, planar, 2, 2}, {QC_PIXEL_NV21, reversed, 2, 2},
                  {QC_PIXEL_YUYV, packed, 2, 1}, {QC_PIXEL_UYVY, turned, 2, 1}};
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        qc_image image;
        assert_true(qc_image_init(&image, frames[i].format, frames[i].width, frames[i].height,
                                  frames[i].bytes));
        uint8_t rgb[6];
        image_row_rgb(default_kernels(), &image, QC_BACKGROUND_DROP, frames[i].height - 1, 0, 2,
                      rgb);
        for (int c = 0; c < 6; c++)
            assert_int_equal(rgb[c] > 200, c % 3 == 0);
    }
    static const qc_pixel_format formats[] = {QC_PIXEL_XBGR, QC_PIXEL_BGRX, QC_PIXEL_ARGB};
    static const uint8_t expected[][3] = {{255, 3, 2}, {3, 2, 1}, {2, 3, 255}};
    for (size_t i = 0; i < 3; i++) {
        qc_image image;
        qc_image_init(&image, formats[i], 1, 1, pink);
        uint8_t rgb[3];
        image_row_rgb(default_kernels(), &image, QC_BACKGROUND_DROP, 0, 0, 1, rgb);
        assert_memory_equal(rgb, expected[i], 3);
    }
    const uint8_t red[] = {0x00, 0xf8};
    qc_image image;
    qc_image_init(&image, QC_PIXEL_RGB565, 1, 1, red);
    uint8_t rgb[3];
    image_row_rgb(default_kernels(), &image, QC_BACKGROUND_DROP, 0, 0, 1, rgb);
    assert_memory_equal(rgb, ((uint8_t[]){255, 0, 0}), 3);
}

/* ------------------------------------------------------------------------------------ first layers
 */

/* What the first layers are given is the table's value of what image_row_rgb() tells. */
static void test_first_layers_see_the_same(void **state)
{
    (void)state;
    static const float mean[3] = {0.4f, 0.5f, 0.6f}, std[3] = {0.2f, 0.25f, 0.3f};
    struct pixel_table table;
    pixel_table_fill(&table, mean, std);
    enum { WIDTH = 37, HEIGHT = 21, PATCH = 7, STRIDE = 3 * PATCH * PATCH };
    random_start("2");
    for (size_t f = 0; f < CONVERTED; f++) {
        struct frame frame = make_frame(converted[f], WIDTH + 3, HEIGHT + 1, 4, true);
        frame.image.left = 3;
        frame.image.top = 1;
        frame.image.width = WIDTH;
        frame.image.height = HEIGHT;
        static uint8_t rgb[3 * WIDTH * HEIGHT], scratch[3 * WIDTH];
        for (uint32_t y = 0; y < HEIGHT; y++)
            image_row_rgb(default_kernels(), &frame.image, QC_BACKGROUND_DROP, y, 0, WIDTH,
                          rgb + 3 * WIDTH * y);
        qc_image plain;
        qc_image_init(&plain, QC_PIXEL_RGB, WIDTH, HEIGHT, rgb);
        static float expected[27 * WIDTH + STRIDE * WIDTH], actual[27 * WIDTH + STRIDE * WIDTH];
        for (uint32_t row = 0; row < HEIGHT / PATCH; row++) {
            image_patch_row(default_kernels(), &plain, QC_BACKGROUND_DROP, &table, PATCH, row,
                            expected, STRIDE, NULL);
            image_patch_row(default_kernels(), &frame.image, QC_BACKGROUND_DROP, &table, PATCH, row,
                            actual, STRIDE, scratch);
            assert_memory_equal(actual, expected, WIDTH / PATCH * STRIDE * sizeof(float));
        }
        for (uint32_t row = 0; row < image_stem_size(HEIGHT); row++) {
            image_stem_row(default_kernels(), &plain, QC_BACKGROUND_DROP, &table, row, expected, 27,
                           NULL);
            image_stem_row(default_kernels(), &frame.image, QC_BACKGROUND_DROP, &table, row, actual,
                           27, scratch);
            assert_memory_equal(actual, expected, image_stem_size(WIDTH) * 27 * sizeof(float));
        }
        free_frame(&frame);
    }
}

/* ----------------------------------------------------------------------------------------- scores
 */

static qc_model *models[2];

static int open_models(void **state)
{
    (void)state;
    char path[] = "/tmp/qualiclip-frames-XXXXXX";
    const int file = mkstemp(path);
    if (file < 0)
        return -1;
    close(file);
    struct tiny_vit_options vit = tiny_vit_options();
    vit.patch_size = 16;
    write_tiny_vit(path, &vit);
    qc_status status = qc_model_open(&models[0], path, NULL);
    struct tiny_resnet_options resnet = tiny_resnet_options();
    resnet.low_level_width = 8;
    resnet.low_level_feature_size = 8;
    unlink(path); /* the other one is still mapped */
    write_tiny_resnet(path, &resnet);
    if (!status)
        status = qc_model_open(&models[1], path, NULL);
    unlink(path);
    return status;
}

static int close_models(void **state)
{
    (void)state;
    qc_model_close(models[0]);
    qc_model_close(models[1]);
    return 0;
}

static void check_scores(const qc_image *frame, const qc_image *plain, qc_size_rule rule)
{
    for (int m = 0; m < 2; m++) {
        qc_scorer_options options;
        qc_scorer_options_init(&options);
        options.max_width = options.max_height = 300;
        options.size_rule = rule;
        options.size_pixels = rule == QC_SIZE_CROP ? 64 : rule == QC_SIZE_LONG ? 90 : 0;
        if (m == 1 && rule != QC_SIZE_NATIVE)
            continue; /* GRepQ wants 144 pixels; views are the ViT's test's */
        qc_scorer *scorer;
        assert_int_equal(qc_scorer_create(&scorer, models[m], &options), QC_OK);
        qc_result expected, actual;
        assert_int_equal(qc_score(scorer, plain, &expected), QC_OK);
        assert_int_equal(qc_score(scorer, frame, &actual), QC_OK);
        assert_memory_equal(&actual.score, &expected.score, sizeof actual.score);
        assert_memory_equal(actual.pairs, expected.pairs, sizeof actual.pairs);
        qc_scorer_destroy(scorer);
    }
}

/* Whole frames and an odd region, whatever is looked at of them. */
static void test_scores(void **state)
{
    (void)state;
    static const qc_pixel_format formats[] = {QC_PIXEL_NV12, QC_PIXEL_YUYV, QC_PIXEL_P010,
                                              QC_PIXEL_RGB565};
    static const qc_size_rule rules[] = {QC_SIZE_NATIVE, QC_SIZE_CROP, QC_SIZE_LONG, QC_SIZE_TILES};
    enum { WIDTH = 241, HEIGHT = 233, LEFT = 5, TOP = 3 };
    uint8_t *rgb = malloc(3 * WIDTH * HEIGHT);
    assert_non_null(rgb);
    random_start("3");
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        struct frame frame = make_frame(formats[f], WIDTH, HEIGHT, 2, f % 2);
        for (int region = 0; region < 2; region++) {
            if (region) {
                frame.image.left = LEFT;
                frame.image.top = TOP;
                frame.image.width -= LEFT + 2;
                frame.image.height -= TOP + 2;
            }
            const uint32_t width = frame.image.width, height = frame.image.height;
            for (uint32_t y = 0; y < height; y++)
                image_row_rgb(default_kernels(), &frame.image, QC_BACKGROUND_DROP, y, 0, width,
                              rgb + 3 * (size_t)width * y);
            qc_image plain;
            qc_image_init(&plain, QC_PIXEL_RGB, width, height, rgb);
            for (size_t r = 0; r < 4; r++)
                check_scores(&frame.image, &plain, rules[r]);
        }
        free_frame(&frame);
    }
    free(rgb);
}

/* ------------------------------------------------------------------------------------ descriptions
 */

static void test_sizes_of_frames(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t even, odd; /* bytes of 640 x 480 and of 5 x 3 pixels */
    } known[] = {
        {"rgb", 921600, 45},    {"bgr", 921600, 45},    {"rgba", 1228800, 60},
        {"bgra", 1228800, 60},  {"rgbx", 1228800, 60},  {"bgrx", 1228800, 60},
        {"grey", 307200, 15},   {"argb", 1228800, 60},  {"abgr", 1228800, 60},
        {"xrgb", 1228800, 60},  {"xbgr", 1228800, 60},  {"rgb565", 614400, 30},
        {"grey10", 614400, 30}, {"grey12", 614400, 30}, {"i420", 460800, 27},
        {"yv12", 460800, 27},   {"i422", 614400, 33},   {"i444", 921600, 45},
        {"nv12", 460800, 27},   {"nv21", 460800, 27},   {"nv16", 614400, 33},
        {"p010", 921600, 54},   {"yuyv", 614400, 36},   {"uyvy", 614400, 36},
    };
    const size_t count = sizeof known / sizeof known[0];
    for (size_t i = 0; i < count; i++) {
        qc_image image;
        const qc_pixel_format format = (qc_pixel_format)i;
        assert_string_equal(qc_pixel_format_name(format), known[i].name);
        assert_int_equal(qc_image_init(&image, format, 640, 480, NULL), known[i].even);
        assert_null(image.planes[0]);
        uint8_t byte;
        assert_int_equal(qc_image_init(&image, format, 5, 3, &byte), known[i].odd);
        assert_int_equal(image_check(&image, NULL), QC_OK);
        assert_int_equal(qc_image_init(&image, format, 0, 3, &byte), 0);
        assert_int_equal(qc_image_init(&image, format, 3, IMAGE_SIDE_MAX + 1, &byte), 0);
    }
    qc_image image;
    assert_null(qc_pixel_format_name((qc_pixel_format)count));
    assert_null(qc_pixel_format_name((qc_pixel_format)-1));
    assert_int_equal(qc_image_init(&image, (qc_pixel_format)count, 4, 4, NULL), 0);
}

static void assert_refused(qc_image image, qc_status status, const char *part)
{
    char text[QC_MESSAGE_SIZE] = "";
    struct message message = {text, sizeof text};
    assert_int_equal(image_check(&image, &message), status);
    if (!strstr(text, part))
        fail_msg("%s", text);
}

static void test_wrong_frames_are_refused(void **state)
{
    (void)state;
    static const uint8_t bytes[1000];
    qc_image good, image;
    assert_int_equal(qc_image_init(&good, QC_PIXEL_I420, 13, 7, bytes), 13 * 7 + 2 * 7 * 4);
    assert_int_equal(image_check(&good, NULL), QC_OK);
    image = good;
    image.planes[2] = NULL;
    assert_refused(image, QC_ERROR_ARGUMENT, "planes[2]");
    image = good;
    image.strides[1] = 6;
    assert_refused(image, QC_ERROR_ARGUMENT, "strides[1] is 6, expected 7");
    image = good;
    image.strides[2] = PTRDIFF_MIN;
    assert_refused(image, QC_ERROR_ARGUMENT, "strides[2]");
    image = good;
    image.left = 1; /* 14 columns: more than a row of luma has */
    assert_refused(image, QC_ERROR_ARGUMENT, "strides[0] is 13, expected 14");
    image = good;
    image.left = IMAGE_SIDE_MAX - 12;
    assert_refused(image, QC_ERROR_TOO_LARGE, "left + width is 1048577");
    image = good;
    image.top = UINT32_MAX;
    assert_refused(image, QC_ERROR_TOO_LARGE, "top + height");
    image = good;
    image.matrix = (qc_matrix)3;
    assert_refused(image, QC_ERROR_ARGUMENT, "matrix is 3");
    image = good;
    image.range = (qc_range)3;
    assert_refused(image, QC_ERROR_ARGUMENT, "range is 3");
    image = good;
    image.reserved[3] = 1;
    assert_refused(image, QC_ERROR_ARGUMENT, "reserved[3]");
    qc_image_init(&image, QC_PIXEL_NV12, 13, 7, bytes);
    image.planes[2] = bytes;
    assert_refused(image, QC_ERROR_ARGUMENT, "nv12 has fewer planes");
    qc_image_init(&image, QC_PIXEL_RGB, 13, 7, bytes);
    image.range = QC_RANGE_LIMITED;
    assert_refused(image, QC_ERROR_UNSUPPORTED, "format is rgb");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_strides_sizes_and_regions),
        cmocka_unit_test(test_every_colour),
        cmocka_unit_test(test_chroma_is_exact),
        cmocka_unit_test(test_known_colours),
        cmocka_unit_test(test_order_of_bytes),
        cmocka_unit_test(test_first_layers_see_the_same),
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_sizes_of_frames),
        cmocka_unit_test(test_wrong_frames_are_refused),
    };
    return cmocka_run_group_tests_name("frames", tests, open_models, close_models);
}
