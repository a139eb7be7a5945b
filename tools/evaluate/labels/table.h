/*
 * table.h - rows and columns of text, as read from a file; the readers of this folder fill it.
 *
 * A table has a name for each column, or not yet: then its first rows may be headings.  Cells are
 * never NULL; an empty one is "".  Memory is bounded by the limits below, whatever a file claims.
 */
#ifndef QUALICLIP_TABLE_H
#define QUALICLIP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TABLE_COLUMNS_MAX = 256,    /* of a row; what is beyond is passed over */
    TABLE_CELLS_MAX = 1 << 24,  /* of all rows */
    TABLE_FILE_MAX = 256 << 20, /* bytes of a file, and of what is compressed in it */
    TABLE_MESSAGE_SIZE = 512    /* of the messages of this folder's functions */
};

#define TABLE_NO_COLUMN SIZE_MAX

struct table_chunk;

struct table {
    size_t columns, rows;
    const char **names;         /* of the columns; NULL: there are no headings */
    const char **cells;         /* row after row */
    bool decimal_comma;         /* numbers are written 3,5 */
    size_t room;                /* cells that there is memory for */
    struct table_chunk *chunks; /* where the text is */
};

void table_free(struct table *table);

/* A copy of the text that lives as long as the table. */
const char *table_text(struct table *table, const char *bytes, size_t length);

/*
 * Rows are added as lists of texts that live as long as the table; shorter ones are filled up.
 * False: there are more cells than the limit.
 */
bool table_add_row(struct table *table, const char *const *cells, size_t count);

/* Makes a row the headings; it and those before it are no rows any more. */
void table_use_headings(struct table *table, size_t row);

/* Names a column of a table without headings; the others are called by their numbers, from 1 on. */
void table_name(struct table *table, size_t column, const char *name);

/* A further column of a table with headings, empty; its number, or none beyond the limit. */
size_t table_add_column(struct table *table, const char *name);

const char *table_cell(const struct table *table, size_t row, size_t column);
void table_set(struct table *table, size_t row, size_t column, const char *text);

/* The column of that name, whatever its case; or, of a table without names, of that number. */
size_t table_find(const struct table *table, const char *name);

/* The number in a cell; NaN where it is empty, not a number or not finite. */
double table_number(const struct table *table, size_t row, size_t column);

/* Whether the text is a number and nothing else (also nan and inf). */
bool text_is_number(const char *text, bool decimal_comma);

bool text_equal(const char *a, const char *b); /* whatever the case of ASCII letters */

/* All bytes of a file, with a zero behind them; NULL with a message. */
char *table_read_file(const char *path, size_t *size, char message[TABLE_MESSAGE_SIZE]);

#endif
