/*
 * derived_restored.c - restored images: CVIU's by super-resolution, SHRQ's by dehazing.
 */
#include "derived.h"

#include <string.h>

#include "derivation.h"

/* D:\...\Shan08\sf3\sigma1.2\picture.bmp */
bool derive_cviu(struct labels *labels, char *message)
{
    enum { parts = 4 };
    struct table *table = &labels->table;
    const size_t from = table_find(table, "SR_image_names");
    const size_t name = derived_column(table, "name"), method = derived_column(table, "method");
    const size_t scale = derived_column(table, "scale"),
                 reference = derived_column(table, "reference");
    if (reference == TABLE_NO_COLUMN)
        return derived_no_room(labels, message);
    for (size_t row = 0; row < table->rows; row++) {
        const char *text = table_cell(table, row, from), *end = text + strlen(text);
        const char *starts[parts + 1] = {[parts] = end + 1};
        size_t found = parts;
        for (const char *at = end; found > 0 && at >= text; at--)
            if (at == text || at[-1] == '\\' || at[-1] == '/')
                starts[--found] = at;
        derived_set(table, row, name, starts[found], end);
        if (found == 0) {
            derived_set(table, row, method, starts[0], starts[1] - 1);
            derived_set(table, row, scale, starts[1], starts[2] - 1);
        }
        if (found < parts)
            derived_set(table, row, reference, starts[parts - 1], end);
    }
    return true;
}

/* ------------------------------------------------------------------------------------------ SHRQ
 */

static const char *const dehazing[] = {"Berman16", "Cai16",  "Fattal08", "He09",
                                       "Lai12",    "Meng13", "Tarel09",  "Xiao12"};

/* The scenes of the dataset AID, of which there is one aerial image each. */
static const char *const aerial[] = {"airport",
                                     "bareland",
                                     "baseballfield",
                                     "beach",
                                     "bridge",
                                     "center",
                                     "church",
                                     "commercial",
                                     "denseresidential",
                                     "desert",
                                     "farmland",
                                     "forest",
                                     "industrial",
                                     "meadow",
                                     "mediumresidential",
                                     "mountain",
                                     "park",
                                     "parking",
                                     "playground",
                                     "pond",
                                     "port",
                                     "railwaystation",
                                     "resort",
                                     "river",
                                     "school",
                                     "sparseresidential",
                                     "square",
                                     "stadium",
                                     "storagetanks",
                                     "viaduct"};

static bool is_among(const char *text, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(text, texts[i]))
            return true;
    return false;
}

/* Art_He09.png: the reference's name ends at *cut, the method's begins behind it. */
static bool split_dehazed(const char *name, const char **cut, char method[16])
{
    const char *dot = strrchr(name, '.');
    const char *end = dot ? dot : name + strlen(name);
    for (*cut = end; *cut > name && **cut != '_';)
        (*cut)--;
    const size_t length = (size_t)(end - *cut);
    if (*cut == name || length < 2 || length > 15)
        return false;
    memcpy(method, *cut + 1, length - 1);
    method[length - 1] = 0;
    return is_among(method, dehazing, sizeof dehazing / sizeof dehazing[0]);
}

bool recognise_shrq(struct table *table)
{
    const char *cut;
    char method[16];
    if (table->names || table->columns != 3 || !table->rows ||
        !text_is_number(table_cell(table, 0, 2), false) ||
        !split_dehazed(table_cell(table, 0, 1), &cut, method))
        return false;
    table_name(table, 0, "reference");
    table_name(table, 1, "name");
    table_name(table, 2, "mos");
    return true;
}

bool derive_shrq(struct labels *labels, char *message)
{
    struct table *table = &labels->table;
    if (!table->names)
        table_name(table, labels->name, "name");
    const size_t method = derived_column(table, "method");
    const size_t reference = derived_column(table, "reference");
    const size_t subset = derived_column(table, "subset");
    if (subset == TABLE_NO_COLUMN)
        return derived_no_room(labels, message);
    for (size_t row = 0; row < table->rows; row++) {
        const char *name = derived_base(table_cell(table, row, labels->name)), *cut;
        char text[16];
        if (!split_dehazed(name, &cut, text))
            continue;
        table_set(table, row, method, table_text(table, text, strlen(text)));
        derived_set(table, row, reference, name, cut);
        const bool from_above =
            is_among(table_cell(table, row, reference), aerial, sizeof aerial / sizeof aerial[0]);
        table_set(table, row, subset, from_above ? "aerial" : "regular");
    }
    return true;
}
