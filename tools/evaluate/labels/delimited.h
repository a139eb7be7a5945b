/*
 * delimited.h - tables as text: comma-separated values and their kin.
 *
 * RFC 4180, with what programs make of it: commas, semicolons (with which 3,5 is a number) or tabs,
 * whichever the first line has most of; CR LF or LF; a byte order mark; quoted cells with line
 * ends in them.  Without any of these blanks separate: all of them, or where a number comes first
 * the first alone, so that a name behind it may have some.
 */
#ifndef QUALICLIP_DELIMITED_H
#define QUALICLIP_DELIMITED_H

#include "table.h"

/* `size` bytes and a zero; `origin` is what messages begin with. */
bool delimited_read(struct table *table, const char *bytes, size_t size, const char *origin,
                    char message[TABLE_MESSAGE_SIZE]);

#endif
