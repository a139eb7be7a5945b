/*
 * columns.c - headings may follow a title, so the first few rows are looked at.
 */
#include "columns.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { rows_before_headings = 16 };

static size_t find_in_row(const struct table *table, size_t row, const char *heading)
{
    for (size_t i = 0; i < table->columns; i++)
        if (text_equal(table_cell(table, row, i), heading))
            return i;
    return TABLE_NO_COLUMN;
}

static size_t find_any(const struct table *table, size_t row, const char *wanted,
                       const char *const *usual)
{
    if (wanted)
        return find_in_row(table, row, wanted);
    for (; *usual; usual++) {
        const size_t column = find_in_row(table, row, *usual);
        if (column != TABLE_NO_COLUMN)
            return column;
    }
    return TABLE_NO_COLUMN;
}

static bool row_has(const struct table *table, size_t row, const char *const *headings)
{
    for (; *headings; headings++)
        if (find_in_row(table, row, *headings) == TABLE_NO_COLUMN)
            return false;
    return true;
}

bool columns_have(struct table *table, const char *const *headings)
{
    if (table->names) {
        for (; *headings; headings++)
            if (table_find(table, *headings) == TABLE_NO_COLUMN)
                return false;
        return true;
    }
    for (size_t row = 0; row < table->rows && row < rows_before_headings; row++)
        if (row_has(table, row, headings)) {
            table_use_headings(table, row);
            return true;
        }
    return false;
}

static bool has_number(const struct table *table, size_t row)
{
    for (size_t i = 0; i < table->columns; i++)
        if (text_is_number(table_cell(table, row, i), table->decimal_comma))
            return true;
    return false;
}

/* The first column whose cell in the first row is a number, or is none. */
static size_t first_of(const struct table *table, bool number)
{
    for (size_t i = 0; i < table->columns; i++) {
        const char *cell = table_cell(table, 0, i);
        if (*cell && text_is_number(cell, table->decimal_comma) == number)
            return i;
    }
    return TABLE_NO_COLUMN;
}

static void list_columns(const struct table *table, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < table->columns && i < 12 && used + 40 < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%.30s", i ? ", " : "",
                                 table->names ? table->names[i] : table_cell(table, 0, i));
}

static bool complain_of(const struct table *table, const struct column_search *search, bool value,
                        const char *origin, char *message)
{
    char columns[200];
    const char *wanted = value ? search->value : search->name;
    list_columns(table, columns, sizeof columns);
    if (wanted)
        snprintf(message, TABLE_MESSAGE_SIZE, "%.150s: has no column %.60s; there are: %.180s",
                 origin, wanted, columns);
    else
        snprintf(message, TABLE_MESSAGE_SIZE,
                 "%.150s: which column has the %s?  Say %s=NAME; there are: %.180s", origin,
                 value ? "numbers" : "images' names",
                 value ? search->value_option : search->name_option, columns);
    return false;
}

/*
 * The first column of texts; in lists of a reference, an image of it and an opinion the second one,
 * as the first does not tell two rows from each other.
 */
static size_t first_names(const struct table *table)
{
    for (size_t i = 0; table->rows > 1 && i < table->columns; i++) {
        const char *cell = table_cell(table, 0, i);
        if (*cell && !text_is_number(cell, table->decimal_comma) &&
            strcmp(cell, table_cell(table, 1, i)) != 0)
            return i;
    }
    return first_of(table, false);
}

static bool find_without_headings(struct table *table, const struct column_search *search,
                                  size_t *name, size_t *value)
{
    *name = search->name ? table_find(table, search->name) : first_names(table);
    *value = search->value ? table_find(table, search->value) : first_of(table, true);
    return *name != TABLE_NO_COLUMN && *value != TABLE_NO_COLUMN;
}

/* The only column of texts, or of numbers, by the first row; none if there are several. */
static size_t only_one(const struct table *table, bool number)
{
    size_t found = TABLE_NO_COLUMN;
    for (size_t i = 0; table->rows && i < table->columns; i++) {
        const char *cell = table_cell(table, 0, i);
        if (!*cell || text_is_number(cell, table->decimal_comma) != number)
            continue;
        if (found != TABLE_NO_COLUMN)
            return TABLE_NO_COLUMN;
        found = i;
    }
    return found;
}

static bool find_named(const struct table *table, const struct column_search *search, size_t *name,
                       size_t *value)
{
    *name = *value = TABLE_NO_COLUMN;
    if (search->name)
        *name = table_find(table, search->name);
    for (const char *const *usual = search->usual_names;
         !search->name && *usual && *name == TABLE_NO_COLUMN; usual++)
        *name = table_find(table, *usual);
    if (search->value)
        *value = table_find(table, search->value);
    for (const char *const *usual = search->usual_values;
         !search->value && *usual && *value == TABLE_NO_COLUMN; usual++)
        *value = table_find(table, *usual);
    if (!search->name && *name == TABLE_NO_COLUMN)
        *name = only_one(table, false);
    if (!search->value && *value == TABLE_NO_COLUMN)
        *value = only_one(table, true);
    return *name != TABLE_NO_COLUMN && *value != TABLE_NO_COLUMN;
}

bool columns_find(struct table *table, const struct column_search *search, size_t *name,
                  size_t *value, const char *origin, char message[TABLE_MESSAGE_SIZE])
{
    if (!table->rows && !table->names) {
        snprintf(message, TABLE_MESSAGE_SIZE, "%.300s: is empty", origin);
        return false;
    }
    for (size_t row = 0; !table->names && row < table->rows && row < rows_before_headings; row++)
        if (find_any(table, row, search->name, search->usual_names) != TABLE_NO_COLUMN &&
            find_any(table, row, search->value, search->usual_values) != TABLE_NO_COLUMN)
            table_use_headings(table, row);
    *name = *value = TABLE_NO_COLUMN;
    if (!table->names && has_number(table, 0)) {
        if (find_without_headings(table, search, name, value))
            return true;
    } else {
        if (!table->names)
            table_use_headings(table, 0);
        if (find_named(table, search, name, value))
            return true;
    }
    return complain_of(table, search, *name != TABLE_NO_COLUMN, origin, message);
}
