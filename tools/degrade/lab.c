/*
 * lab.c - sRGB to CIELAB and back, in loops that a compiler turns into vectors.
 */
#include "lab.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { block = 64 }; /* pixels whose planes stay in the nearest cache */

static const float least = 1e-9f; /* what roots are taken of: 0 has no first guess */

/* A guess from dividing the exponent, and twice Halley's step: exact to a float's last digits. */
static inline float guess_root(float x, float n, float bias)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (int32_t)((float)bits / n + bias);
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float cube_root(float x)
{
    x = x > least ? x : least;
    float root = guess_root(x, 3, 709921077.f);
    for (int i = 0; i < 2; i++) {
        const float cube = root * root * root;
        root = root * (cube + 2 * x) / (2 * cube + x);
    }
    return root;
}

static inline float fifth_root(float x)
{
    x = x > least ? x : least;
    float root = guess_root(x, 5, 851500000.f);
    for (int i = 0; i < 2; i++) {
        const float square = root * root, fifth = square * square * root;
        root = root * (2 * fifth + 3 * x) / (3 * fifth + 2 * x);
    }
    return root;
}

/* IEC 61966-2-1; to the power of 2.4 = 2 + 2 / 5. */
static inline float linear_light(float x)
{
    const float base = (x + 0.055f) * (1 / 1.055f), square = base * base;
    const float curved = square * fifth_root(square);
    return x > 0.04045f ? curved : x * (1 / 12.92f);
}

/* To the power of 5 / 12 = 1 / 3 + 1 / 12, clipped to [0, 1]. */
static inline float encoded(float light)
{
    const float root = cube_root(light);
    const float curved = 1.055f * (root * sqrtf(sqrtf(root))) - 0.055f;
    const float x = light > 0.0031308f ? curved : 12.92f * light;
    return x > 0 ? x < 1 ? x : 1 : 0;
}

static const float threshold = 6 / 29.f, slope = 841 / 108.f, offset = 4 / 29.f;

static inline float compressed(float x)
{
    const float root = cube_root(x);
    return x > threshold * threshold * threshold ? root : slope * x + offset;
}

static inline float expanded(float x)
{
    return x > threshold ? x * x * x : (x - offset) / slope;
}

bool lab_allocate(struct lab *lab, size_t count)
{
    lab->lightness = malloc(3 * count * sizeof *lab->lightness);
    if (!lab->lightness)
        return false;
    lab->a = lab->lightness + count;
    lab->b = lab->a + count;
    return true;
}

void lab_free(struct lab *lab)
{
    free(lab->lightness);
}

/*
 * Rows of the matrix to XYZ, each divided by its sum: white is 1, and greys have no colour.  What
 * is costly is done value by value, because vectors are quicker there than across interleaved
 * colours.
 */
static void block_from_rgb(const float *rgb, float *lightness, float *a, float *b)
{
    float light[3 * block], f[3][block];
    for (size_t i = 0; i < 3 * block; i++)
        light[i] = linear_light(rgb[i]);
    for (size_t i = 0; i < block; i++) {
        const float red = light[3 * i], green = light[3 * i + 1], blue = light[3 * i + 2];
        f[0][i] = 0.433952755f * red + 0.376219415f * green + 0.18982783f * blue;
        f[1][i] = 0.212671f * red + 0.71516f * green + 0.072169f * blue;
        f[2][i] = 0.017757914f * red + 0.109476521f * green + 0.872765565f * blue;
    }
    for (size_t plane = 0; plane < 3; plane++)
        for (size_t i = 0; i < block; i++)
            f[plane][i] = compressed(f[plane][i]);
    for (size_t i = 0; i < block; i++) {
        lightness[i] = 116 * f[1][i] - 16;
        a[i] = 500 * (f[0][i] - f[1][i]);
        b[i] = 200 * (f[1][i] - f[2][i]);
    }
}

static void block_to_rgb(const float *lightness, const float *a, const float *b, float *rgb)
{
    float light[3 * block];
    for (size_t i = 0; i < block; i++) {
        const float fy = (lightness[i] + 16) * (1 / 116.f);
        const float x = expanded(fy + a[i] * (1 / 500.f)), y = expanded(fy);
        const float z = expanded(fy - b[i] * (1 / 200.f));
        light[3 * i] = 3.079934936f * x - 1.537151516f * y - 0.542783419f * z;
        light[3 * i + 1] = -0.921234183f * x + 1.875990001f * y + 0.045244181f * z;
        light[3 * i + 2] = 0.052889682f * x - 0.204041338f * y + 1.151151656f * z;
    }
    for (size_t i = 0; i < 3 * block; i++)
        rgb[i] = encoded(light[i]);
}

void lab_from_rgb(const struct lab *lab, const float *rgb, size_t count)
{
    size_t i = 0;
    for (; i + block <= count; i += block)
        block_from_rgb(rgb + 3 * i, lab->lightness + i, lab->a + i, lab->b + i);
    if (i == count)
        return;
    float pixels[3 * block] = {0}, planes[3][block];
    const size_t rest = count - i, size = rest * sizeof(float);
    memcpy(pixels, rgb + 3 * i, 3 * size);
    block_from_rgb(pixels, planes[0], planes[1], planes[2]);
    memcpy(lab->lightness + i, planes[0], size);
    memcpy(lab->a + i, planes[1], size);
    memcpy(lab->b + i, planes[2], size);
}

void lab_to_rgb(const struct lab *lab, float *rgb, size_t count)
{
    size_t i = 0;
    for (; i + block <= count; i += block)
        block_to_rgb(lab->lightness + i, lab->a + i, lab->b + i, rgb + 3 * i);
    if (i == count)
        return;
    float pixels[3 * block], planes[3][block] = {{0}};
    const size_t rest = count - i, size = rest * sizeof(float);
    memcpy(planes[0], lab->lightness + i, size);
    memcpy(planes[1], lab->a + i, size);
    memcpy(planes[2], lab->b + i, size);
    block_to_rgb(planes[0], planes[1], planes[2], pixels);
    memcpy(rgb + 3 * i, pixels, 3 * size);
}
