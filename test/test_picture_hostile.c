/*
 * test_picture_hostile.c - files that are cut, damaged or made to do harm.
 *
 * Each is copied into a block of exactly its size, so that AddressSanitizer sees a read beyond it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden_file.h"

static char text[QC_MESSAGE_SIZE];

/* The bytes of a file that is about to be changed. */
struct bytes {
    uint8_t *data;
    size_t size;
};

static struct bytes load(const char *name)
{
    struct bytes bytes;
    bytes.data = golden_read(name, &bytes.size);
    return bytes;
}

/* Puts `count` bytes in the place of `removed` bytes at `position`. */
static void splice(struct bytes *bytes, size_t position, size_t removed, const void *inserted,
                   size_t count)
{
    assert_true(position + removed <= bytes->size);
    size_t size = bytes->size - removed + count;
    uint8_t *data = malloc(size + !size);
    assert_non_null(data);
    memcpy(data, bytes->data, position);
    if (count)
        memcpy(data + position, inserted, count);
    memcpy(data + position + count, bytes->data + position + removed,
           bytes->size - position - removed);
    free(bytes->data);
    *bytes = (struct bytes){data, size};
}

static size_t find(const struct bytes *bytes, const void *what, size_t count, size_t from)
{
    for (size_t i = from; i + count <= bytes->size; i++) {
        if (memcmp(bytes->data + i, what, count) == 0)
            return i;
    }
    fail_msg("the file has none of the bytes to be changed");
    return 0;
}

static qc_status read_bytes(const struct bytes *bytes, qc_picture **picture, uint64_t max_pixels)
{
    qc_picture_options options;
    qc_picture_options_init(&options);
    options.message = text;
    options.message_size = sizeof text;
    if (max_pixels)
        options.max_pixels = max_pixels;
    text[0] = '\0';
    *picture = (qc_picture *)text; /* must be overwritten */
    return qc_picture_read_memory(picture, bytes->data, bytes->size, &options);
}

/* Frees the bytes, which must be refused for a reason that contains `words`. */
static void assert_refused(struct bytes bytes, qc_status expected, const char *words)
{
    qc_picture *picture;
    qc_status status = read_bytes(&bytes, &picture, 0);
    if (status != expected || !strstr(text, words))
        fail_msg("status %d, \"%s\"; expected %d and \"%s\"", (int)status, text, (int)expected,
                 words);
    assert_null(picture);
    free(bytes.data);
}

static void skip_without_decoders(void)
{
    if (!golden_is_readable(".png") && !golden_is_readable(".jpg"))
        skip();
}

static void test_cut_files(void **state)
{
    (void)state;
    skip_without_decoders();
    struct golden list[GOLDEN_MAX];
    size_t count = golden_list(list);
    for (size_t i = 0; i < count; i++) {
        if (!golden_is_readable(list[i].name))
            continue;
        struct bytes whole = load(list[i].name);
        for (size_t part = 1; part <= 17; part++) {
            /* each sixteenth, and at last the whole without its last byte */
            size_t size = part == 17 ? whole.size - 1 : whole.size * (part - 1) / 16;
            struct bytes cut = load(list[i].name);
            splice(&cut, size, whole.size - size, NULL, 0);
            assert_refused(cut, QC_ERROR_FORMAT, "image in memory: ");
        }
        free(whole.data);
    }
    golden_list_free(list, count);
}

static uint32_t random_state = 20240607;

static uint32_t next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static void put_big_endian(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t crc32_of(const uint8_t *data, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
    }
    return ~crc;
}

/* Makes a PNG's checksums right again, so that damage gets past them. */
static void mend_checksums(struct bytes *png)
{
    size_t at = 8;
    while (at + 12 <= png->size) {
        const uint8_t *p = png->data + at;
        size_t length = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        if (length > png->size - at - 12)
            return;
        put_big_endian(png->data + at + 8 + length, crc32_of(p + 4, length + 4));
        at += 12 + length;
    }
}

static void damage(struct bytes *bytes)
{
    for (uint32_t i = 0, changes = 1 + next_random() % 3; i < changes; i++) {
        size_t position = next_random() % bytes->size;
        uint8_t value[4];
        for (size_t k = 0; k < sizeof value; k++)
            value[k] = (uint8_t)next_random();
        switch (next_random() % 4) {
        case 0: bytes->data[position] = value[0]; break;
        case 1: bytes->data[position] ^= (uint8_t)(1u << value[0] % 8); break;
        case 2: splice(bytes, position, 1, NULL, 0); break;
        default: splice(bytes, position, 0, value, 1 + value[0] % 4u); break;
        }
    }
}

/* Whatever the bytes: a whole picture, or none and a reason. */
static void assert_defined(const struct bytes *bytes, size_t *accepted, size_t *refused)
{
    qc_picture *picture;
    qc_status status = read_bytes(bytes, &picture, 1 << 20);
    if (status == QC_OK) {
        qc_image view = qc_picture_view(picture);
        assert_true((uint64_t)view.width * view.height <= 1 << 20);
        size_t row = (size_t)view.width * (view.format == QC_PIXEL_RGBA ? 4 : 3);
        uint8_t *copy = malloc(row); /* reads each byte, under AddressSanitizer */
        assert_non_null(copy);
        for (uint32_t y = 0; y < view.height; y++)
            memcpy(copy, view.planes[0] + (ptrdiff_t)y * view.strides[0], row);
        free(copy);
        qc_picture_free(picture);
        ++*accepted;
    } else {
        assert_null(picture);
        assert_true(strncmp(text, "image in memory: ", 17) == 0);
        assert_true(status == QC_ERROR_FORMAT || status == QC_ERROR_UNSUPPORTED ||
                    status == QC_ERROR_TOO_LARGE || status == QC_ERROR_MEMORY);
        ++*refused;
    }
}

static void test_damaged_files(void **state)
{
    (void)state;
    skip_without_decoders();
    struct golden list[GOLDEN_MAX];
    size_t count = golden_list(list), accepted = 0, refused = 0, readable = 0;
    for (size_t i = 0; i < count; i++) {
        if (!golden_is_readable(list[i].name))
            continue;
        readable++;
        for (int round = 0; round < 60; round++) {
            struct bytes bytes = load(list[i].name);
            damage(&bytes);
            if (strstr(list[i].name, ".png") && round % 4 != 0)
                mend_checksums(&bytes);
            assert_defined(&bytes, &accepted, &refused);
            free(bytes.data);
        }
    }
    golden_list_free(list, count);
    /* The damage is neither so coarse that nothing is decoded nor so fine that nothing is seen. */
    assert_true(accepted > readable);
    assert_true(refused > 10 * readable);
}

/* ------------------------------------------------------------------------------------------ PNG */

static struct bytes png_of_size(uint32_t width, uint32_t height)
{
    struct bytes png = load("grey8.png");
    put_big_endian(png.data + 16, width);
    put_big_endian(png.data + 20, height);
    mend_checksums(&png);
    return png;
}

static void test_png(void **state)
{
    (void)state;
    if (!golden_is_readable(".png"))
        skip();
    assert_refused(png_of_size(INT32_MAX, INT32_MAX), QC_ERROR_TOO_LARGE, "2147483647");
    assert_refused(png_of_size(1 << 21, 1), QC_ERROR_TOO_LARGE, "1048576 a side");
    assert_refused(png_of_size(1 << 15, 1 << 14), QC_ERROR_TOO_LARGE, "max_pixels");
    assert_refused(png_of_size(1 << 14, 1 << 14), QC_ERROR_FORMAT, "need at least 260");
    assert_refused(png_of_size(0, 7), QC_ERROR_FORMAT, "damaged PNG");
    assert_refused(png_of_size(UINT32_MAX, 7), QC_ERROR_FORMAT, "damaged PNG");
    assert_refused(png_of_size(13, 8), QC_ERROR_FORMAT, "Not enough image data");

    struct bytes png = load("grey8.png");
    png.data[find(&png, "IEND", 4, 0) - 5] ^= 1; /* the end of the pixels' checksum */
    assert_refused(png, QC_ERROR_FORMAT, "CRC error");
    png = load("rgb8-gamma.png"); /* text changes no pixel, but damage is damage */
    png.data[find(&png, "tEXt", 4, 0) + 6] ^= 1;
    assert_refused(png, QC_ERROR_FORMAT, "CRC error");
    png = load("grey8.png");
    png.data[png.size - 1] ^= 1;
    assert_refused(png, QC_ERROR_FORMAT, "CRC error");
    png = load("grey8.png");
    splice(&png, png.size - 12, 12, NULL, 0);
    assert_refused(png, QC_ERROR_FORMAT, "ends too early");
    png = load("grey8.png");
    splice(&png, 4, 1, NULL, 0); /* as a transfer in text mode does it */
    assert_refused(png, QC_ERROR_FORMAT, "damaged PNG");
    png = load("palette8.png");
    memcpy(png.data + find(&png, "PLTE", 4, 0), "xLTE", 4);
    mend_checksums(&png);
    assert_refused(png, QC_ERROR_FORMAT, "PLTE");
}

/* ----------------------------------------------------------------------------------------- JPEG */

/* The first frame header: its marker's second byte; precision at + 3, then height, width. */
static size_t frame_at(const struct bytes *jpeg)
{
    for (size_t i = 2; i + 1 < jpeg->size; i++) {
        if (jpeg->data[i] == 0xFF && jpeg->data[i + 1] >= 0xC0 && jpeg->data[i + 1] <= 0xC2)
            return i + 1;
    }
    fail_msg("no frame header");
    return 0;
}

static struct bytes jpeg_of_size(const char *name, unsigned width, unsigned height)
{
    struct bytes jpeg = load(name);
    uint8_t *frame = jpeg.data + frame_at(&jpeg);
    put_big_endian(frame + 4, height << 16 | width);
    return jpeg;
}

static size_t last_scan_at(const struct bytes *jpeg)
{
    size_t at = 0;
    for (size_t i = 0; i + 1 < jpeg->size; i++) {
        if (jpeg->data[i] == 0xFF && jpeg->data[i + 1] == 0xDA)
            at = i;
    }
    assert_true(at > 0);
    return at;
}

static void test_jpeg_headers(void **state)
{
    (void)state;
    if (!golden_is_readable(".jpg"))
        skip();
    assert_refused(jpeg_of_size("420.jpg", 65535, 65535), QC_ERROR_TOO_LARGE, "65500");
    assert_refused(jpeg_of_size("420.jpg", 65500, 65500), QC_ERROR_TOO_LARGE, "max_pixels");
    assert_refused(jpeg_of_size("444-progressive.jpg", 65500, 65500), QC_ERROR_TOO_LARGE,
                   "max_pixels");
    assert_refused(jpeg_of_size("420.jpg", 35, 0), QC_ERROR_FORMAT, "Empty");
    assert_refused(jpeg_of_size("420.jpg", 35, 270), QC_ERROR_FORMAT, "premature end");

    struct bytes jpeg = load("444.jpg");
    jpeg.data[frame_at(&jpeg) + 3] = 12;
    assert_refused(jpeg, QC_ERROR_UNSUPPORTED, "12");
    jpeg = load("444.jpg");
    jpeg.data[frame_at(&jpeg)] = 0xC5; /* hierarchical */
    assert_refused(jpeg, QC_ERROR_UNSUPPORTED, "0xc5");
    jpeg = load("444.jpg");
    splice(&jpeg, jpeg.size - 2, 2, NULL, 0);
    assert_refused(jpeg, QC_ERROR_FORMAT, "Premature end of JPEG file");
}

static void test_jpeg_scans(void **state)
{
    (void)state;
    if (!golden_is_readable(".jpg"))
        skip();
    struct bytes jpeg = load("one-scan-a-component.jpg");
    size_t scan = last_scan_at(&jpeg), count = jpeg.size - 2 - scan;
    uint8_t *copy = malloc(count);
    assert_non_null(copy);
    memcpy(copy, jpeg.data + scan, count);
    for (int i = 0; i < 150; i++)
        splice(&jpeg, scan, 0, copy, count);
    free(copy);
    assert_refused(jpeg, QC_ERROR_FORMAT, "more than 100 scans");

    jpeg = load("one-scan-a-component.jpg");
    splice(&jpeg, scan, count, NULL, 0);
    assert_refused(jpeg, QC_ERROR_FORMAT, "colour component 3 of 3 is missing");
}

/* Frees the bytes, which must decode as the file `name` does. */
static void assert_harmless(struct bytes bytes, const char *name)
{
    struct golden list[GOLDEN_MAX];
    size_t count = golden_list(list), i = 0;
    while (i < count && strcmp(list[i].name, name) != 0)
        i++;
    assert_true(i < count);
    qc_picture *picture;
    if (read_bytes(&bytes, &picture, 0))
        fail_msg("%s", text);
    golden_compare(picture, &list[i]);
    golden_list_free(list, count);
    free(bytes.data);
}

static void test_jpeg_oddities_that_do_no_harm(void **state)
{
    (void)state;
    if (!golden_is_readable(".jpg"))
        skip();
    struct bytes jpeg = load("420.jpg");
    static const uint8_t padding[200]; /* more than a bit buffer takes in unseen */
    splice(&jpeg, jpeg.size - 2, 0, padding, sizeof padding);
    assert_harmless(jpeg, "420.jpg");
    jpeg = load("420.jpg");
    splice(&jpeg, jpeg.size, 0, "behind the end", 14);
    assert_harmless(jpeg, "420.jpg");
    jpeg = load("420.jpg");
    jpeg.data[find(&jpeg, "JFIF", 5, 0) + 5] = 9; /* version */
    assert_harmless(jpeg, "420.jpg");
}

/* Restart markers let a decoder go on behind damage, and paint over it: that is not wanted. */
static void test_jpeg_lost_restart_marker(void **state)
{
    (void)state;
    if (!golden_is_readable(".jpg"))
        skip();
    struct bytes jpeg = load("restart.jpg");
    size_t marker = find(&jpeg, "\xFF\xD0", 2, last_scan_at(&jpeg));
    splice(&jpeg, marker, 2, NULL, 0);
    assert_refused(jpeg, QC_ERROR_FORMAT, "damaged JPEG");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_files),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_png),
        cmocka_unit_test(test_jpeg_headers),
        cmocka_unit_test(test_jpeg_scans),
        cmocka_unit_test(test_jpeg_oddities_that_do_no_harm),
        cmocka_unit_test(test_jpeg_lost_restart_marker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
