/*
 * xxh64.c - XXH64 in one pass over memory: four accumulators, each fed every fourth 64-bit word.
 */
#include "xxh64.h"

#define PRIME_1 UINT64_C(0x9E3779B185EBCA87)
#define PRIME_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define PRIME_3 UINT64_C(0x165667B19E3779F9)
#define PRIME_4 UINT64_C(0x85EBCA77C2B2AE63)
#define PRIME_5 UINT64_C(0x27D4EB2F165667C5)

/* Little-endian whatever the machine; compilers turn these into one load where they may. */
static uint64_t load64(const unsigned char *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

static uint64_t load32(const unsigned char *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

static uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t mix(uint64_t accumulator, uint64_t word)
{
    return rotate_left(accumulator + word * PRIME_2, 31) * PRIME_1;
}

static uint64_t merge(uint64_t hash, uint64_t accumulator)
{
    return (hash ^ mix(0, accumulator)) * PRIME_1 + PRIME_4;
}

/* Whole stripes of 32 bytes; `p` moves behind them. */
static uint64_t hash_stripes(const unsigned char **p, size_t stripes, uint64_t seed)
{
    const unsigned char *at = *p;
    uint64_t a = seed + PRIME_1 + PRIME_2, b = seed + PRIME_2, c = seed, d = seed - PRIME_1;
    for (size_t i = 0; i < stripes; i++, at += 32) {
        a = mix(a, load64(at));
        b = mix(b, load64(at + 8));
        c = mix(c, load64(at + 16));
        d = mix(d, load64(at + 24));
    }
    *p = at;
    uint64_t hash = rotate_left(a, 1) + rotate_left(b, 7) + rotate_left(c, 12) + rotate_left(d, 18);
    hash = merge(hash, a);
    hash = merge(hash, b);
    hash = merge(hash, c);
    return merge(hash, d);
}

uint64_t xxh64(const void *data, size_t size, uint64_t seed)
{
    const unsigned char *p = data;
    uint64_t hash = size >= 32 ? hash_stripes(&p, size / 32, seed) : seed + PRIME_5;
    hash += size;

    size_t left = size % 32;
    for (; left >= 8; left -= 8, p += 8)
        hash = rotate_left(hash ^ mix(0, load64(p)), 27) * PRIME_1 + PRIME_4;
    if (left >= 4) {
        hash = rotate_left(hash ^ load32(p) * PRIME_1, 23) * PRIME_2 + PRIME_3;
        left -= 4;
        p += 4;
    }
    for (; left; left--, p++)
        hash = rotate_left(hash ^ *p * PRIME_5, 11) * PRIME_1;

    hash = (hash ^ hash >> 33) * PRIME_2;
    hash = (hash ^ hash >> 29) * PRIME_3;
    return hash ^ hash >> 32;
}
