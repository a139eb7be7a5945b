/*
 * xxh64.h - the XXH64 hash (public specification, doc/xxhash_spec.md of the xxHash project): tells
 * model files apart.  It detects accidents, not attacks.
 */
#ifndef QUALICLIP_XXH64_H
#define QUALICLIP_XXH64_H

#include <stddef.h>
#include <stdint.h>

uint64_t xxh64(const void *data, size_t size, uint64_t seed);

#endif
