/*
 * test_resize.c - resizing, to the bit as Pillow does it: sizes up and down, rectangles, rows in
 * any pieces, every pixel format.  All memory is of just the size that was planned, so that
 * AddressSanitizer sees a byte beyond it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resize.h"

#include <cmocka.h>

#include "default_kernels.h"
#include "resize_golden.h"

/* -------------------------------------------------------------------------------------- helpers */

static size_t reduction(uint32_t in, uint64_t full)
{
    return (size_t)((in + full - 1) / full);
}

/* The planning code over a block of just the bytes that it counted. */
static void *plan_exactly(struct resize *resize, const struct resize_limits *limits)
{
    struct arena arena = {0};
    resize_plan(resize, limits, &arena);
    assert_false(arena.overflow);
    arena = (struct arena){.base = aligned_alloc(ARENA_ALIGNMENT, arena.used)};
    assert_non_null(arena.base);
    resize_plan(resize, limits, &arena);
    return arena.base;
}

/* The rectangle of the resized image, computed `piece` rows at a time, the last piece first. */
static uint8_t *resized(const qc_image *image, qc_background background,
                        const struct resize_goal *goal, uint32_t piece)
{
    struct resize_limits limits = {larger(image->width, image->height),
                                   larger(goal->width, goal->height),
                                   larger(reduction(image->width, goal->full_width),
                                          reduction(image->height, goal->full_height))};
    struct resize resize;
    void *block = plan_exactly(&resize, &limits);
    uint8_t *scratch = malloc(resize_scratch(&limits));
    size_t row = (size_t)3 * goal->width;
    uint8_t *rgb = malloc(row * goal->height);
    assert_non_null(scratch);
    assert_non_null(rgb);
    memset(scratch, 0xAB, resize_scratch(&limits));
    resize_prepare(&resize, image->width, image->height, goal);
    for (uint32_t pieces = (goal->height + piece - 1) / piece; pieces-- > 0;) {
        uint32_t first = pieces * piece;
        resize_rows(&resize, default_kernels(), image, background, first,
                    (uint32_t)smaller(piece, goal->height - first), rgb + first * row, scratch);
    }
    free(scratch);
    free(block);
    return rgb;
}

static struct resize_goal whole(uint32_t width, uint32_t height)
{
    return (struct resize_goal){width, height, 0, 0, width, height};
}

static void assert_same_pixels(const uint8_t *actual, const uint8_t *expected, uint32_t width,
                               uint32_t height, const char *what)
{
    for (size_t i = 0; i < (size_t)3 * width * height; i++)
        if (actual[i] != expected[i])
            fail_msg("%s: x %zu, y %zu, channel %zu is %d, expected %d", what, i / 3 % width,
                     i / 3 / width, i % 3, actual[i], expected[i]);
}

/* ---------------------------------------------------------------------------------------- tests */

static size_t plain_cases;

static void check_golden(const struct resize_golden *golden)
{
    if (strcmp(golden->rule, "resize") != 0)
        return;
    plain_cases++;
    uint8_t *pixels = noise_pixels(golden->seed, golden->width, golden->height);
    qc_image image = rgb_image(pixels, golden->width, golden->height);
    struct resize_goal goal = whole(golden->out_width, golden->out_height);
    char what[80];
    snprintf(what, sizeof what, "%u x %u to %u x %u", golden->width, golden->height,
             golden->out_width, golden->out_height);
    for (uint32_t piece = 1; piece <= golden->out_height; piece = 2 * piece + 1) {
        uint8_t *rgb = resized(&image, QC_BACKGROUND_DROP, &goal, piece);
        assert_same_pixels(rgb, golden->expected, golden->out_width, golden->out_height, what);
        free(rgb);
    }
    free(pixels);
}

static void equal_to_pillow(void **state)
{
    (void)state;
    resize_golden_each(check_golden);
    assert_int_equal(plain_cases, 36);
}

/* A rectangle has the bits that it has in the whole. */
static void a_rectangle_is_part_of_the_whole(void **state)
{
    (void)state;
    static const uint32_t sizes[][4] = {
        {90, 61, 37, 29}, {20, 31, 47, 52}, {90, 61, 90, 29}, {90, 61, 37, 61}, {12, 9, 12, 9}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const uint32_t *size = sizes[i];
        uint8_t *pixels = noise_pixels((unsigned)i, size[0], size[1]);
        qc_image image = rgb_image(pixels, size[0], size[1]);
        struct resize_goal goal = whole(size[2], size[3]);
        uint8_t *all = resized(&image, QC_BACKGROUND_DROP, &goal, size[3]);
        goal = (struct resize_goal){size[2],     size[3],     size[2] / 3,
                                    size[3] / 2, size[2] / 2, size[3] / 3};
        uint8_t *part = resized(&image, QC_BACKGROUND_DROP, &goal, 2);
        for (uint32_t y = 0; y < goal.height; y++)
            assert_same_pixels(part + (size_t)3 * goal.width * y,
                               all + 3 * ((goal.top + y) * size[2] + goal.left), goal.width, 1,
                               "rectangle");
        free(part);
        free(all);
        free(pixels);
    }
}

static const size_t pixel_bytes[] = {3, 3, 4, 4, 4, 4, 1};

/* Any format, gaps between rows, bottom-up, composed: as if it had been RGB from the start. */
static void check_format(qc_pixel_format format, qc_background background, bool bottom_up)
{
    const uint32_t width = 43, height = 34;
    size_t stride = width * pixel_bytes[format] + 5;
    uint8_t *bytes = noise_pixels(format, (uint32_t)stride, height);
    qc_image image = {.format = format, .width = width, .height = height};
    image.planes[0] = bytes + (bottom_up ? (height - 1) * stride : 0);
    image.strides[0] = bottom_up ? -(ptrdiff_t)stride : (ptrdiff_t)stride;
    uint8_t *rgb = malloc((size_t)3 * width * height);
    assert_non_null(rgb);
    for (uint32_t y = 0; y < height; y++)
        image_row_rgb(default_kernels(), &image, background, y, 0, width,
                      rgb + (size_t)3 * width * y);
    qc_image plain = rgb_image(rgb, width, height);

    static const uint32_t goals[][2] = {{17, 14}, {60, 50}, {43, 14}, {17, 34}, {43, 34}};
    for (size_t i = 0; i < sizeof goals / sizeof goals[0]; i++) {
        struct resize_goal goal = whole(goals[i][0], goals[i][1]);
        uint8_t *expected = resized(&plain, QC_BACKGROUND_DROP, &goal, goal.height);
        uint8_t *actual = resized(&image, background, &goal, 7);
        assert_same_pixels(actual, expected, goal.width, goal.height, "format");
        free(actual);
        free(expected);
    }
    free(rgb);
    free(bytes);
}

static void every_format_and_stride(void **state)
{
    (void)state;
    for (int format = QC_PIXEL_RGB; format <= QC_PIXEL_GREY; format++)
        for (int background = QC_BACKGROUND_DROP; background <= QC_BACKGROUND_WHITE; background++)
            for (int bottom_up = 0; bottom_up < 2; bottom_up++)
                check_format((qc_pixel_format)format, (qc_background)background, bottom_up);
}

/* Sums beyond 0...255 are cut off, at both ends, in both passes. */
static void overshoot_is_clipped(void **state)
{
    (void)state;
    uint8_t pixels[3 * 8 * 8];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (i / 3 % 8 < 4) != (i / 24 < 4) ? 255 : 0;
    qc_image image = rgb_image(pixels, 8, 8);
    struct resize_goal goal = whole(32, 32);
    uint8_t *rgb = resized(&image, QC_BACKGROUND_DROP, &goal, 32);
    for (size_t i = 0; i < 3 * 14; i++) {
        size_t row = 3 * 8 * 32;
        assert_int_equal(rgb[row + i], 0); /* the last ones undershoot */
        assert_int_equal(rgb[row + 3 * 18 + i], 255);
    }
    free(rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_to_pillow),
        cmocka_unit_test(a_rectangle_is_part_of_the_whole),
        cmocka_unit_test(every_format_and_stride),
        cmocka_unit_test(overshoot_is_clipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
