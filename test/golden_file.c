/*
 * golden_file.c - the files under test/golden/images, for the tests of reading pictures.
 */
#include "golden_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

uint8_t *golden_read(const char *name, size_t *size)
{
    char path[256];
    snprintf(path, sizeof path, GOLDEN_DIRECTORY "%s", name);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s is missing: tests run from the root of the repository", path);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long length = ftell(file);
    assert_true(length > 0);
    rewind(file);
    uint8_t *data = malloc((size_t)length);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)length, file), length);
    fclose(file);
    *size = (size_t)length;
    return data;
}

size_t golden_list(struct golden list[GOLDEN_MAX])
{
    size_t count = 0, taken = 0, size, manifest_size;
    uint8_t *expected = golden_read("expected.bin", &size);
    char *manifest = (char *)golden_read("manifest.txt", &manifest_size);
    manifest[manifest_size - 1] = '\0'; /* in the place of the last line's end */
    for (char *line = manifest; line; count++) {
        assert_true(count < GOLDEN_MAX);
        struct golden *golden = &list[count];
        assert_int_equal(sscanf(line, "%63s %u %u %u", golden->name, &golden->channels,
                                &golden->width, &golden->height),
                         4);
        size_t bytes = (size_t)golden->channels * golden->width * golden->height;
        assert_true(bytes <= size - taken);
        golden->pixels = malloc(bytes);
        assert_non_null(golden->pixels);
        memcpy(golden->pixels, expected + taken, bytes);
        taken += bytes;
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    assert_int_equal(taken, size);
    free(manifest);
    free(expected);
    return count;
}

void golden_list_free(struct golden *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i].pixels);
}

int golden_is_readable(const char *name)
{
    if (strstr(name, ".png")) {
#if QUALICLIP_PNG
        return 1;
#else
        return 0;
#endif
    }
#if QUALICLIP_JPEG
    return 1;
#else
    return 0;
#endif
}

void golden_compare(qc_picture *picture, const struct golden *golden)
{
    qc_image view = qc_picture_view(picture);
    assert_int_equal(view.format, golden->channels == 4 ? QC_PIXEL_RGBA : QC_PIXEL_RGB);
    assert_int_equal(view.width, golden->width);
    assert_int_equal(view.height, golden->height);
    size_t row = (size_t)golden->channels * golden->width;
    for (uint32_t y = 0; y < view.height; y++) {
        const uint8_t *actual = view.planes[0] + (ptrdiff_t)y * view.strides[0];
        for (size_t i = 0; i < row; i++) {
            if (actual[i] != golden->pixels[y * row + i])
                fail_msg("%s: row %u, byte %zu is %d, expected %d", golden->name, (unsigned)y, i,
                         actual[i], golden->pixels[y * row + i]);
        }
    }
    qc_picture_free(picture);
}
