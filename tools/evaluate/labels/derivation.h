/*
 * derivation.h - what those who add a dataset's columns have in common.
 */
#ifndef QUALICLIP_DERIVATION_H
#define QUALICLIP_DERIVATION_H

#include "labels.h"

/* A column that is added to the table, or is there already and is written over. */
size_t derived_column(struct table *table, const char *name);

/* Sets a cell to a part of a text. */
void derived_set(struct table *table, size_t row, size_t column, const char *from, const char *to);

/* A name without folders, of any system. */
const char *derived_base(const char *name);

/* Both say why, and are false. */
bool derived_refuse(const struct labels *labels, const char *reason, char *message);
bool derived_no_room(const struct labels *labels, char *message);

#endif
