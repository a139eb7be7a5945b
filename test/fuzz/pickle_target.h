/*
 * pickle_target.h - the pickle of a checkpoint: read by itself; and where what is looked for comes
 * out, in an archive whose storages are there, so that its tensors are read and converted.
 */
#ifndef QUALICLIP_FUZZ_PICKLE_TARGET_H
#define QUALICLIP_FUZZ_PICKLE_TARGET_H

#include "checkpoint/value.h"

/* `wanted` is the kind of value that is worth a conversion: a dict, or a module. */
void read_pickle(const uint8_t *data, size_t size, enum value_kind wanted);

#endif
