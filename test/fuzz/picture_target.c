/*
 * picture_target.c - see picture_target.h.
 */
#include "picture_target.h"

#include "fuzz.h"
#include "image.h"

enum { PIXELS_MAX = 1 << 14, PATCH = 4 };

static void check_rows(const qc_image *image)
{
    struct message nowhere = {NULL, 0};
    uint8_t *rgb = test_memory(3 * (size_t)image->width);
    PROMISE(image_check(image, &nowhere) == QC_OK);
    for (int background = QC_BACKGROUND_DROP; background <= QC_BACKGROUND_WHITE; background++)
        for (uint32_t y = 0; y < image->height; y++)
            image_row_rgb(image, (qc_background)background, y, 0, image->width, rgb);
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
        image_stem_row(image, QC_BACKGROUND_BLACK, &table, row, out, 27, scratch);
    for (uint32_t row = 0; row < image->height / PATCH; row++)
        image_patch_row(image, QC_BACKGROUND_WHITE, &table, PATCH, row, out, 3 * PATCH * PATCH,
                        scratch);
    free(out);
    free(scratch);
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
        return 0;
    }
    const qc_image image = qc_picture_view(picture);
    PROMISE((uint64_t)image.width * image.height <= PIXELS_MAX);
    check_rows(&image);
    check_patches(&image);
    qc_picture_free(picture);
    return 1;
}
