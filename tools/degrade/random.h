/*
 * random.h - chance that is the same on every machine: words, and normal deviates, by their number.
 *
 * There is no state: the i-th of a seed can be asked for alone, by any thread.
 */
#ifndef QUALICLIP_DEGRADE_RANDOM_H
#define QUALICLIP_DEGRADE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* The word of that number (SplitMix64); also a seed of its own for each number. */
static inline uint64_t random_word(uint64_t seed, uint64_t number)
{
    uint64_t word = seed + (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

/* In [0, 1). */
static inline double random_unit(uint64_t seed, uint64_t number)
{
    return (double)(random_word(seed, number) >> 11) * 0x1p-53;
}

/*
 * Pairs `first`, `first` + 1 ... of independent normal deviates (mean 0, variance 1, at most 5.8),
 * one of each pair into `left`, the other into `right`.
 */
void random_normals(uint64_t seed, uint64_t first, size_t count, float *left, float *right);

#endif
