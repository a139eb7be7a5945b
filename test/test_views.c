/*
 * test_views.c - what a tower gets to see of an image: sizes, positions and pixels of each rule,
 * against Pillow's (test/golden/resize) and against the rule written down plainly.  All memory is
 * of just the size that was planned.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "views.h"

#include <cmocka.h>

#include "default_kernels.h"
#include "resize_golden.h"

#define MINIMUM 32 /* of the tower that is imagined */

/* -------------------------------------------------------------------------------------- helpers */

/* A scorer's worth of it. */
struct fixture {
    struct views views;
    struct layers layers;
    struct tower_limits tower;
    void *block;
};

/* The caller's pool: as many workers as asked for, in turns. */
static void run_backwards(void *pool, size_t count, qc_task *task, void *context)
{
    size_t workers = *(size_t *)pool;
    for (size_t i = count; i-- > 0;)
        task(context, i, i % workers);
}

static size_t workers;

static void plan(struct fixture *fixture, const struct size_rule *rule,
                 const struct tower_limits *limits, struct arena *arena)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.threads = (uint32_t)workers;
    options.parallel_for = workers > 1 ? run_backwards : NULL;
    options.pool = &workers;
    fixture->layers =
        (struct layers){.kernels = default_kernels(), .threads = threads_plan(arena, &options)};
    views_plan(&fixture->views, rule, limits, arena, &fixture->layers.scratch_size);
    fixture->layers.scratch_size = (fixture->layers.scratch_size + 63) / 64 * 64;
    fixture->layers.scratch = arena_take(arena, workers, fixture->layers.scratch_size);
    if (arena->base) {
        struct message none = {NULL, 0};
        assert_int_equal(threads_start(fixture->layers.threads, &options, &none), QC_OK);
    }
}

static void open_fixture(struct fixture *fixture, struct size_rule rule, size_t width,
                         size_t height, size_t batch, size_t threads)
{
    struct tower_limits limits = {width, height, batch};
    struct arena arena = {0};
    workers = threads;
    plan(fixture, &rule, &limits, &arena);
    assert_false(arena.overflow);
    arena = (struct arena){.base = aligned_alloc(ARENA_ALIGNMENT, arena.used)};
    assert_non_null(arena.base);
    fixture->block = arena.base;
    plan(fixture, &rule, &limits, &arena);
    fixture->tower = size_rule_limits(&rule, &limits);
}

static void close_fixture(struct fixture *fixture)
{
    threads_stop(fixture->layers.threads);
    free(fixture->block);
}

/* The one view of an image, which must have the size that was announced and suit the tower. */
static qc_image only_view(struct fixture *fixture, const qc_image *image, size_t slot)
{
    uint32_t width, height;
    struct message none = {NULL, 0};
    assert_int_equal(views_size(&fixture->views.rule, image, 1, &width, &height, &none), QC_OK);
    qc_image made[VIEWS_MOST];
    assert_int_equal(
        views_make(&fixture->views, &fixture->layers, QC_BACKGROUND_DROP, image, slot, made), 1);
    assert_int_equal(made[0].width, width);
    assert_int_equal(made[0].height, height);
    assert_true(larger(width, height) <= larger(fixture->tower.width, fixture->tower.height));
    assert_true(smaller(width, height) <= smaller(fixture->tower.width, fixture->tower.height));
    return made[0];
}

/* The rule as the command line has it. */
static struct size_rule parse(const char *text)
{
    if (strncmp(text, "crop", 4) == 0)
        return (struct size_rule){QC_SIZE_CROP, (uint32_t)strtoul(text + 4, NULL, 10)};
    if (strncmp(text, "long=", 5) == 0)
        return (struct size_rule){QC_SIZE_LONG, (uint32_t)strtoul(text + 5, NULL, 10)};
    return (struct size_rule){QC_SIZE_NATIVE, 0};
}

static void assert_pixels(const qc_image *view, const uint8_t *expected, const char *what)
{
    uint8_t *row = malloc((size_t)3 * view->width);
    assert_non_null(row);
    for (uint32_t y = 0; y < view->height; y++) {
        image_row_rgb(default_kernels(), view, QC_BACKGROUND_DROP, y, 0, view->width, row);
        for (size_t i = 0; i < (size_t)3 * view->width; i++)
            if (row[i] != expected[(size_t)3 * view->width * y + i])
                fail_msg("%s: x %zu, y %u is %d, expected %d", what, i / 3, (unsigned)y, row[i],
                         expected[(size_t)3 * view->width * y + i]);
    }
    free(row);
}

/* ------------------------------------------------------------------------------ crops and long */

static size_t rule_cases;

static void check_golden(const struct resize_golden *golden)
{
    if (strcmp(golden->rule, "resize") == 0)
        return;
    rule_cases++;
    uint8_t *pixels = noise_pixels(golden->seed, golden->width, golden->height);
    qc_image image = rgb_image(pixels, golden->width, golden->height);
    /* Planned for just this size, for the image turned, and for larger ones. */
    const size_t limits[][2] = {{golden->width, golden->height},
                                {golden->height, golden->width},
                                {golden->width + 100, golden->height + 3}};
    char what[80];
    snprintf(what, sizeof what, "%s of %u x %u", golden->rule, golden->width, golden->height);
    for (size_t i = 0; i < 3; i++) {
        struct fixture fixture;
        open_fixture(&fixture, parse(golden->rule), limits[i][0], limits[i][1], 1, 1 + 2 * i);
        qc_image view = only_view(&fixture, &image, 0);
        assert_int_equal(view.width, golden->out_width);
        assert_int_equal(view.height, golden->out_height);
        assert_pixels(&view, golden->expected, what);
        close_fixture(&fixture);
    }
    free(pixels);
}

static void equal_to_pillow_by_every_rule(void **state)
{
    (void)state;
    resize_golden_each(check_golden);
    assert_int_equal(rule_cases, 43);
}

/* What needs no resizing is the caller's memory. */
static void nothing_is_copied_without_need(void **state)
{
    (void)state;
    uint8_t *pixels = noise_pixels(1, 60, 40);
    qc_image image = rgb_image(pixels, 60, 40);
    static const char *const rules[] = {"native", "long=60", "long=61", "long=4000"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct fixture fixture;
        open_fixture(&fixture, parse(rules[i]), 60, 60, 1, 1);
        qc_image view = only_view(&fixture, &image, 0);
        assert_ptr_equal(view.planes[0], pixels);
        assert_int_equal(view.strides[0], image.strides[0]);
        assert_int_equal(view.width, 60);
        assert_int_equal(view.height, 40);
        close_fixture(&fixture);
    }
    struct fixture fixture;
    open_fixture(&fixture, parse("crop40"), 60, 60, 1, 1);
    qc_image view = only_view(&fixture, &image, 0);
    assert_ptr_equal(view.planes[0], pixels);
    assert_int_equal(view.left, 10);
    assert_int_equal(view.top, 0);
    assert_int_equal(view.strides[0], image.strides[0]);
    close_fixture(&fixture);
    free(pixels);
}

/* Images of a batch do not disturb each other, in any order. */
static void slots_are_apart(void **state)
{
    (void)state;
    enum { count = 5 };
    static const uint32_t sizes[count][2] = {{90, 70}, {70, 90}, {33, 90}, {90, 17}, {31, 31}};
    static const char *const rules[] = {"crop24", "long=24"};
    for (size_t r = 0; r < 2; r++) {
        struct fixture batch, alone;
        uint8_t *pixels[count];
        qc_image images[count], views[count];
        open_fixture(&batch, parse(rules[r]), 90, 90, count, 3);
        for (size_t i = count; i-- > 0;) {
            pixels[i] = noise_pixels((unsigned)i, sizes[i][0], sizes[i][1]);
            images[i] = rgb_image(pixels[i], sizes[i][0], sizes[i][1]);
            views[i] = only_view(&batch, &images[i], i);
        }
        for (size_t i = 0; i < count; i++) {
            open_fixture(&alone, parse(rules[r]), sizes[i][0], sizes[i][1], 1, 1);
            qc_image view = only_view(&alone, &images[i], 0);
            assert_int_equal(view.width, views[i].width);
            assert_int_equal(view.height, views[i].height);
            assert_pixels(&views[i], view.planes[0], rules[r]);
            close_fixture(&alone);
            free(pixels[i]);
        }
        close_fixture(&batch);
    }
}

/* Sides that no computer holds, and the widest there are: sizes do not overflow. */
static void extreme_sizes(void **state)
{
    (void)state;
    struct message none = {NULL, 0};
    uint32_t width, height;
    uint8_t *pixels = noise_pixels(1, IMAGE_SIDE_MAX, 1);
    qc_image image = rgb_image(pixels, IMAGE_SIDE_MAX, 1);
    struct size_rule rule = {QC_SIZE_CROP, IMAGE_SIDE_MAX};
    assert_int_equal(views_size(&rule, &image, 1, &width, &height, &none), QC_OK);
    assert_int_equal(width, IMAGE_SIDE_MAX);
    assert_int_equal(height, IMAGE_SIDE_MAX);

    struct fixture fixture;
    open_fixture(&fixture, parse("long=7"), IMAGE_SIDE_MAX, 1, 1, 2);
    qc_image view = only_view(&fixture, &image, 0);
    assert_int_equal(view.width, 7);
    assert_int_equal(view.height, 1);
    close_fixture(&fixture);

    open_fixture(&fixture, parse("crop16"), IMAGE_SIDE_MAX, 1, 1, 2);
    view = only_view(&fixture, &image, 0);
    for (uint32_t x = 0; x < 16; x++) /* one pixel, sixteen times as large, beside the next */
        assert_memory_equal(view.planes[0] + 3 * x, view.planes[0] + 3 * 16 * 15 + 3 * x, 3);
    close_fixture(&fixture);
    free(pixels);
}

/* ---------------------------------------------------------------------------------------- tiles */

static void check_tiles(uint32_t width, uint32_t height, size_t expected)
{
    /* No pixel is read: where the crops lie is all that counts. */
    uint8_t *pixels = calloc((size_t)width * height, 3);
    assert_non_null(pixels);
    qc_image image = rgb_image(pixels, width, height), made[VIEWS_MOST];
    image.left = 7; /* the caller's own region of a larger frame */
    image.top = 5;
    size_t all = 0, step = 0, count = 0;
    for (uint32_t y = 0; y + 224 <= height; y += 32)
        for (uint32_t x = 0; x + 224 <= width; x += 32)
            all++;
    step = all > 15 ? all / 15 : 1;

    struct fixture fixture;
    open_fixture(&fixture, (struct size_rule){QC_SIZE_TILES, 0}, width, height, 1, 1);
    assert_int_equal(fixture.tower.width, 224);
    assert_int_equal(fixture.tower.height, 224);
    assert_int_equal(fixture.tower.batch, 15);
    assert_int_equal(
        views_make(&fixture.views, &fixture.layers, QC_BACKGROUND_DROP, &image, 0, made), expected);
    size_t index = 0;
    for (uint32_t y = 0; y + 224 <= height; y += 32)
        for (uint32_t x = 0; x + 224 <= width; x += 32, index++) {
            if (index % step != 0 || count == 15)
                continue;
            assert_ptr_equal(made[count].planes[0], pixels);
            assert_int_equal(made[count].left, image.left + x);
            assert_int_equal(made[count].top, image.top + y);
            assert_int_equal(made[count].strides[0], image.strides[0]);
            assert_int_equal(made[count].width, 224);
            assert_int_equal(made[count++].height, 224);
        }
    assert_int_equal(count, expected);
    close_fixture(&fixture);
    free(pixels);
}

static void tiles_lie_on_the_grid(void **state)
{
    (void)state;
    static const uint32_t sizes[][3] = {
        {224, 224, 1},  {255, 255, 1},  {256, 224, 2},   {224, 287, 2},   {352, 288, 15},
        {320, 320, 15}, {352, 320, 15}, {384, 352, 15},  {1024, 768, 15}, {3000, 4000, 15},
        {672, 224, 15}, {704, 224, 15}, {224, 1000, 15}, {320, 287, 8},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_tiles(sizes[i][0], sizes[i][1], sizes[i][2]);
}

/* Bottom-up images of four bytes a pixel: crops begin at the last row in memory. */
static void tiles_of_a_turned_image(void **state)
{
    (void)state;
    const uint32_t width = 256, height = 256;
    uint8_t *pixels = noise_pixels(3, width * 4 / 3 + 1, height);
    const ptrdiff_t stride = (ptrdiff_t)width * 4 + 1;
    qc_image image = {.format = QC_PIXEL_BGRX,
                      .width = width,
                      .height = height,
                      .planes = {pixels + (height - 1) * stride},
                      .strides = {-stride}};
    struct fixture fixture;
    qc_image made[VIEWS_MOST];
    open_fixture(&fixture, (struct size_rule){QC_SIZE_TILES, 0}, width, height, 1, 1);
    assert_int_equal(
        views_make(&fixture.views, &fixture.layers, QC_BACKGROUND_DROP, &image, 0, made), 4);
    uint8_t whole[3], part[3];
    image_row_rgb(default_kernels(), &image, QC_BACKGROUND_DROP, 32 + 223, 32 + 223, 1, whole);
    image_row_rgb(default_kernels(), &made[3], QC_BACKGROUND_DROP, 223, 223, 1, part);
    assert_memory_equal(whole, part, 3);
    assert_ptr_equal(made[3].planes[0], image.planes[0]);
    assert_int_equal(made[3].left, 32);
    assert_int_equal(made[3].top, 32);
    close_fixture(&fixture);
    free(pixels);
}

/* --------------------------------------------------------------------------------------- errors */

static void check_too_small(struct size_rule rule, uint32_t width, uint32_t height,
                            const char *part_of_message)
{
    static const uint8_t byte;
    qc_image image = rgb_image(&byte, width, height);
    char text[QC_MESSAGE_SIZE] = "";
    struct message message = {text, sizeof text};
    uint32_t seen_width, seen_height;
    assert_int_equal(views_size(&rule, &image, MINIMUM, &seen_width, &seen_height, &message),
                     QC_ERROR_TOO_SMALL);
    if (!strstr(text, part_of_message))
        fail_msg("'%s' does not say '%s'", text, part_of_message);
}

static void too_small_is_an_error_that_tells_the_sizes(void **state)
{
    (void)state;
    check_too_small((struct size_rule){QC_SIZE_NATIVE, 0}, 31, 90, "31 x 90 pixels, the");
    check_too_small((struct size_rule){QC_SIZE_LONG, 100}, 90, 31, "90 x 31 pixels, the");
    check_too_small((struct size_rule){QC_SIZE_LONG, 100}, 1000, 50,
                    "1000 x 50 pixels, resized 100 x 5, the");
    check_too_small((struct size_rule){QC_SIZE_TILES, 0}, 223, 500, "at least 224 x 224");
    check_too_small((struct size_rule){QC_SIZE_TILES, 0}, 500, 223, "500 x 223");
}

static void check_rule(struct size_rule rule, uint32_t minimum, qc_status expected,
                       const char *part_of_message)
{
    char text[QC_MESSAGE_SIZE] = "";
    struct message message = {text, sizeof text};
    assert_int_equal(size_rule_check(&rule, minimum, &message), expected);
    if (!strstr(text, part_of_message))
        fail_msg("'%s' does not say '%s'", text, part_of_message);
}

static void rules_suit_the_model(void **state)
{
    (void)state;
    check_rule((struct size_rule){QC_SIZE_NATIVE, 0}, 32, QC_OK, "");
    check_rule((struct size_rule){QC_SIZE_CROP, 32}, 32, QC_OK, "");
    check_rule((struct size_rule){QC_SIZE_CROP, 31}, 32, QC_ERROR_ARGUMENT,
               "size_pixels is 31, expected 32 (the model's minimum) to 1048576");
    check_rule((struct size_rule){QC_SIZE_LONG, IMAGE_SIDE_MAX}, 32, QC_OK, "");
    check_rule((struct size_rule){QC_SIZE_LONG, IMAGE_SIDE_MAX + 1}, 32, QC_ERROR_ARGUMENT,
               "size_pixels is 1048577");
    check_rule((struct size_rule){QC_SIZE_TILES, 0}, 224, QC_OK, "");
    check_rule((struct size_rule){QC_SIZE_TILES, 0}, 225, QC_ERROR_ARGUMENT, "225 x 225");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_to_pillow_by_every_rule),
        cmocka_unit_test(nothing_is_copied_without_need),
        cmocka_unit_test(slots_are_apart),
        cmocka_unit_test(extreme_sizes),
        cmocka_unit_test(tiles_lie_on_the_grid),
        cmocka_unit_test(tiles_of_a_turned_image),
        cmocka_unit_test(too_small_is_an_error_that_tells_the_sizes),
        cmocka_unit_test(rules_suit_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
