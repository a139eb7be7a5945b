/*
 * contact_sheet.h - the pairs of a gMAD competition as one picture, as papers show them.
 */
#ifndef QUALICLIP_CONTACT_SHEET_H
#define QUALICLIP_CONTACT_SHEET_H

#include "contest.h"

/* A column of pairs for each role, a row for each level and pair; pictures have been found. False,
 * once complained about, if the file cannot be written. */
bool write_contact_sheet(const struct contest *contest, const char *path);

#endif
