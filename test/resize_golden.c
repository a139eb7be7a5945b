/*
 * resize_golden.c - reads the cases; the noise is that of test/reference/sizes.py.
 */
#include "resize_golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DIRECTORY "test/golden/resize/"

uint8_t *noise_pixels(unsigned seed, uint32_t width, uint32_t height)
{
    size_t size = (size_t)3 * width * height;
    uint8_t *pixels = malloc(size);
    assert_non_null(pixels);
    for (size_t i = 0; i < size; i++) {
        uint32_t h = ((uint32_t)i + seed * UINT32_C(0x9E3779B1)) * UINT32_C(2654435761);
        h ^= h >> 15;
        h *= UINT32_C(2246822519);
        h ^= h >> 13;
        pixels[i] = (uint8_t)(h & 0x300 ? h >> 24 : h & 0x400 ? 255 : 0);
    }
    return pixels;
}

qc_image rgb_image(const uint8_t *pixels, uint32_t width, uint32_t height)
{
    return (qc_image){.format = QC_PIXEL_RGB,
                      .width = width,
                      .height = height,
                      .planes = {pixels},
                      .strides = {3 * (ptrdiff_t)width}};
}

size_t resize_golden_each(void (*check)(const struct resize_golden *golden))
{
    FILE *cases = fopen(DIRECTORY "cases.txt", "r");
    FILE *expected = fopen(DIRECTORY "expected.bin", "rb");
    assert_non_null(cases);
    assert_non_null(expected);
    char line[128];
    size_t count = 0;
    while (fgets(line, sizeof line, cases)) {
        struct resize_golden golden;
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%15s %u %u %u %u %u", golden.rule, &golden.seed,
                                &golden.width, &golden.height, &golden.out_width,
                                &golden.out_height),
                         6);
        size_t size = (size_t)3 * golden.out_width * golden.out_height;
        golden.expected = malloc(size);
        assert_non_null(golden.expected);
        assert_int_equal(fread(golden.expected, 1, size, expected), size);
        check(&golden);
        free(golden.expected);
        count++;
    }
    assert_int_equal(fgetc(expected), EOF);
    fclose(cases);
    fclose(expected);
    return count;
}
