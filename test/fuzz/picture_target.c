/*
 * picture_target.c - see picture_target.h.
 */
#include "picture_target.h"

#include <string.h>

#include "default_kernels.h"
#include "fuzz.h"
#include "image.h"
#include "picture_rows.h"

enum { PIXELS_MAX = 1 << 14, PATCH = 4 };

static void check_rows(const qc_image *image)
{
    struct message nowhere = {NULL, 0};
    uint8_t *rgb = test_memory(3 * (size_t)image->width);
    PROMISE(image_check(image, &nowhere) == QC_OK);
    for (int background = QC_BACKGROUND_DROP; background <= QC_BACKGROUND_WHITE; background++)
        for (uint32_t y = 0; y < image->height; y++)
            image_row_rgb(default_kernels(), image, (qc_background)background, y, 0, image->width,
                          rgb);
    free(rgb);
}

static void check_patches(const qc_image *image)
{
    static const float mean[3] = {0.5f, 0.5f, 0.5f};
    struct pixel_table table;
    pixel_table_fill(&table, mean, mean);
    const size_t numbers = 27 * (size_t)image_stem_size(image->width) + 12 * (size_t)image->width;
    float *out = test_memory(numbers * sizeof *out);
    uint8_t *scratch = test_memory(image_scratch(image->width));
    for (uint32_t row = 0; row < image_stem_size(image->height); row++)
        image_stem_row(default_kernels(), image, QC_BACKGROUND_BLACK, &table, row, out, 27,
                       scratch);
    for (uint32_t row = 0; row < image->height / PATCH; row++)
        image_patch_row(default_kernels(), image, QC_BACKGROUND_WHITE, &table, PATCH, row, out,
                        3 * PATCH * PATCH, scratch);
    free(out);
    free(scratch);
}

/*
 * The picture decoded some rows at a time must end as it did at once: with the same pixels, those
 * of `whole`, or where that is NULL with an error.
 */
static void check_streaming(qc_picture *picture, const qc_image *whole, uint32_t step)
{
    char text[QC_MESSAGE_SIZE] = "";
    struct message message = {text, sizeof text};
    struct picture_rows rows;
    qc_image image = qc_picture_view(picture);
    const size_t size = picture->stride;
    bool good = true;
    picture_rows_begin(&rows, picture, &message);
    rows.stream.image = &image;
    for (uint32_t done = 0; done < image.height && good; done += step) {
        const uint32_t first = done ? done - 1 : 0;
        const uint32_t end = step < image.height - done ? done + step : image.height;
        good = rows.stream.provide(&rows.stream, first, end);
        for (uint32_t y = first; y < end && good && whole; y++)
            PROMISE(memcmp(rows.window + (y - first) * size, whole->planes[0] + y * size, size) ==
                    0);
    }
    PROMISE(good == (whole != NULL));
    if (!good)
        check_message(text);
    picture_rows_end(&rows);
}

/* `whole` as above. */
static void check_opened(const uint8_t *data, size_t size, const qc_picture_options *options,
                         const qc_image *whole)
{
    qc_picture *picture;
    if (qc_picture_open_memory(&picture, data, size, options)) {
        PROMISE(!picture && !whole);
        return;
    }
    if (!picture->header.interlaced)
        check_streaming(picture, whole, 1 + (uint32_t)(size % 7));
    qc_picture_free(picture);
}

int read_picture(const uint8_t *data, size_t size)
{
    char message[QC_MESSAGE_SIZE] = "";
    qc_picture *picture;
    qc_picture_options options;
    qc_picture_options_init(&options);
    options.max_pixels = PIXELS_MAX;
    options.message = message;
    options.message_size = sizeof message;
    if (qc_picture_read_memory(&picture, data, size, &options)) {
        PROMISE(!picture);
        check_message(message);
        check_opened(data, size, &options, NULL);
        return 0;
    }
    const qc_image image = qc_picture_view(picture);
    check_opened(data, size, &options, &image);
    PROMISE((uint64_t)image.width * image.height <= PIXELS_MAX);
    check_rows(&image);
    check_patches(&image);
    qc_picture_free(picture);
    return 1;
}
