/*
 * mat_table.h - MATLAB's arrays as columns: those that have as many elements as the first of texts,
 * or if there is none as the longest.
 */
#ifndef QUALICLIP_MAT_TABLE_H
#define QUALICLIP_MAT_TABLE_H

#include "mat.h"

bool mat_as_table(const struct mat_file *files, size_t count, struct table *table,
                  const char *origin, char message[TABLE_MESSAGE_SIZE]);

#endif
