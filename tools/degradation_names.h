/*
 * degradation_names.h - types of degradation as they are named on the command line.  Says nothing
 * itself.
 */
#ifndef QUALICLIP_TOOLS_DEGRADATION_NAMES_H
#define QUALICLIP_TOOLS_DEGRADATION_NAMES_H

#include <stdbool.h>

#include "degrade/degrade.h"

/* "jpeg,white-noise": sets `chosen` of those that are named; false if a name is of none. */
bool choose_degradations(const char *names, bool chosen[degradation_count]);

#endif
