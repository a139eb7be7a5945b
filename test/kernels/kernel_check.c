/*
 * kernel_check.c - what checks of kernels have in common: numbers, and the sets that must agree.
 */
#include "kernel_check.h"

#include <math.h>
#include <string.h>

const kernel_set *checked_set_at(size_t index)
{
    if (kernel_set_at(index))
        return kernel_set_at(index);
    return index && kernel_set_at(index - 1) ? stand_in_set() : NULL;
}

/* Sets that differ from the named one by the width of vectors or by further products alone. */
const kernel_set *set_of_same_bits(const kernel_set *set)
{
    static const char *const pairs[][2] = {{"avx", "avx2"}, {"neon", "neon"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (!set->fixed_shape && strncmp(set->name, pairs[i][0], strlen(pairs[i][0])) == 0 &&
            strcmp(set->name, pairs[i][1]) != 0)
            return kernel_set_find(pairs[i][1]);
    return NULL;
}

bool passes_floats_on(const kernel_set *set)
{
    static const char *const names[] = {"avxvnni", "avx512vnni", "avx512bf16",
                                        "neondot", "neoni8mm",   "neonbf16"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(set->name, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

double roundings(double n)
{
    return n * ROUNDING / (1 - n * ROUNDING);
}

float *floats_of(const struct guarded *memory)
{
    return (float *)(void *)memory->data;
}

struct guarded random_floats(size_t count, float low, float high)
{
    struct guarded memory = guarded_anywhere(count * sizeof(float), sizeof(float));
    for (size_t i = 0; i < count; i++)
        floats_of(&memory)[i] = random_float(low, high);
    return memory;
}

struct guarded same_floats(const struct guarded *other)
{
    struct guarded memory = guarded_anywhere(other->size, sizeof(float));
    memcpy(memory.data, other->data, other->size);
    return memory;
}

struct guarded cache_lines(size_t bytes)
{
    struct guarded memory = guarded_anywhere((bytes + 63) / 64 * 64, 64);
    memset(memory.data, 0xff, memory.size);
    return memory;
}

float some_float(void)
{
    switch (random_bits() % 64) {
    case 0: return 0;
    case 1: return -0.0f;
    case 2: return 1e-40f;
    case 3: return random_float(-1000, 1000);
    default: return random_float(-1, 1);
    }
}

float rounded_to_bf16(float x)
{
    if (x == 0 || fabsf(x) < 0x1p-126f)
        return 0;
    int exponent;
    const float fraction = frexpf(x, &exponent); /* in [1/2, 1) */
    return ldexpf(rintf(ldexpf(fraction, 8)), exponent - 8);
}
