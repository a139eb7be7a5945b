/*
 * derived_numbered.c - KADID-10k and TID2013: images are called by the numbers of their reference,
 * distortion and level.
 */
#include "derived.h"

#include <stdio.h>
#include <string.h>

#include "derivation.h"

static const char *const kadid_types[] = {"Gaussian blur",
                                          "lens blur",
                                          "motion blur",
                                          "color diffusion",
                                          "color shift",
                                          "color quantization",
                                          "color saturation 1",
                                          "color saturation 2",
                                          "JPEG2000",
                                          "JPEG",
                                          "white noise",
                                          "white noise in color component",
                                          "impulse noise",
                                          "multiplicative noise",
                                          "denoise",
                                          "brighten",
                                          "darken",
                                          "mean shift",
                                          "jitter",
                                          "non-eccentricity patch",
                                          "pixelate",
                                          "quantization",
                                          "color block",
                                          "high sharpen",
                                          "contrast change"};

static const char *const tid_types[] = {"additive Gaussian noise",
                                        "noise in color components",
                                        "spatially correlated noise",
                                        "masked noise",
                                        "high frequency noise",
                                        "impulse noise",
                                        "quantization noise",
                                        "Gaussian blur",
                                        "image denoising",
                                        "JPEG",
                                        "JPEG2000",
                                        "JPEG transmission errors",
                                        "JPEG2000 transmission errors",
                                        "non eccentricity pattern noise",
                                        "local block-wise distortions",
                                        "mean shift",
                                        "contrast change",
                                        "change of color saturation",
                                        "multiplicative Gaussian noise",
                                        "comfort noise",
                                        "lossy compression of noisy images",
                                        "color quantization with dither",
                                        "chromatic aberrations",
                                        "sparse sampling and reconstruction"};

/* I01_02_3.bmp or I01_02_03.png: image, type, level. */
static bool split_name(const char *name, unsigned *type, unsigned *level)
{
    unsigned image;
    int end = 0;
    return strlen(name) < 32 && (name[0] == 'I' || name[0] == 'i') &&
           sscanf(name + 1, "%2u_%2u_%2u.%n", &image, type, level, &end) == 3 && end > 0;
}

static bool derive_from_name(struct labels *labels, const char *column, const char *const *types,
                             unsigned type_count, bool with_reference, char *message)
{
    struct table *table = &labels->table;
    char text[24];
    const size_t name = table_find(table, column);
    const size_t distortion = derived_column(table, "distortion"),
                 strength = derived_column(table, "level");
    const size_t reference = with_reference ? derived_column(table, "reference") : 0;
    if (strength == TABLE_NO_COLUMN || reference == TABLE_NO_COLUMN)
        return derived_no_room(labels, message);
    for (size_t row = 0; row < table->rows; row++) {
        const char *cell = table_cell(table, row, name);
        unsigned type, level;
        if (!split_name(cell, &type, &level) || !type || type > type_count)
            continue;
        table_set(table, row, distortion, types[type - 1]);
        const int length = snprintf(text, sizeof text, "%u", level);
        table_set(table, row, strength, table_text(table, text, (size_t)length));
        if (with_reference)
            derived_set(table, row, reference, cell, cell + 3);
    }
    return true;
}

bool derive_kadid(struct labels *labels, char *message)
{
    return derive_from_name(labels, "dist_img", kadid_types,
                            sizeof kadid_types / sizeof kadid_types[0], false, message);
}

bool derive_tid(struct labels *labels, char *message)
{
    return derive_from_name(labels, "name", tid_types, sizeof tid_types / sizeof tid_types[0], true,
                            message);
}

bool recognise_tid(struct table *table)
{
    unsigned type, level;
    if (table->names || table->columns != 2 || !table->rows ||
        !text_is_number(table_cell(table, 0, 0), false) ||
        !split_name(table_cell(table, 0, 1), &type, &level))
        return false;
    table_name(table, 0, "mos");
    table_name(table, 1, "name");
    return true;
}
