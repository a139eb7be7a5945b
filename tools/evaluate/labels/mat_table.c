/*
 * mat_table.c - arrays side by side, of one file or of several that belong together.
 */
#include "mat_table.h"

#include <stdio.h>
#include <string.h>

struct columns {
    size_t count, rows;
    const struct mat_array *arrays[TABLE_COLUMNS_MAX];
};

static size_t count_rows(const struct mat_file *files, size_t count)
{
    size_t texts = 0, longest = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < files[i].count; j++) {
            const struct mat_array *array = &files[i].arrays[j];
            if (array->texts && array->count > texts)
                texts = array->count;
            if (array->count > longest)
                longest = array->count;
        }
    return texts > 1 ? texts : longest;
}

static void choose(const struct mat_file *files, size_t count, struct columns *columns)
{
    columns->count = 0;
    columns->rows = count_rows(files, count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < files[i].count; j++)
            if (files[i].arrays[j].count == columns->rows && columns->count < TABLE_COLUMNS_MAX)
                columns->arrays[columns->count++] = &files[i].arrays[j];
}

static const char *copy(struct table *table, const char *text)
{
    return table_text(table, text, strlen(text));
}

static const char *cell_of(struct table *table, const struct mat_array *array, size_t row)
{
    char digits[40];
    if (array->texts)
        return copy(table, array->texts[row]);
    snprintf(digits, sizeof digits, "%.17g", array->numbers[row]);
    return copy(table, digits);
}

bool mat_as_table(const struct mat_file *files, size_t count, struct table *table,
                  const char *origin, char message[TABLE_MESSAGE_SIZE])
{
    struct columns columns;
    const char *cells[TABLE_COLUMNS_MAX];
    choose(files, count, &columns);
    for (size_t i = 0; i < columns.count; i++)
        cells[i] = copy(table, columns.arrays[i]->name);
    bool good = columns.count > 0 && table_add_row(table, cells, columns.count);
    for (size_t row = 0; good && row < columns.rows; row++) {
        for (size_t i = 0; i < columns.count; i++)
            cells[i] = cell_of(table, columns.arrays[i], row);
        good = table_add_row(table, cells, columns.count);
    }
    if (good)
        table_use_headings(table, 0);
    else
        snprintf(message, TABLE_MESSAGE_SIZE, "%.300s: %s", origin,
                 columns.count ? "has more than 16 million numbers and texts"
                               : "has neither numbers nor texts that can be read; tables and "
                                 "structures cannot: writetable() makes a CSV of a table");
    return good;
}
