/*
 * columns.h - which column of a table says which image it is, and which has the number.
 */
#ifndef QUALICLIP_COLUMNS_H
#define QUALICLIP_COLUMNS_H

#include "table.h"

/*
 * What is looked for: by the user's names (or NULL), else by the usual ones, else the only column
 * of texts, or of numbers.
 */
struct column_search {
    const char *name, *value;
    const char *const *usual_names, *const *usual_values; /* NULL at the end; the first that fits */
    const char *name_option, *value_option;               /* what messages call the user's */
};

/*
 * Finds the two columns, and the row of headings if there is one among the first rows.  A table
 * without headings has its images in the first column of texts, its numbers in the first of
 * numbers.  `origin` is what messages begin with.
 */
bool columns_find(struct table *table, const struct column_search *search, size_t *name,
                  size_t *value, const char *origin, char message[TABLE_MESSAGE_SIZE]);

/* Whether one of the first rows has all of these (NULL at the end) as headings; takes it as such.
 */
bool columns_have(struct table *table, const char *const *headings);

#endif
