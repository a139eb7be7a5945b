/*
 * derivation.c - columns, and parts of names to put into them.
 */
#include "derivation.h"

#include <stdio.h>

size_t derived_column(struct table *table, const char *name)
{
    const size_t column = table_find(table, name);
    return column != TABLE_NO_COLUMN ? column : table_add_column(table, name);
}

void derived_set(struct table *table, size_t row, size_t column, const char *from, const char *to)
{
    table_set(table, row, column, table_text(table, from, (size_t)(to - from)));
}

const char *derived_base(const char *name)
{
    const char *base = name;
    for (; *name; name++)
        if (*name == '/' || *name == '\\')
            base = name + 1;
    return base;
}

bool derived_refuse(const struct labels *labels, const char *reason, char *message)
{
    snprintf(message, TABLE_MESSAGE_SIZE, "%.300s: %s", labels->path, reason);
    return false;
}

bool derived_no_room(const struct labels *labels, char *message)
{
    return derived_refuse(labels, "the table has more than 16 million cells", message);
}
