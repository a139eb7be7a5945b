/*
 * synthetic.c - paints the picture that `bench` measures with.
 */
#include "synthetic.h"

#include <math.h>

#include "memory.h"

/* xorshift: noise that is the same everywhere. */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static uint8_t clamp(double value)
{
    return value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)value;
}

/* Light at (x, y), both in [0, 1]: a sky, a sun, and hills with grass below the horizon. */
static double light(double x, double y)
{
    double horizon = 0.6 + 0.08 * sin(7 * x) + 0.03 * sin(23 * x + 1);
    double distance = hypot(x - 0.7, y - 0.25);
    if (y < horizon)
        return (distance < 0.09 ? 235 : 150 + 60 * y) + 30 * exp(-6 * distance);
    return 90 - 50 * (y - horizon) + 25 * sin(180 * x + 40 * y) * sin(150 * y - 20 * x);
}

uint8_t *synthetic_photo(uint32_t width, uint32_t height)
{
    uint8_t *pixels = reallocate(NULL, (size_t)3 * width * height, 1), *at = pixels;
    uint32_t state = 2463534242u;
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            double u = (x + 0.5) / width, v = (y + 0.5) / height;
            double value = light(u, v);
            for (int channel = 0; channel < 3; channel++) {
                double noise = (double)(next_random(&state) >> 28) - 7.5;
                double tint = (channel - 1) * (v < 0.6 ? 18 : -14);
                *at++ = clamp(value + tint + noise);
            }
        }
    }
    return pixels;
}
