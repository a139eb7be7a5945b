/*
 * builtin.h - the model that is linked in (builtin.S), or nothing in a build without it.
 */
#ifndef QUALICLIP_BUILTIN_H
#define QUALICLIP_BUILTIN_H

#include <stddef.h>

/* Bytes of the built-in model file, aligned to 64; NULL and 0 in a build with BUILTIN=no. */
const void *builtin_model(size_t *size);

#endif
