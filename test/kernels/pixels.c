/*
 * pixels.c - checks of rows of pixels that become bytes R, G, B.
 *
 * No set may differ by a bit from what kernels.h says, computed here with whole numbers; nor may
 * the reference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernel_check.h"

static void fill(struct guarded *memory)
{
    for (size_t i = 0; i < memory->size; i++) {
        const uint64_t bits = random_bits();
        memory->data[i] = bits & 0x700 ? (uint8_t)bits : bits & 0x800 ? 255 : 0;
    }
}

/* Random bytes, and ends of the range more often than by chance; at any address. */
static struct guarded random_bytes(size_t count)
{
    struct guarded memory = guarded_anywhere(count, 1);
    fill(&memory);
    return memory;
}

static void assert_same_pixels(const char *what, const uint8_t *got, const uint8_t *expected,
                               size_t count)
{
    for (size_t i = 0; i < 3 * count; i++)
        if (got[i] != expected[i])
            fail_msg("%s: channel %zu of pixel %zu in %zu: %d, expected %d", what, i % 3, i / 3,
                     count, got[i], expected[i]);
}

/* ------------------------------------------------------------------------- luma and chroma */

/* A row's samples in memory of their own, and where they are. */
struct yuv_memory {
    struct guarded planes[3];
    yuv_row row;
};

static const struct layout {
    const char *name;
    size_t luma_step, chroma_step, offsets[3]; /* of luma, blue and red in their planes */
    int planes[3];
    bool shared, words, grey;
} layouts[] = {
    {"planes", 1, 1, {0, 0, 0}, {0, 1, 2}, true, false, false},
    {"full planes", 1, 1, {0, 0, 0}, {0, 1, 2}, false, false, false},
    {"pairs", 1, 2, {0, 0, 1}, {0, 1, 1}, true, false, false},
    {"pairs, red first", 1, 2, {0, 1, 0}, {0, 1, 1}, true, false, false},
    {"groups, luma first", 2, 4, {0, 1, 3}, {0, 0, 0}, true, false, false},
    {"groups, luma and red first", 2, 4, {0, 3, 1}, {0, 0, 0}, true, false, false},
    {"groups, chroma first", 2, 4, {1, 0, 2}, {0, 0, 0}, true, false, false},
    {"grey", 1, 0, {0, 0, 0}, {0, 0, 0}, false, false, true},
    {"words, pairs", 2, 4, {0, 0, 2}, {0, 1, 1}, true, true, false},
    {"words, pairs, red first", 2, 4, {0, 2, 0}, {0, 1, 1}, true, true, false},
    {"words, grey", 2, 0, {0, 0, 0}, {0, 0, 0}, false, true, true},
};
#define LAYOUTS (sizeof layouts / sizeof *layouts)

/* Each plane ends where its last group does. */
static void make_row(struct yuv_memory *memory, const struct layout *layout, size_t count)
{
    const size_t groups = layout->shared ? (count + 1) / 2 : count;
    const bool packed = !layout->grey && layout->planes[1] == 0;
    memset(memory, 0, sizeof *memory);
    memory->planes[0] = random_bytes(packed ? groups * 4 : count * layout->luma_step);
    for (int i = 1; i <= layout->planes[1] || i <= layout->planes[2]; i++)
        memory->planes[i] = random_bytes(groups * layout->chroma_step);
    memory->row = (yuv_row){.luma = memory->planes[0].data + layout->offsets[0],
                            .luma_step = layout->luma_step,
                            .chroma_step = layout->chroma_step,
                            .shared = layout->shared,
                            .words = layout->words};
    if (layout->words) /* words of chroma are below 2^12 */
        memory->row.low_bits = (uint16_t)random_between(layout->grey ? 0 : 4, 8);
    if (!layout->grey) {
        memory->row.blue = memory->planes[layout->planes[1]].data + layout->offsets[1];
        memory->row.red = memory->planes[layout->planes[2]].data + layout->offsets[2];
    }
}

static void free_row(struct yuv_memory *memory)
{
    for (int i = 0; i < 3; i++)
        if (memory->planes[i].data)
            guarded_free(&memory->planes[i]);
}

static int32_t random_signed(int32_t most)
{
    return (int32_t)random_between(0, 2 * (size_t)most) - most;
}

static int64_t random_factor(int most, int bits)
{
    const int64_t unit = INT64_C(1) << bits;
    return random_signed(most - 1) * unit + (int64_t)(random_bits() % (uint64_t)unit);
}

/* Anything that kernels.h allows; bytes of chroma have 128 for their middle. */
static yuv_colours random_colours(bool words)
{
    const int most = (int)random_between(2, 255);
    const int64_t room = words ? 2000000 : 32767 - 128 * most;
    yuv_colours colours = {.luma = words ? (int32_t)random_between(1, 100) : random_signed(128),
                           .divisor =
                               (int32_t)(words ? random_between(64, 2047) : random_between(65, 90)),
                           .offset = random_signed((int32_t)(2 * room)),
                           .most = (uint16_t)(words ? random_between(1, 4095) : 255),
                           .middle = (uint16_t)(words ? random_between(0, 4095) : 128),
                           .red = (int32_t)random_factor(most, YUV_BITS),
                           .blue = (int32_t)random_factor(most, YUV_BITS),
                           .green_blue = random_factor((most + 1) / 2, YUV_GREEN_BITS),
                           .green_red = random_factor((most + 1) / 2, YUV_GREEN_BITS)};
    if (most < 200 && random_bits() % 2) /* fewer pixels are cut */
        colours.offset = colours.divisor - 2 * colours.luma * 16;
    if (random_bits() % 2)
        colours.red /= 64, colours.blue /= 64, colours.green_blue /= 64, colours.green_red /= 64;
    return colours;
}

static int64_t floor_of(int64_t number, int64_t divisor)
{
    return number / divisor - (number % divisor < 0);
}

static int32_t sample_at(const yuv_row *row, const uint8_t *first, size_t step, size_t index)
{
    const uint8_t *at = first + index * step;
    return row->words ? (at[0] + 256 * at[1]) >> row->low_bits : at[0];
}

/* What is added to luma, for each channel. */
static void expect_chroma(int64_t chroma[3], const yuv_row *row, const yuv_colours *colours,
                          size_t i)
{
    const size_t at = row->shared ? i / 2 : i;
    int64_t blue = 0, red = 0;
    if (row->blue) {
        blue = sample_at(row, row->blue, row->chroma_step, at) - colours->middle;
        red = sample_at(row, row->red, row->chroma_step, at) - colours->middle;
    }
    const int64_t unit = INT64_C(1) << YUV_GREEN_BITS, more = unit >> YUV_BITS;
    const int64_t offset = colours->offset * (unit / 2);
    chroma[0] = floor_of(colours->red * red * more + offset, unit);
    chroma[1] = floor_of(colours->green_blue * blue + colours->green_red * red + offset, unit);
    chroma[2] = floor_of(colours->blue * blue * more + offset, unit);
}

static void expect_pixel(uint8_t rgb[3], const yuv_row *row, const yuv_colours *colours, size_t i)
{
    const int32_t sample = sample_at(row, row->luma, row->luma_step, i);
    const int64_t luma = (int64_t)colours->luma * (sample < colours->most ? sample : colours->most);
    int64_t chroma[3];
    expect_chroma(chroma, row, colours, i);
    for (int c = 0; c < 3; c++) {
        const int64_t value = floor_of(luma + chroma[c], colours->divisor);
        rgb[c] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

static void check_yuv_row(const kernel_set *set, const char *name, const yuv_row *row,
                          const yuv_colours *colours, size_t count)
{
    struct guarded got = guarded_anywhere(3 * count, 1), expected = guarded_anywhere(3 * count, 1);
    for (size_t i = 0; i < count; i++)
        expect_pixel(expected.data + 3 * i, row, colours, i);
    set->yuv_to_rgb(got.data, row, colours, count);
    assert_same_pixels(name, got.data, expected.data, count);
    guarded_free(&got);
    guarded_free(&expected);
}

/* Every number there can be of some divisors, by grey of which a step is 1. */
static void check_every_quotient(const kernel_set *set, const struct layout *layout,
                                 int32_t divisor)
{
    const size_t count = layout->words ? 1 << 15 : 256;
    struct yuv_memory memory;
    make_row(&memory, layout, count);
    memory.row.low_bits = 0;
    for (size_t i = 0; i < count; i++) {
        memory.planes[0].data[i * layout->luma_step] = (uint8_t)i;
        if (layout->words)
            memory.planes[0].data[2 * i + 1] = (uint8_t)(i >> 8);
    }
    for (int32_t first = -(int32_t)count; first <= 256 * divisor; first += (int32_t)count) {
        const yuv_colours colours = {
            .luma = 1, .divisor = divisor, .offset = 2 * first, .most = (uint16_t)(count - 1)};
        check_yuv_row(set, layout->name, &memory.row, &colours, count);
    }
    free_row(&memory);
}

/* Close to a whole number, so that the least digits tell what it is rounded down to. */
static int64_t delicate_factor(int bits)
{
    return random_signed(30) * (INT64_C(1) << bits) + random_signed(1 << 15);
}

/* Luma such that a channel's quotient is just reached, or just not. */
static void make_delicate(struct yuv_memory *memory, const yuv_colours *colours, int channel,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t chroma[3];
        expect_chroma(chroma, &memory->row, colours, i);
        const int64_t missing = colours->divisor - chroma[channel] % colours->divisor;
        const unsigned luma = (unsigned)(missing - (int64_t)(random_bits() % 2))
                              << memory->row.low_bits;
        uint8_t *at = memory->planes[0].data + (memory->row.luma - memory->planes[0].data) +
                      i * memory->row.luma_step;
        at[0] = (uint8_t)luma;
        if (memory->row.words)
            at[1] = (uint8_t)(luma >> 8);
    }
}

static void check_floors(const kernel_set *set, const struct layout *layout)
{
    enum { COUNT = 1024 };
    const int32_t divisor =
        (int32_t)(layout->words ? random_between(64, 2047) : random_between(65, 90));
    const yuv_colours colours = {.luma = 1,
                                 .divisor = divisor,
                                 .offset = 256 * divisor,
                                 .most = layout->words ? 4095 : 255,
                                 .middle = layout->words ? 2048 : 128,
                                 .red = (int32_t)delicate_factor(YUV_BITS),
                                 .blue = (int32_t)delicate_factor(YUV_BITS),
                                 .green_blue = delicate_factor(YUV_GREEN_BITS),
                                 .green_red = delicate_factor(YUV_GREEN_BITS)};
    struct yuv_memory memory;
    make_row(&memory, layout, COUNT);
    memory.row.low_bits = layout->words ? 4 : 0;
    for (int c = 0; c < 3; c++) {
        make_delicate(&memory, &colours, c, COUNT);
        check_yuv_row(set, layout->name, &memory.row, &colours, COUNT);
    }
    free_row(&memory);
}

/* Numbers of pixels as a vector's and more. */
static void check_counts(const kernel_set *set, const struct layout *layout)
{
    for (size_t count = 0; count <= 140; count++) {
        const yuv_colours colours = random_colours(layout->words);
        struct yuv_memory memory;
        make_row(&memory, layout, count);
        check_yuv_row(set, layout->name, &memory.row, &colours, count);
        free_row(&memory);
    }
}

static void check_yuv(const kernel_set *set)
{
    for (size_t l = 0; l < LAYOUTS; l++) {
        const struct layout *layout = &layouts[l];
        check_counts(set, layout);
        check_floors(set, layout);
        if (layout->grey) {
            check_every_quotient(set, layout, 73);
            check_every_quotient(set, layout, layout->words ? 341 : 65);
            check_every_quotient(set, layout, layout->words ? 2047 : 90);
        }
    }
}

/* ----------------------------------------------------------------------------- packed pixels */

static void check_rgb565_of(const kernel_set *set, const uint8_t *pixels, size_t count)
{
    struct guarded got = guarded_anywhere(3 * count, 1), expected = guarded_anywhere(3 * count, 1);
    for (size_t i = 0; i < count; i++) {
        const unsigned pixel = pixels[2 * i] + 256u * pixels[2 * i + 1];
        const double channels[3] = {(pixel >> 11) / 31.0, (pixel >> 5 & 63) / 63.0,
                                    (pixel & 31) / 31.0};
        for (size_t c = 0; c < 3; c++)
            expected.data[3 * i + c] = (uint8_t)(255 * channels[c] + 0.5);
    }
    set->rgb565_to_rgb(got.data, pixels, count);
    assert_same_pixels("565", got.data, expected.data, count);
    guarded_free(&got);
    guarded_free(&expected);
}

/* Every pixel there is, and every count. */
static void check_rgb565(const kernel_set *set)
{
    struct guarded all = guarded_anywhere(2 * 65536, 1);
    for (size_t i = 0; i < 65536; i++) {
        all.data[2 * i] = (uint8_t)i;
        all.data[2 * i + 1] = (uint8_t)(i >> 8);
    }
    check_rgb565_of(set, all.data, 65536);
    guarded_free(&all);
    for (size_t count = 0; count <= 70; count++) {
        struct guarded pixels = random_bytes(2 * count);
        check_rgb565_of(set, pixels.data, count);
        guarded_free(&pixels);
    }
}

static void check_bytes(const kernel_set *set)
{
    static const size_t steps[] = {1, 3, 4};
    for (size_t s = 0; s < 3; s++)
        for (size_t count = 0; count <= 70; count++) {
            const size_t step = steps[s];
            struct guarded pixels = random_bytes(step * count);
            struct guarded got = guarded_anywhere(3 * count, 1);
            struct guarded expected = guarded_anywhere(3 * count, 1);
            uint8_t bytes[3];
            for (size_t c = 0; c < 3; c++)
                bytes[c] = (uint8_t)random_between(0, step - 1);
            for (size_t i = 0; i < 3 * count; i++)
                expected.data[i] = pixels.data[i / 3 * step + bytes[i % 3]];
            set->bytes_to_rgb(got.data, pixels.data, step, bytes, count);
            assert_same_pixels("bytes", got.data, expected.data, count);
            guarded_free(&pixels);
            guarded_free(&got);
            guarded_free(&expected);
        }
}

/* ------------------------------------------------------------------------------------- timing */

enum { TIMED_PIXELS = 1920 };

struct timed_row {
    const kernel_set *set;
    struct yuv_memory memory;
    yuv_colours colours;
    struct guarded rgb;
};

static void convert_again(void *context)
{
    struct timed_row *t = context;
    t->set->yuv_to_rgb(t->rgb.data, &t->memory.row, &t->colours, TIMED_PIXELS);
}

static void time_yuv(const kernel_set *set)
{
    for (size_t l = 0; l < LAYOUTS; l++) {
        struct timed_row t = {.set = set, .colours = random_colours(layouts[l].words)};
        char shape[48];
        make_row(&t.memory, &layouts[l], TIMED_PIXELS);
        t.rgb = guarded_anywhere(3 * TIMED_PIXELS, 1);
        snprintf(shape, sizeof shape, "%d pixels, %s", TIMED_PIXELS, layouts[l].name);
        time_kernel(shape, 0, convert_again, &t);
        guarded_free(&t.rgb);
        free_row(&t.memory);
    }
}

struct timed_pixels {
    const kernel_set *set;
    size_t step;
    struct guarded pixels, rgb;
};

static void expand_again(void *context)
{
    struct timed_pixels *t = context;
    t->set->rgb565_to_rgb(t->rgb.data, t->pixels.data, TIMED_PIXELS);
}

static void order_again(void *context)
{
    static const uint8_t bytes[3] = {2, 1, 0};
    struct timed_pixels *t = context;
    t->set->bytes_to_rgb(t->rgb.data, t->pixels.data, t->step, bytes, TIMED_PIXELS);
}

static void time_pixels(const kernel_set *set, const char *shape, size_t step,
                        void (*call)(void *context))
{
    struct timed_pixels t = {set, step, random_bytes(step * TIMED_PIXELS),
                             guarded_anywhere(3 * TIMED_PIXELS, 1)};
    time_kernel(shape, 0, call, &t);
    guarded_free(&t.pixels);
    guarded_free(&t.rgb);
}

static void time_rgb565(const kernel_set *set)
{
    time_pixels(set, "1920 pixels", 2, expand_again);
}

static void time_bytes(const kernel_set *set)
{
    time_pixels(set, "1920 pixels of 3 bytes", 3, order_again);
    time_pixels(set, "1920 pixels of 4 bytes", 4, order_again);
}

const struct kernel_check pixel_checks[] = {
    {"yuv_to_rgb", NULL, NULL, check_yuv, time_yuv},
    {"rgb565_to_rgb", NULL, NULL, check_rgb565, time_rgb565},
    {"bytes_to_rgb", NULL, NULL, check_bytes, time_bytes},
    {0},
};
