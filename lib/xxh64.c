/*
 * xxh64.c - XXH64: four accumulators (lanes), each fed every fourth 64-bit word; what makes no
 * whole stripe of 32 bytes goes in at the end.
 */
#include "xxh64.h"

#include <string.h>

enum { STRIPE = 32 };

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

static void add_stripes(uint64_t lanes[4], const unsigned char *at, size_t stripes)
{
    uint64_t a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
    for (size_t i = 0; i < stripes; i++, at += STRIPE) {
        a = mix(a, load64(at));
        b = mix(b, load64(at + 8));
        c = mix(c, load64(at + 16));
        d = mix(d, load64(at + 24));
    }
    lanes[0] = a;
    lanes[1] = b;
    lanes[2] = c;
    lanes[3] = d;
}

static uint64_t join(const uint64_t lanes[4])
{
    uint64_t hash = rotate_left(lanes[0], 1) + rotate_left(lanes[1], 7) +
                    rotate_left(lanes[2], 12) + rotate_left(lanes[3], 18);
    for (size_t i = 0; i < 4; i++)
        hash = merge(hash, lanes[i]);
    return hash;
}

void xxh64_begin(struct xxh64_state *state, uint64_t seed)
{
    *state = (struct xxh64_state){
        .seed = seed, .lanes = {seed + PRIME_1 + PRIME_2, seed + PRIME_2, seed, seed - PRIME_1}};
}

void xxh64_add(struct xxh64_state *state, const void *data, size_t size)
{
    const unsigned char *p = data;
    const size_t held = (size_t)(state->total % STRIPE);
    state->total += size;
    if (held + size < STRIPE) {
        if (size)
            memcpy(state->rest + held, p, size);
        return;
    }
    if (held) {
        const size_t missing = STRIPE - held;
        memcpy(state->rest + held, p, missing);
        add_stripes(state->lanes, state->rest, 1);
        p += missing;
        size -= missing;
    }
    add_stripes(state->lanes, p, size / STRIPE);
    memcpy(state->rest, p + size / STRIPE * STRIPE, size % STRIPE);
}

uint64_t xxh64_end(const struct xxh64_state *state)
{
    const unsigned char *p = state->rest;
    uint64_t hash = state->total >= STRIPE ? join(state->lanes) : state->seed + PRIME_5;
    hash += state->total;

    size_t left = (size_t)(state->total % STRIPE);
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

uint64_t xxh64(const void *data, size_t size, uint64_t seed)
{
    struct xxh64_state state;
    xxh64_begin(&state, seed);
    xxh64_add(&state, data, size);
    return xxh64_end(&state);
}
