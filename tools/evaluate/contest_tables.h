/*
 * contest_tables.h - the pairs of a gMAD competition on standard output.
 */
#ifndef QUALICLIP_CONTEST_TABLES_H
#define QUALICLIP_CONTEST_TABLES_H

#include "contest.h"
#include "output.h"

/* False if standard output takes no more. */
bool contest_print(const struct contest *contest, enum output_format format);

#endif
