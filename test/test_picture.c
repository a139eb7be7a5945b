/*
 * test_picture.c - files of every kind decode to the expected pixels; options, paths and pipes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "golden_file.h"

static char text[QC_MESSAGE_SIZE];

static qc_picture_options make_options(void)
{
    qc_picture_options options;
    qc_picture_options_init(&options);
    text[0] = '\0';
    options.message = text;
    options.message_size = sizeof text;
    return options;
}

static void make_path(char path[256], const char *name)
{
    int length = snprintf(path, 256, GOLDEN_DIRECTORY "%s", name);
    assert_true(length > 0 && length < 256);
}

static void assert_says(const char *words)
{
    if (!strstr(text, words))
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

static void test_every_kind_by_path_and_from_memory(void **state)
{
    (void)state;
    struct golden list[GOLDEN_MAX];
    size_t count = golden_list(list);
    assert_true(count > 70);
    qc_picture_options options = make_options();
    for (size_t i = 0; i < count; i++) {
        char path[256];
        make_path(path, list[i].name);
        size_t size;
        uint8_t *data = golden_read(list[i].name, &size);
        qc_picture *picture = NULL;
        if (golden_is_readable(list[i].name)) {
            if (qc_picture_read(&picture, path, &options))
                fail_msg("%s", text);
            golden_compare(picture, &list[i]);
            if (qc_picture_read_memory(&picture, data, size, NULL))
                fail_msg("%s", list[i].name);
            golden_compare(picture, &list[i]);
        } else {
            assert_int_equal(qc_picture_read(&picture, path, &options), QC_ERROR_UNSUPPORTED);
            assert_null(picture);
            assert_says(strstr(path, ".png") ? "this build cannot read PNG"
                                             : "this build cannot read JPEG");
            assert_says(path);
        }
        free(data);
    }
    golden_list_free(list, count);
}

static void test_every_16_bit_value(void **state)
{
    (void)state;
    if (!golden_is_readable(".png"))
        skip();
    qc_picture *picture;
    assert_int_equal(qc_picture_read(&picture, GOLDEN_DIRECTORY "grey16-every-value.png", NULL),
                     QC_OK);
    qc_image view = qc_picture_view(picture);
    assert_int_equal(view.width * view.height, 65536);
    for (uint32_t v = 0; v < 65536; v++) {
        const uint8_t *pixel = view.planes[0] + (ptrdiff_t)(v / 256) * view.strides[0];
        for (int c = 0; c < 3; c++)
            assert_int_equal(pixel[3 * (v % 256) + (uint32_t)c], (v * 255 + 32767) / 65535);
    }
    qc_picture_free(picture);
}

/* Writes to a temporary file, whose name is put into `path`. */
static void write_file(char path[32], const uint8_t *data, size_t size, size_t zeros)
{
    snprintf(path, 32, "/tmp/test_picture_XXXXXX");
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    FILE *file = fdopen(descriptor, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    for (size_t i = 0; i < zeros; i++)
        assert_int_equal(fputc(0, file), 0);
    assert_int_equal(fclose(file), 0);
}

static const char *const one_of_each[] = {"rgb8.png", "420.jpg"};

/* Bytes behind the image are ignored; so the reading of large files is seen with small ones. */
static void test_large_files_and_pipes(void **state)
{
    (void)state;
    struct golden list[GOLDEN_MAX];
    size_t count = golden_list(list);
    for (size_t i = 0; i < count; i++) {
        int wanted =
            strcmp(list[i].name, one_of_each[0]) == 0 || strcmp(list[i].name, one_of_each[1]) == 0;
        if (!wanted || !golden_is_readable(list[i].name))
            continue;
        size_t size;
        uint8_t *data = golden_read(list[i].name, &size);
        static const size_t file_sizes[] = {65535, 65536, 65537, 262143, 262144, 262145, 1500000};
        for (size_t s = 0; s < sizeof file_sizes / sizeof file_sizes[0]; s++) {
            char path[32];
            write_file(path, data, size, file_sizes[s] - size);
            qc_picture *picture;
            assert_int_equal(qc_picture_read(&picture, path, NULL), QC_OK);
            golden_compare(picture, &list[i]);
            unlink(path);
        }
        int ends[2];
        char path[32];
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], data, size), (ssize_t)size);
        close(ends[1]);
        snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
        qc_picture *picture;
        assert_int_equal(qc_picture_read(&picture, path, NULL), QC_OK);
        golden_compare(picture, &list[i]);
        close(ends[0]);
        free(data);
    }
    golden_list_free(list, count);
}

static void assert_refused(const char *path, qc_status status, const char *words)
{
    qc_picture_options options = make_options();
    qc_picture *picture = (qc_picture *)text; /* must be overwritten */
    assert_int_equal(qc_picture_read(&picture, path, &options), status);
    assert_null(picture);
    assert_says(words);
    assert_true(strncmp(text, path, strlen(path)) == 0);
}

static void test_what_is_no_image(void **state)
{
    (void)state;
    char path[32];
    assert_refused("test/golden/images/no-such-file.png", QC_ERROR_IO, "No such file");
    assert_refused("test/golden/images", QC_ERROR_IO, "Is a directory");
    assert_refused("", QC_ERROR_IO, "No such file");
    assert_refused("/dev/zero", QC_ERROR_FORMAT, "neither PNG nor JPEG"); /* has no end */
    assert_refused("/dev/null", QC_ERROR_FORMAT, "empty");
    write_file(path, (const uint8_t *)"", 0, 0);
    assert_refused(path, QC_ERROR_FORMAT, "the file is empty");
    unlink(path);
    write_file(path, (const uint8_t *)"A photo of dandelions.\n", 23, 0);
    assert_refused(path, QC_ERROR_FORMAT, "neither PNG nor JPEG");
    unlink(path);
    for (size_t size = 1; size < 4; size++) {
        write_file(path, (const uint8_t *)"\x89PNG", size, 0);
        assert_refused(path, QC_ERROR_FORMAT, "neither PNG nor JPEG");
        unlink(path);
    }
}

static void test_options(void **state)
{
    (void)state;
    qc_picture_options options = make_options();
    assert_int_equal(options.size, sizeof options);
    assert_true(options.max_pixels == UINT64_C(1) << 28);
    qc_picture *picture = (qc_picture *)text;

    assert_int_equal(qc_picture_read(&picture, NULL, &options), QC_ERROR_ARGUMENT);
    assert_null(picture);
    assert_says("path");
    assert_int_equal(qc_picture_read(NULL, "x.png", &options), QC_ERROR_ARGUMENT);
    assert_says("picture");
    picture = (qc_picture *)text;
    assert_int_equal(qc_picture_read_memory(&picture, NULL, 5, &options), QC_ERROR_ARGUMENT);
    assert_null(picture);
    assert_says("data");
    assert_int_equal(qc_picture_read_memory(&picture, NULL, 0, &options), QC_ERROR_FORMAT);
    assert_says("empty");
    options.max_pixels = 0;
    assert_int_equal(qc_picture_read(&picture, "x.png", &options), QC_ERROR_ARGUMENT);
    assert_says("max_pixels");
    options = make_options();
    options.size = 1;
    assert_int_equal(qc_picture_read(&picture, "x.png", &options), QC_ERROR_ARGUMENT);
    qc_picture_free(NULL);

    /* 13 x 7 and 35 x 27 pixels: just enough, and one too few; a message buffer that is small. */
    static const uint64_t pixels[] = {13 * 7, 35 * 27};
    for (int i = 0; i < 2; i++) {
        if (!golden_is_readable(one_of_each[i]))
            continue;
        char path[256];
        make_path(path, one_of_each[i]);
        options = make_options();
        options.max_pixels = pixels[i];
        assert_int_equal(qc_picture_read(&picture, path, &options), QC_OK);
        qc_picture_free(picture);
        options.max_pixels = pixels[i] - 1;
        assert_int_equal(qc_picture_read(&picture, path, &options), QC_ERROR_TOO_LARGE);
        assert_null(picture);
        assert_says("max_pixels");
        memset(text, 'x', sizeof text);
        options.message_size = 8;
        assert_int_equal(qc_picture_read(&picture, path, &options), QC_ERROR_TOO_LARGE);
        assert_int_equal(strlen(text), 7);
        assert_int_equal(text[8], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_by_path_and_from_memory),
        cmocka_unit_test(test_every_16_bit_value),
        cmocka_unit_test(test_large_files_and_pipes),
        cmocka_unit_test(test_what_is_no_image),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
