/*
 * table.c - cells in one list that grows, texts in chunks.
 */
#include "table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../memory.h"

struct table_chunk {
    struct table_chunk *next;
    size_t used, size;
    char text[];
};

void table_free(struct table *table)
{
    while (table->chunks) {
        struct table_chunk *next = table->chunks->next;
        free(table->chunks);
        table->chunks = next;
    }
    free(table->names);
    free(table->cells);
    memset(table, 0, sizeof *table);
}

const char *table_text(struct table *table, const char *bytes, size_t length)
{
    enum { chunk_size = 1 << 16 };
    struct table_chunk *chunk = table->chunks;
    if (!length)
        return "";
    if (!chunk || chunk->size - chunk->used <= length) {
        const size_t size = length < chunk_size ? chunk_size : length + 1;
        chunk = allocate(sizeof *chunk + size);
        *chunk = (struct table_chunk){table->chunks, 0, size};
        table->chunks = chunk;
    }
    char *text = chunk->text + chunk->used;
    memcpy(text, bytes, length);
    text[length] = 0;
    chunk->used += length + 1;
    return text;
}

/* Makes room for so many rows of so many columns; false beyond the limit. */
static bool reserve(struct table *table, size_t rows, size_t columns)
{
    if (rows && columns > TABLE_CELLS_MAX / rows)
        return false;
    const size_t cells = rows * columns;
    if (cells > table->room) {
        table->room = cells > TABLE_CELLS_MAX / 2 ? TABLE_CELLS_MAX : 2 * cells + 256;
        table->cells = reallocate(table->cells, table->room, sizeof *table->cells);
    }
    return true;
}

/* Moves the rows apart, the last one first. */
static bool widen(struct table *table, size_t columns)
{
    const size_t old = table->columns;
    if (columns <= old)
        return true;
    if (!reserve(table, table->rows, columns))
        return false;
    for (size_t row = table->rows; row-- > 0;)
        for (size_t column = columns; column-- > 0;)
            table->cells[row * columns + column] =
                column < old ? table->cells[row * old + column] : "";
    table->columns = columns;
    return true;
}

bool table_add_row(struct table *table, const char *const *cells, size_t count)
{
    count = count < TABLE_COLUMNS_MAX ? count : TABLE_COLUMNS_MAX;
    if (!widen(table, count) || !reserve(table, table->rows + 1, table->columns))
        return false;
    const char **row = table->cells + table->rows * table->columns;
    for (size_t i = 0; i < table->columns; i++)
        row[i] = i < count ? cells[i] : "";
    table->rows++;
    return true;
}

void table_use_headings(struct table *table, size_t row)
{
    free(table->names);
    table->names = reallocate(NULL, table->columns + 1, sizeof *table->names);
    for (size_t i = 0; i < table->columns; i++)
        table->names[i] = table->cells[row * table->columns + i];
    table->rows -= row + 1;
    memmove(table->cells, table->cells + (row + 1) * table->columns,
            table->rows * table->columns * sizeof *table->cells);
}

void table_name(struct table *table, size_t column, const char *name)
{
    char number[24];
    if (!table->names) {
        table->names = reallocate(NULL, table->columns + 1, sizeof *table->names);
        for (size_t i = 0; i < table->columns; i++)
            table->names[i] =
                table_text(table, number, (size_t)snprintf(number, sizeof number, "%zu", i + 1));
    }
    table->names[column] = name;
}

size_t table_add_column(struct table *table, const char *name)
{
    const size_t column = table->columns;
    if (!widen(table, column + 1))
        return TABLE_NO_COLUMN;
    table->names = reallocate(table->names, column + 1, sizeof *table->names);
    table->names[column] = name;
    return column;
}

const char *table_cell(const struct table *table, size_t row, size_t column)
{
    return table->cells[row * table->columns + column];
}

void table_set(struct table *table, size_t row, size_t column, const char *text)
{
    table->cells[row * table->columns + column] = text;
}

static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

bool text_equal(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b))
        a++, b++;
    return lower(*a) == lower(*b);
}

size_t table_find(const struct table *table, const char *name)
{
    for (size_t i = 0; table->names && i < table->columns; i++)
        if (text_equal(table->names[i], name))
            return i;
    if (!table->names) {
        char *end;
        errno = 0;
        const unsigned long number = strtoul(name, &end, 10);
        if (*name >= '0' && *name <= '9' && !*end && !errno && number >= 1 &&
            number <= table->columns)
            return number - 1;
    }
    return TABLE_NO_COLUMN;
}

/* A number and nothing else, blanks around it apart. */
static bool parse_number(const char *text, bool decimal_comma, double *value)
{
    char copy[64], *end;
    text += strspn(text, " \t");
    const size_t length = strlen(text);
    if (!length || length >= sizeof copy)
        return false;
    memcpy(copy, text, length + 1);
    char *comma = decimal_comma ? strchr(copy, ',') : NULL;
    if (comma)
        *comma = '.';
    if (copy[strcspn(copy, "xX(")]) /* hexadecimal, nan(...): not in any table */
        return false;
    *value = strtod(copy, &end);
    return end != copy && end[strspn(end, " \t")] == 0;
}

bool text_is_number(const char *text, bool decimal_comma)
{
    double value;
    return parse_number(text, decimal_comma, &value);
}

double table_number(const struct table *table, size_t row, size_t column)
{
    double value;
    if (!parse_number(table_cell(table, row, column), table->decimal_comma, &value) ||
        !isfinite(value))
        return NAN;
    return value;
}

char *table_read_file(const char *path, size_t *size, char message[TABLE_MESSAGE_SIZE])
{
    const bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rb");
    if (!file) {
        snprintf(message, TABLE_MESSAGE_SIZE, "%.300s: %s", path, strerror(errno));
        return NULL;
    }
    char *bytes = NULL;
    size_t room = 0, used = 0, count = 1;
    while (count && used <= TABLE_FILE_MAX) {
        if (room - used < 65536)
            bytes = reallocate(bytes, room = 2 * room + 131072, 1);
        used += count = fread(bytes + used, 1, room - used - 1, file);
    }
    const int error = ferror(file) ? errno : 0;
    if (!standard)
        fclose(file);
    if (!error && used <= TABLE_FILE_MAX) {
        bytes[used] = 0;
        *size = used;
        return bytes;
    }
    snprintf(message, TABLE_MESSAGE_SIZE, "%.300s: %s", path,
             error ? strerror(error) : "is larger than 256 MiB: not a file of scores or opinions");
    free(bytes);
    return NULL;
}
