/*
 * strange.c - a colour, and noise of any strength on it.
 */
#include "strange.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

enum noise { NO_NOISE, NORMAL_NOISE, UNIFORM_NOISE, BINARY_NOISE, noise_kinds };

static double draw_noise(enum noise noise, struct draws *draws)
{
    switch (noise) {
    case NORMAL_NOISE: return draw_normal(draws);
    case UNIFORM_NOISE: return (2 * draw_unit(draws) - 1) * 1.7320508;
    case BINARY_NOISE: return draw_below(draws, 2) ? 1 : -1;
    default: return 0;
    }
}

static unsigned char to_byte(double value)
{
    return (unsigned char)(fmin(fmax(value, 0), 1) * 255 + 0.5);
}

void draw_strange(uint32_t side, struct draws *draws, unsigned char *pixels)
{
    const enum noise noise = (enum noise)draw_below(draws, noise_kinds);
    const bool grey = draw_below(draws, 2), grey_noise = draw_below(draws, 2);
    const double deviation = 0.6 * draw_unit(draws) * draw_unit(draws);
    const double slope = draw_below(draws, 3) ? 0 : draw_unit(draws),
                 turn = 6.28 * draw_unit(draws);
    double colour[3];
    for (unsigned channel = 0; channel < 3; channel++) /* black and white more often than others */
        colour[channel] = fmin(fmax(1.2 * draw_unit(draws) - 0.1, 0), 1);
    if (grey)
        colour[1] = colour[2] = colour[0];
    for (size_t i = 0; i < (size_t)side * side; i++) {
        const double x = (double)(i % side) / side - 0.5, y = (double)i / side / side - 0.5;
        const double height = slope * (x * cos(turn) + y * sin(turn));
        const double shared = draw_noise(noise, draws);
        for (unsigned channel = 0; channel < 3; channel++) {
            const double own = grey_noise ? shared : draw_noise(noise, draws);
            *pixels++ = to_byte(colour[channel] + height + deviation * own);
        }
    }
}
