/*
 * derived.c - columns added to the tables of photos, of generated images, and of those datasets
 * of distortions whose files do not tell the images' names.
 */
#include "derived.h"

#include <stdio.h>
#include <string.h>

#include "derivation.h"

bool derive_clive(struct labels *labels, char *message)
{
    struct table *table = &labels->table;
    const size_t name = table_find(table, "AllImages_release");
    if (name == TABLE_NO_COLUMN)
        return derived_refuse(
            labels, "the names are missing: AllImages_release.mat must be beside it", message);
    const size_t split = derived_column(table, "split");
    if (split == TABLE_NO_COLUMN)
        return derived_no_room(labels, message);
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
    const size_t source = derived_column(table, "source");
    const size_t split = valid == TABLE_NO_COLUMN ? valid : derived_column(table, "split");
    if (source == TABLE_NO_COLUMN || name == TABLE_NO_COLUMN)
        return derived_no_room(labels, message);
    for (size_t row = 0; row < table->rows; row++) {
        const char *text = table_cell(table, row, name), *slash = strrchr(text, '/');
        derived_set(table, row, source, text, slash ? slash : text);
        if (split != TABLE_NO_COLUMN)
            table_set(table, row, split,
                      text_equal(table_cell(table, row, valid), "true") ||
                              strcmp(table_cell(table, row, valid), "1") == 0
                          ? "validation"
                          : "training");
    }
    return true;
}

/* AttnGAN_normal_000.jpg, deepai_0_1_0_0.jpg */
bool derive_agiqa(struct labels *labels, char *message)
{
    struct table *table = &labels->table;
    const size_t named = table_find(table, "name"), generator = derived_column(table, "generator");
    const size_t name = named != TABLE_NO_COLUMN ? named : table_find(table, "Image");
    if (generator == TABLE_NO_COLUMN)
        return derived_no_room(labels, message);
    for (size_t row = 0; row < table->rows; row++) {
        const char *text = table_cell(table, row, name);
        derived_set(table, row, generator, text, text + strcspn(text, "_"));
    }
    return true;
}

bool derive_live(struct labels *labels, char *message)
{
    static const struct {
        const char *folder;
        size_t count;
    } types[] = {{"jp2k", 227}, {"jpeg", 233}, {"wn", 174}, {"gblur", 174}, {"fastfading", 174}};
    struct table *table = &labels->table;
    const size_t original = table_find(table, "orgs"), names = table_find(table, "refnames_all");
    const size_t name = derived_column(table, "name"),
                 distortion = derived_column(table, "distortion");
    const size_t reference = derived_column(table, "reference"),
                 split = derived_column(table, "split");
    char text[40];
    if (split == TABLE_NO_COLUMN)
        return derived_no_room(labels, message);
    if (table->rows != 982)
        return derived_refuse(
            labels, "LIVE has 982 images in a fixed order, this file another number", message);
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
    const size_t level = table_find(table, "dst_lev"), name = derived_column(table, "name");
    const size_t distortion = derived_column(table, "distortion"),
                 reference = derived_column(table, "reference");
    char text[128];
    if (reference == TABLE_NO_COLUMN)
        return derived_no_room(labels, message);
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
