/*
 * test_image.c - gathering pixels, against the definition written pixel by pixel.
 *
 * Images lie in blocks of exactly their size, so that AddressSanitizer sees a read beyond them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h" /* before cmocka.h, whose macro fail() is not the library's function */

#include <cmocka.h>

#include "default_kernels.h"

static const float mean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
static const float std[3] = {0.26862954f, 0.26130258f, 0.27577711f};

static uint32_t random_state = 1;

static uint32_t next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static const size_t pixel_bytes[] = {3, 3, 4, 4, 4, 4, 1};

struct sample {
    qc_image image;
    uint8_t *block;
};

/* `gap`: unused bytes between rows; the last row in memory has none after it. */
static struct sample make_sample(qc_pixel_format format, uint32_t width, uint32_t height,
                                 size_t gap, int bottom_up)
{
    size_t stride = width * pixel_bytes[format] + gap;
    size_t size = (height - 1) * stride + width * pixel_bytes[format];
    struct sample sample = {.block = malloc(size)};
    assert_non_null(sample.block);
    for (size_t i = 0; i < size; i++)
        sample.block[i] = (uint8_t)next_random();
    sample.image = (qc_image){.format = format, .width = width, .height = height};
    sample.image.planes[0] = sample.block + (bottom_up ? (height - 1) * stride : 0);
    sample.image.strides[0] = bottom_up ? -(ptrdiff_t)stride : (ptrdiff_t)stride;
    return sample;
}

/* The definition: channel c (0 red, 1 green, 2 blue) of a pixel. */
static unsigned channel(const qc_image *image, qc_background background, uint32_t y, uint32_t x,
                        int c)
{
    const uint8_t *pixel =
        image->planes[0] + (ptrdiff_t)y * image->strides[0] + x * pixel_bytes[image->format];
    if (image->format == QC_PIXEL_GREY)
        return pixel[0];
    int reversed = image->format == QC_PIXEL_BGR || image->format == QC_PIXEL_BGRA ||
                   image->format == QC_PIXEL_BGRX;
    unsigned value = pixel[reversed ? 2 - c : c];
    int has_alpha = image->format == QC_PIXEL_RGBA || image->format == QC_PIXEL_BGRA;
    if (!has_alpha || background == QC_BACKGROUND_DROP)
        return value;
    double behind = background == QC_BACKGROUND_WHITE ? 255 : 0;
    double alpha = pixel[3] / 255.0;
    return (unsigned)(alpha * value + (1 - alpha) * behind + 0.5);
}

static float normalised(unsigned value, int c)
{
    return ((float)value / 255.0f - mean[c]) / std[c];
}

static const float untouched = -12345.0f;

static float *make_output(size_t count)
{
    float *out = malloc(count * sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < count; i++)
        out[i] = untouched;
    return out;
}

/* Bits, so that no difference however small, and no NaN, passes. */
static void assert_same_float(float actual, float expected)
{
    if (memcmp(&actual, &expected, sizeof actual) != 0)
        fail_msg("%.9g, expected %.9g", (double)actual, (double)expected);
}

static void check_rows(const qc_image *image, qc_background background)
{
    uint32_t x = image->width / 3, count = image->width - x;
    uint8_t *rgb = malloc((size_t)count * 3);
    assert_non_null(rgb);
    for (uint32_t y = 0; y < image->height; y++) {
        image_row_rgb(default_kernels(), image, background, y, x, count, rgb);
        for (uint32_t i = 0; i < 3 * count; i++)
            assert_int_equal(rgb[i], channel(image, background, y, x + i / 3, (int)(i % 3)));
    }
    free(rgb);
}

static void check_patches(const qc_image *image, qc_background background,
                          const struct pixel_table *table, uint32_t size)
{
    size_t columns = image->width / size, values = (size_t)3 * size * size, stride = values + 5;
    uint8_t *scratch = malloc(image_scratch(image->width));
    for (uint32_t row = 0; row < image->height / size; row++) {
        float *out = make_output(columns * stride + 1);
        image_patch_row(default_kernels(), image, background, table, size, row, out, stride,
                        scratch);
        for (size_t i = 0; i < columns * stride + 1; i++) {
            size_t patch = i / stride, k = i % stride;
            if (patch == columns || k >= values) {
                assert_same_float(out[i], untouched);
                continue;
            }
            int c = (int)(k / (size * size));
            uint32_t y = row * size + (uint32_t)(k / size % size);
            uint32_t x = (uint32_t)(patch * size + k % size);
            assert_same_float(out[i], normalised(channel(image, background, y, x, c), c));
        }
        free(out);
    }
    free(scratch);
}

static void check_stem(const qc_image *image, qc_background background,
                       const struct pixel_table *table)
{
    /* PyTorch's size of a 3x3 convolution of stride 2 and padding 1. */
    size_t columns = (image->width + 2 - 3) / 2 + 1, rows = (image->height + 2 - 3) / 2 + 1;
    assert_int_equal(image_stem_size(image->width), columns);
    assert_int_equal(image_stem_size(image->height), rows);
    size_t stride = 27 + 5;
    uint8_t *scratch = malloc(image_scratch(image->width));
    for (uint32_t row = 0; row < rows; row++) {
        float *out = make_output(columns * stride + 1);
        image_stem_row(default_kernels(), image, background, table, row, out, stride, scratch);
        for (size_t i = 0; i < columns * stride + 1; i++) {
            size_t column = i / stride, k = i % stride;
            if (column == columns || k >= 27) {
                assert_same_float(out[i], untouched);
                continue;
            }
            long y = 2 * (long)row - 1 + (long)(k / 9);
            long x = 2 * (long)column - 1 + (long)(k / 3 % 3);
            int c = (int)(k % 3);
            int inside = y >= 0 && x >= 0 && y < (long)image->height && x < (long)image->width;
            float expected = 0.0f;
            if (inside)
                expected = normalised(channel(image, background, (uint32_t)y, (uint32_t)x, c), c);
            assert_same_float(out[i], expected);
        }
        free(out);
    }
    free(scratch);
}

static void test_every_format_stride_and_size(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1},  {2, 1}, {1, 2},   {3, 3},  {4, 4},
                                        {13, 7}, {8, 5}, {37, 65}, {64, 32}};
    static const uint32_t patch_sizes[] = {1, 2, 3, 7, 16, 32};
    struct pixel_table table;
    pixel_table_fill(&table, mean, std);
    size_t patch_rows = 0;
    for (int format = QC_PIXEL_RGB; format <= QC_PIXEL_GREY; format++) {
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            for (int turn = 0; turn < 4; turn++) {
                struct sample sample = make_sample((qc_pixel_format)format, sizes[s][0],
                                                   sizes[s][1], turn & 1 ? 7 : 0, turn & 2);
                struct message message = {NULL, 0};
                assert_int_equal(image_check(&sample.image, &message), QC_OK);
                for (int b = QC_BACKGROUND_DROP; b <= QC_BACKGROUND_WHITE; b++) {
                    check_rows(&sample.image, (qc_background)b);
                    check_stem(&sample.image, (qc_background)b, &table);
                    for (size_t p = 0; p < sizeof patch_sizes / sizeof patch_sizes[0]; p++) {
                        check_patches(&sample.image, (qc_background)b, &table, patch_sizes[p]);
                        patch_rows += sizes[s][1] / patch_sizes[p];
                    }
                }
                free(sample.block);
            }
        }
    }
    assert_true(patch_rows > 1000); /* the sizes above did make patches */
}

static void test_table_has_the_bits_of_pytorch(void **state)
{
    (void)state;
    const char *path = "test/golden/images/pixel_table.bin";
    uint8_t bytes[3 * 256 * 4];
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s is missing: tests run from the root of the repository", path);
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), sizeof bytes);
    fclose(file);
    struct pixel_table table;
    pixel_table_fill(&table, mean, std);
    for (size_t i = 0; i < 3 * 256; i++) {
        uint32_t bits, expected = 0;
        for (int k = 3; k >= 0; k--)
            expected = expected << 8 | bytes[4 * i + (size_t)k];
        memcpy(&bits, &table.value[i / 256][i % 256], sizeof bits);
        assert_int_equal(bits, expected);
    }
}

/* Written out by hand: the helpers above could share a mistake with the code. */
static void test_red_is_the_first_channel(void **state)
{
    (void)state;
    struct pixel_table table;
    pixel_table_fill(&table, mean, std);
    const uint8_t rgb[] = {255, 128, 0}, bgrx[] = {0, 128, 255, 99};
    qc_image images[] = {
        {.format = QC_PIXEL_RGB, .width = 1, .height = 1, .planes = {rgb}, .strides = {3}},
        {.format = QC_PIXEL_BGRX, .width = 1, .height = 1, .planes = {bgrx}, .strides = {4}},
    };
    for (int i = 0; i < 2; i++) {
        float patch[3], stem[27];
        image_patch_row(default_kernels(), &images[i], QC_BACKGROUND_DROP, &table, 1, 0, patch, 3,
                        NULL);
        image_stem_row(default_kernels(), &images[i], QC_BACKGROUND_DROP, &table, 0, stem, 27,
                       NULL);
        static const double expected[] = {1.93033625, 0.16889724, -1.48021977};
        for (int c = 0; c < 3; c++) {
            double difference = patch[c] - expected[c];
            assert_true(difference < 1e-6 && difference > -1e-6);
            assert_same_float(stem[12 + c], patch[c]);
        }
    }
}

static void test_padding_is_zero_after_normalisation(void **state)
{
    (void)state;
    struct pixel_table table;
    pixel_table_fill(&table, mean, std);
    const uint8_t black[2 * 2 * 3] = {0};
    qc_image image = {
        .format = QC_PIXEL_RGB, .width = 2, .height = 2, .planes = {black}, .strides = {6}};
    float out[27];
    image_stem_row(default_kernels(), &image, QC_BACKGROUND_DROP, &table, 0, out, 27, NULL);
    for (int i = 0; i < 27; i++) {
        int padding = i < 9 || i % 9 < 3;
        if (padding)
            assert_same_float(out[i], 0.0f);
        else
            assert_true(out[i] < -1.0f); /* black itself */
    }
}

static void test_alpha(void **state)
{
    (void)state;
    const uint8_t pixels[] = {200, 100, 0, 0, 200, 100, 0, 255, 200, 100, 1, 127};
    static const uint8_t expected[3][9] = {
        [QC_BACKGROUND_DROP] = {200, 100, 0, 200, 100, 0, 200, 100, 1},
        [QC_BACKGROUND_BLACK] = {0, 0, 0, 200, 100, 0, 100, 50, 0},
        [QC_BACKGROUND_WHITE] = {255, 255, 255, 200, 100, 0, 228, 178, 128},
    };
    qc_image image = {
        .format = QC_PIXEL_RGBA, .width = 3, .height = 1, .planes = {pixels}, .strides = {12}};
    for (int b = QC_BACKGROUND_DROP; b <= QC_BACKGROUND_WHITE; b++) {
        uint8_t rgb[9];
        image_row_rgb(default_kernels(), &image, (qc_background)b, 0, 0, 3, rgb);
        assert_memory_equal(rgb, expected[b], 9);
    }
}

static void assert_refused(qc_image image, qc_status status, const char *field)
{
    char text[QC_MESSAGE_SIZE] = "";
    struct message message = {text, sizeof text};
    assert_int_equal(image_check(&image, &message), status);
    if (!strstr(text, field) || !strstr(text, "expected"))
        fail_msg("\"%s\" does not name %s and what was expected", text, field);
}

static void test_check_names_the_field(void **state)
{
    (void)state;
    uint8_t pixels[39 * 7];
    const qc_image good = {
        .format = QC_PIXEL_RGB, .width = 13, .height = 7, .planes = {pixels}, .strides = {39}};
    char text[QC_MESSAGE_SIZE];
    struct message message = {text, sizeof text};
    assert_int_equal(image_check(&good, &message), QC_OK);
    assert_int_equal(image_check(&good, NULL), QC_OK);
    assert_int_equal(image_check(NULL, &message), QC_ERROR_ARGUMENT);

    qc_image image = good;
    image.format = (qc_pixel_format)24;
    assert_refused(image, QC_ERROR_ARGUMENT, "format is 24");
    image.format = (qc_pixel_format)-1;
    assert_refused(image, QC_ERROR_ARGUMENT, "format");
    image = good;
    image.width = 0;
    assert_refused(image, QC_ERROR_ARGUMENT, "width is 0");
    image = good;
    image.height = 0;
    assert_refused(image, QC_ERROR_ARGUMENT, "height is 0");
    image = good;
    image.width = UINT32_MAX;
    assert_refused(image, QC_ERROR_TOO_LARGE, "width is 4294967295");
    image = good;
    image.height = IMAGE_SIDE_MAX + 1;
    assert_refused(image, QC_ERROR_TOO_LARGE, "height");
    image = good;
    image.planes[0] = NULL;
    assert_refused(image, QC_ERROR_ARGUMENT, "planes[0]");
    for (int i = 1; i < 3; i++) {
        image = good;
        image.planes[i] = pixels;
        assert_refused(image, QC_ERROR_ARGUMENT, i == 1 ? "planes[1]" : "planes[2]");
        image = good;
        image.strides[i] = 39;
        assert_refused(image, QC_ERROR_ARGUMENT, i == 1 ? "strides[1]" : "strides[2]");
    }
    static const ptrdiff_t bad[] = {0, 1, 38, -1, -38, PTRDIFF_MAX, PTRDIFF_MIN, PTRDIFF_MAX / 6};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        image = good;
        image.strides[0] = bad[i];
        assert_refused(image, QC_ERROR_ARGUMENT, "strides[0]");
    }
    static const ptrdiff_t fine[] = {39, -39, 40, -40, 4096, -4096};
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        image = good;
        image.strides[0] = fine[i];
        assert_int_equal(image_check(&image, &message), QC_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format_stride_and_size),
        cmocka_unit_test(test_table_has_the_bits_of_pytorch),
        cmocka_unit_test(test_red_is_the_first_channel),
        cmocka_unit_test(test_padding_is_zero_after_normalisation),
        cmocka_unit_test(test_alpha),
        cmocka_unit_test(test_check_names_the_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
