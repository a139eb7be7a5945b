/*
 * xxh64.h - the XXH64 hash (public specification, doc/xxhash_spec.md of the xxHash project): tells
 * model files apart.  It detects accidents, not attacks.
 */
#ifndef QUALICLIP_XXH64_H
#define QUALICLIP_XXH64_H

#include <stddef.h>
#include <stdint.h>

uint64_t xxh64(const void *data, size_t size, uint64_t seed);

/* The same of data that come piece by piece: begin, add as often as needed, end. */
struct xxh64_state {
    uint64_t seed, lanes[4], total;
    unsigned char rest[32]; /* total % 32 bytes that make no whole stripe yet */
};

void xxh64_begin(struct xxh64_state *state, uint64_t seed);
void xxh64_add(struct xxh64_state *state, const void *data, size_t size);
uint64_t xxh64_end(const struct xxh64_state *state);

#endif
