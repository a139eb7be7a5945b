/*
 * test_canvas.c - figures: filling, letters, pasted photos, and the PNG file that comes of it.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "canvas.h"
#include "font.h"
#include "png_file.h"
#include "qualiclip.h"
#include "resize_golden.h"

static uint32_t color_at(const struct canvas *canvas, uint32_t x, uint32_t y)
{
    const uint8_t *pixel = canvas->pixels + 3 * ((size_t)y * canvas->width + x);
    return (uint32_t)pixel[0] << 16 | (uint32_t)pixel[1] << 8 | pixel[2];
}

static size_t count_color(const struct canvas *canvas, uint32_t color)
{
    size_t count = 0;
    for (uint32_t y = 0; y < canvas->height; y++)
        for (uint32_t x = 0; x < canvas->width; x++)
            count += color_at(canvas, x, y) == color;
    return count;
}

static void fill(void **state)
{
    (void)state;
    struct canvas canvas;
    assert_false(canvas_create(&canvas, 0, 5, 0));
    assert_false(canvas_create(&canvas, UINT32_MAX, UINT32_MAX, 0));
    assert_true(canvas_create(&canvas, 20, 10, 0x123456));
    assert_int_equal(count_color(&canvas, 0x123456), 200);
    canvas_fill(&canvas, 3, 2, 4, 5, 0xff0000);
    assert_int_equal(count_color(&canvas, 0xff0000), 20);
    assert_int_equal(color_at(&canvas, 3, 2), 0xff0000);
    assert_int_equal(color_at(&canvas, 6, 6), 0xff0000);
    /* What is outside is cut off, on each side. */
    canvas_fill(&canvas, -5, -5, 6, 6, 0x00ff00);
    canvas_fill(&canvas, 19, 9, INT32_MAX, INT32_MAX, 0x00ff00);
    canvas_fill(&canvas, 30, 3, 5, 5, 0x00ff00);
    canvas_fill(&canvas, 3, 3, -2, 5, 0x00ff00);
    assert_int_equal(count_color(&canvas, 0x00ff00), 2);
    canvas_free(&canvas);
}

/* Every letter has dots and looks like no other. */
static void letters(void **state)
{
    (void)state;
    for (char left = ' '; left <= '~'; left++)
        for (char right = ' '; right < left; right++) {
            bool equal = true;
            for (int y = 0; y < font_height; y++)
                for (int x = 0; x < font_width; x++)
                    equal = equal && font_dot(left, x, y) == font_dot(right, x, y);
            assert_false(equal);
        }
    for (int y = 0; y < font_height; y++)
        for (int x = 0; x < font_width; x++) {
            assert_int_equal(font_dot('\xc3', x, y), font_dot('?', x, y));
            assert_int_equal(font_dot('T', x, y), y < 7 && (y == 0 || x == 2));
        }
}

static void text(void **state)
{
    (void)state;
    struct canvas canvas;
    assert_true(canvas_create(&canvas, 60, 20, 0xffffff));
    canvas_text(&canvas, 4, 1, 2, 0, "T.");
    assert_int_equal(count_color(&canvas, 0), 4 * (5 + 6 + 4)); /* T's dots and those of a point */
    assert_int_equal(color_at(&canvas, 4, 1), 0);
    assert_int_equal(color_at(&canvas, 13, 2), 0);
    assert_int_equal(color_at(&canvas, 14, 1), 0xffffff);
    assert_int_equal(canvas_text_width("T.", 2), 22);
    assert_int_equal(canvas_text_width("", 2), 0);
    assert_int_equal(canvas_text_height(3), 27);
    canvas_text(&canvas, -3, -4, 9, 0xff, "outside"); /* cut off */
    canvas_free(&canvas);
}

static void fit(void **state)
{
    (void)state;
    static const uint32_t cases[][6] = {
        {100, 50, 200, 200, 100, 50}, /* never larger */
        {400, 200, 200, 150, 200, 100},       {200, 400, 200, 150, 75, 150},
        {400, 300, 200, 150, 200, 150},       {10000, 2, 100, 100, 100, 1},
        {UINT32_MAX, UINT32_MAX, 7, 9, 7, 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t width, height;
        canvas_fit(cases[i][0], cases[i][1], cases[i][2], cases[i][3], &width, &height);
        assert_int_equal(width, cases[i][4]);
        assert_int_equal(height, cases[i][5]);
    }
}

/* Each pixel of a photo a third as large is the mean of nine; at its own size, the photo itself. */
static void paste(void **state)
{
    (void)state;
    struct canvas canvas;
    uint8_t *photo = noise_pixels(5, 21, 12);
    assert_true(canvas_create(&canvas, 30, 20, 0xffffff));
    canvas_paste(&canvas, 2, 3, 7, 4, photo, 21, 12);
    for (uint32_t y = 0; y < 4; y++)
        for (uint32_t x = 0; x < 7; x++)
            for (uint32_t c = 0; c < 3; c++) {
                unsigned sum = 4;
                for (uint32_t i = 0; i < 9; i++)
                    sum += photo[3 * ((3 * y + i / 3) * 21 + 3 * x + i % 3) + c];
                assert_int_equal(canvas.pixels[3 * ((3 + y) * 30 + 2 + x) + c], sum / 9);
            }
    assert_int_equal(color_at(&canvas, 9, 3), 0xffffff);
    canvas_paste(&canvas, -1, -2, 21, 12, photo, 21, 12); /* cut off at the left and above */
    for (uint32_t y = 0; y < 10; y++)
        assert_memory_equal(canvas.pixels + (size_t)3 * 30 * y, photo + 3 * (21 * (y + 2) + 1), 60);
    free(photo);
    canvas_free(&canvas);
}

static int files_in(const char *directory)
{
    DIR *stream = opendir(directory);
    int count = 0;
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(stream);
    return count;
}

/* Where PNG can be written, it reads back as it was, and nothing else is left beside it. */
static void png(void **state)
{
    (void)state;
    char directory[] = "/tmp/qualiclip-canvas-XXXXXX", path[64], message[QC_MESSAGE_SIZE] = "";
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/figure.png", directory);
    uint8_t *pixels = noise_pixels(6, 33, 21);
    const bool written = png_file_write(path, pixels, 33, 21, message);
    assert_int_equal(written, png_file_available());
    assert_int_equal(files_in(directory), written);
    if (written) {
        qc_picture *picture;
        assert_int_equal(qc_picture_read(&picture, path, NULL), QC_OK);
        const qc_image view = qc_picture_view(picture);
        assert_int_equal(view.width, 33);
        assert_int_equal(view.height, 21);
        for (size_t y = 0; y < 21; y++)
            assert_memory_equal(view.planes[0] + (ptrdiff_t)y * view.strides[0],
                                pixels + 3 * 33 * y, 3 * 33);
        qc_picture_free(picture);
        unlink(path);
        /* A folder in its place is not replaced, and the failure leaves nothing. */
        assert_int_equal(mkdir(path, 0700), 0);
        assert_false(png_file_write(path, pixels, 33, 21, message));
        assert_int_equal(files_in(directory), 1);
        rmdir(path);
    }
    assert_true(message[0]);
    free(pixels);
    rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fill), cmocka_unit_test(letters), cmocka_unit_test(text),
        cmocka_unit_test(fit),  cmocka_unit_test(paste),   cmocka_unit_test(png),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
