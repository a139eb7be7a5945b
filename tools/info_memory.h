/*
 * info_memory.h - the part of `qualiclip info` that is about blocks of memory.
 */
#ifndef QUALICLIP_INFO_MEMORY_H
#define QUALICLIP_INFO_MEMORY_H

#include <stdbool.h>

#include "qualiclip.h"

/* Prints what a scorer of these options and its model take; false once a failure was told. */
bool info_memory(const qc_model *model, const qc_scorer_options *options, bool json);

#endif
