/*
 * derived.c - columns added to the tables of particular datasets.
 */
#include "derived.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A column that is added to the table, or is there already and is written over. */
static size_t provide(struct table *table, const char *name)
{
    const size_t column = table_find(table, name);
    return column != TABLE_NO_COLUMN ? column : table_add_column(table, name);
}

static bool refuse(const struct labels *labels, const char *reason, char *message)
{
    snprintf(message, TABLE_MESSAGE_SIZE, "%.300s: %s", labels->path, reason);
    return false;
}

static bool no_room(const struct labels *labels, char *message)
{
    return refuse(labels, "the table has more than 16 million cells", message);
}

static void set_part(struct table *table, size_t row, size_t column, const char *from,
                     const char *to)
{
    table_set(table, row, column, table_text(table, from, (size_t)(to - from)));
}

bool derive_clive(struct labels *labels, char *message)
{
    struct table *table = &labels->table;
    const size_t name = table_find(table, "AllImages_release");
    if (name == TABLE_NO_COLUMN)
        return refuse(labels, "the names are missing: AllImages_release.mat must be beside it",
                      message);
    const size_t split = provide(table, "split");
    if (split == TABLE_NO_COLUMN)
        return no_room(labels, message);
    for (size_t row = 0; row < table->rows; row++) {
        const char *text = table_cell(table, row, name); /* t1.bmp to t7.bmp */
        const bool practice = (text[0] == 't' || text[0] == 'T') &&
                              text[1 + strspn(text + 1, "0123456789")] == '.' && text[1] != '.';
        table_set(table, row, split, practice ? "practice" : "");
    }
    return true;
}

bool derive_flive(struct labels *labels, char *message)
{
    struct table *table = &labels->table;
    size_t name = table_find(table, "name_image");
    if (name == TABLE_NO_COLUMN)
        name = table_find(table, "name");
    const size_t valid = table_find(table, "is_valid");
    const size_t source = provide(table, "source");
    const size_t split = valid == TABLE_NO_COLUMN ? valid : provide(table, "split");
    if (source == TABLE_NO_COLUMN || name == TABLE_NO_COLUMN)
        return no_room(labels, message);
    for (size_t row = 0; row < table->rows; row++) {
        const char *text = table_cell(table, row, name), *slash = strrchr(text, '/');
        set_part(table, row, source, text, slash ? slash : text);
        if (split != TABLE_NO_COLUMN)
            table_set(table, row, split,
                      text_equal(table_cell(table, row, valid), "true") ||
                              strcmp(table_cell(table, row, valid), "1") == 0
                          ? "validation"
                          : "training");
    }
    return true;
}

/* D:\...\Shan08\sf3\sigma1.2\picture.bmp */
bool derive_cviu(struct labels *labels, char *message)
{
    enum { parts = 4 };
    struct table *table = &labels->table;
    const size_t from = table_find(table, "SR_image_names");
    const size_t name = provide(table, "name"), method = provide(table, "method");
    const size_t scale = provide(table, "scale"), reference = provide(table, "reference");
    if (reference == TABLE_NO_COLUMN)
        return no_room(labels, message);
    for (size_t row = 0; row < table->rows; row++) {
        const char *text = table_cell(table, row, from), *end = text + strlen(text);
        const char *starts[parts + 1] = {[parts] = end + 1};
        size_t found = parts;
        for (const char *at = end; found > 0 && at >= text; at--)
            if (at == text || at[-1] == '\\' || at[-1] == '/')
                starts[--found] = at;
        set_part(table, row, name, starts[found], end);
        if (found == 0) {
            set_part(table, row, method, starts[0], starts[1] - 1);
            set_part(table, row, scale, starts[1], starts[2] - 1);
        }
        if (found < parts)
            set_part(table, row, reference, starts[parts - 1], end);
    }
    return true;
}

/* AttnGAN_normal_000.jpg */
bool derive_agiqa(struct labels *labels, char *message)
{
    struct table *table = &labels->table;
    const size_t name = table_find(table, "name"), generator = provide(table, "generator");
    if (generator == TABLE_NO_COLUMN)
        return no_room(labels, message);
    for (size_t row = 0; row < table->rows; row++) {
        const char *text = table_cell(table, row, name);
        set_part(table, row, generator, text, text + strcspn(text, "_"));
    }
    return true;
}

/* ----------------------------------------------------------------------- KADID-10k and TID2013 */

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
    const size_t distortion = provide(table, "distortion"), strength = provide(table, "level");
    const size_t reference = with_reference ? provide(table, "reference") : 0;
    if (strength == TABLE_NO_COLUMN || reference == TABLE_NO_COLUMN)
        return no_room(labels, message);
    for (size_t row = 0; row < table->rows; row++) {
        const char *cell = table_cell(table, row, name);
        unsigned type, level;
        if (!split_name(cell, &type, &level) || !type || type > type_count)
            continue;
        table_set(table, row, distortion, types[type - 1]);
        const int length = snprintf(text, sizeof text, "%u", level);
        table_set(table, row, strength, table_text(table, text, (size_t)length));
        if (with_reference)
            set_part(table, row, reference, cell, cell + 3);
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

/* ----------------------------------------------------------------------------- LIVE and CSIQ */

bool derive_live(struct labels *labels, char *message)
{
    static const struct {
        const char *folder;
        size_t count;
    } types[] = {{"jp2k", 227}, {"jpeg", 233}, {"wn", 174}, {"gblur", 174}, {"fastfading", 174}};
    struct table *table = &labels->table;
    const size_t original = table_find(table, "orgs"), names = table_find(table, "refnames_all");
    const size_t name = provide(table, "name"), distortion = provide(table, "distortion");
    const size_t reference = provide(table, "reference"), split = provide(table, "split");
    char text[40];
    if (split == TABLE_NO_COLUMN)
        return no_room(labels, message);
    if (table->rows != 982)
        return refuse(labels, "LIVE has 982 images in a fixed order, this file another number",
                      message);
    for (size_t row = 0, type = 0, number = 1; row < table->rows; row++, number++) {
        if (number > types[type].count)
            type++, number = 1;
        const int length = snprintf(text, sizeof text, "%s/img%zu.bmp", types[type].folder, number);
        table_set(table, row, name, table_text(table, text, (size_t)length));
        table_set(table, row, distortion, types[type].folder);
        if (names != TABLE_NO_COLUMN)
            table_set(table, row, reference, table_cell(table, row, names));
        table_set(table, row, split, table_number(table, row, original) == 1 ? "original" : "");
    }
    return true;
}

/* 1600, "jpeg 2000", 3: the image 1600.jpeg2000.3.png */
bool derive_csiq(struct labels *labels, char *message)
{
    static const char *const spelt[][2] = {
        {"noise", "AWGN"}, {"blur", "BLUR"}, {"jpeg", "JPEG"}, {"jpeg 2000", "jpeg2000"}};
    struct table *table = &labels->table;
    const size_t image = table_find(table, "image"), type = table_find(table, "dst_type");
    const size_t level = table_find(table, "dst_lev"), name = provide(table, "name");
    const size_t distortion = provide(table, "distortion"), reference = provide(table, "reference");
    char text[128];
    if (reference == TABLE_NO_COLUMN)
        return no_room(labels, message);
    for (size_t row = 0; row < table->rows; row++) {
        const char *token = table_cell(table, row, type);
        table_set(table, row, distortion, token);
        table_set(table, row, reference, table_cell(table, row, image));
        for (size_t i = 0; i < sizeof spelt / sizeof spelt[0]; i++)
            if (text_equal(token, spelt[i][0])) {
                token = spelt[i][1];
                break;
            }
        const int length =
            snprintf(text, sizeof text, "%.50s.%.30s.%.10s.png", table_cell(table, row, image),
                     token, table_cell(table, row, level));
        table_set(table, row, name, *token ? table_text(table, text, (size_t)length) : "");
    }
    return true;
}
