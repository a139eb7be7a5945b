/*
 * test_big_endian.c - a machine whose high byte comes first reads no model file, and says why; a
 * machine like all others reads it.  Formats of pixels do not depend on the machine.
 */
#include "image.h" /* before cmocka.h, which makes fail() a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "default_kernels.h"

static bool is_little_endian(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

/* The file's first bytes; what follows is never looked at. */
static void a_model_is_read_or_refused_for_its_bytes(void **state)
{
    (void)state;
    _Alignas(64) static const unsigned char start[64] = "GGUF\3";
    char message[QC_MESSAGE_SIZE] = "";
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = message;
    options.message_size = sizeof message;
    qc_model *model;
    const qc_status status = qc_model_open_memory(&model, start, sizeof start, &options);
    assert_null(model);
    if (is_little_endian()) {
        assert_int_equal(status, QC_ERROR_FORMAT);
    } else {
        assert_int_equal(status, QC_ERROR_UNSUPPORTED);
        assert_non_null(strstr(message, "model files are little-endian, this machine is not"));
        /* The built-in model, too. */
        assert_int_equal(qc_model_open(&model, NULL, &options), QC_ERROR_UNSUPPORTED);
        assert_null(model);
    }
}

/* Words of 16 bits have their low byte first, whatever the machine. */
static void words_of_pixels_have_their_low_byte_first(void **state)
{
    (void)state;
    static const uint8_t grey12[] = {0xff, 0x0f, 0x00, 0x00, 0x00, 0x08, 0x0f, 0x00};
    static const uint8_t rgb565[] = {0x00, 0xf8, 0xe0, 0x07, 0x1f, 0x00, 0xff, 0xff};
    uint8_t rgb[4 * 3];
    qc_image image;
    assert_int_equal(qc_image_init(&image, QC_PIXEL_GREY12, 4, 1, grey12), sizeof grey12);
    image_row_rgb(default_kernels(), &image, QC_BACKGROUND_DROP, 0, 0, 4, rgb);
    assert_int_equal(rgb[0], 255);
    assert_int_equal(rgb[3], 0);
    assert_in_range(rgb[6], 127, 128);
    assert_int_equal(rgb[9], 1);
    assert_int_equal(qc_image_init(&image, QC_PIXEL_RGB565, 4, 1, rgb565), sizeof rgb565);
    image_row_rgb(default_kernels(), &image, QC_BACKGROUND_DROP, 0, 0, 4, rgb);
    static const uint8_t expected[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255};
    assert_memory_equal(rgb, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_read_or_refused_for_its_bytes),
        cmocka_unit_test(words_of_pixels_have_their_low_byte_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
