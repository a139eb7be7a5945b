/*
 * random.c - normal deviates by Box and Muller's way, in arithmetic that rounds alike everywhere.
 */
#include "random.h"

#include <math.h>
#include <string.h>

enum { block = 64 }; /* pairs at once, so that a compiler can use vectors */

/* ln x for a normal x > 0: the exponent, and the series of artanh for the rest. */
static inline float logarithm(float x)
{
    const uint32_t one = 0x3f800000, root_of_half = 0x3f3504f3;
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits += one - root_of_half;
    const float exponent = (float)((int32_t)(bits >> 23) - 127);
    bits = (bits & 0x7fffff) + root_of_half;
    float rest; /* from the root of one half to that of two */
    memcpy(&rest, &bits, sizeof rest);
    const float s = (rest - 1) / (rest + 1), t = s * s;
    const float series = 1 + t * (1 / 3.f + t * (1 / 5.f + t * (1 / 7.f + t * (1 / 9.f))));
    return exponent * 0.693147181f + 2 * s * series;
}

/*
 * An angle of the eighths of a turn about 0, turned into the first quadrant, and a random sign for
 * each coordinate: together any angle, and no series needs more than a few terms.
 */
static void normals_of(const uint64_t *words, float *left, float *right)
{
    for (size_t i = 0; i < block; i++) {
        const float unit = (float)(int32_t)((words[i] >> 40) + 1) * 0x1p-24f; /* in (0, 1] */
        const float radius = sqrtf(-logarithm(unit));
        const float angle = (float)((int32_t)(words[i] & 0xffffff) - 0x800000) *
                            (0.785398163f / 0x800000); /* pi / 4 */
        const float t = angle * angle;
        const float sine =
            angle * (1 + t * (-1 / 6.f + t * (1 / 120.f + t * (-1 / 5040.f + t / 362880.f))));
        const float cosine = 1 + t * (-1 / 2.f + t * (1 / 24.f + t * (-1 / 720.f + t / 40320.f)));
        const float left_sign = (float)(1 - (int32_t)(words[i] >> 23 & 2));
        const float right_sign = (float)(1 - (int32_t)(words[i] >> 24 & 2));
        /* The roots of 2 in radius and of 1/2 in the turn cancel. */
        left[i] = left_sign * radius * (cosine - sine);
        right[i] = right_sign * radius * (cosine + sine);
    }
}

void random_normals(uint64_t seed, uint64_t first, size_t count, float *left, float *right)
{
    while (count) {
        const size_t some = count < block ? count : block;
        uint64_t words[block];
        float lefts[block], rights[block];
        for (size_t i = 0; i < block; i++)
            words[i] = random_word(seed, first + i);
        normals_of(words, lefts, rights);
        memcpy(left, lefts, some * sizeof *left);
        memcpy(right, rights, some * sizeof *right);
        first += some;
        left += some;
        right += some;
        count -= some;
    }
}
