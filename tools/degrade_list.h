/*
 * degrade_list.h - `qualiclip degrade --list`: the table of degradations, as text, CSV or JSON.
 */
#ifndef QUALICLIP_DEGRADE_LIST_H
#define QUALICLIP_DEGRADE_LIST_H

#include "output.h"

/* False if standard output failed. */
bool degrade_list(enum output_format format);

#endif
