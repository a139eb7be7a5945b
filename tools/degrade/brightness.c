/*
 * brightness.c - tones lifted, lowered or moved.
 */
#include "operations.h"

#include <stdlib.h>

#include "lab.h"

static float clip(float x)
{
    return x > 0 ? x < 1 ? x : 1 : 0;
}

/* The parabola through (0, 0), (0.5, 0.5 + lift / 2) and (1, 1), clipped. */
static float tone(float x, float lift)
{
    return clip(x * (1 + 2 * lift - 2 * lift * x));
}

bool brighten(struct photo *photo, double amount, uint64_t seed)
{
    (void)seed;
    const size_t count = pixel_count(photo);
    const float lift = (float)amount;
    struct lab lab;
    if (!lab_allocate(&lab, count))
        return false;
    float *lifted = malloc(3 * count * sizeof *lifted);
    const bool ready = lifted != NULL;
    if (ready) {
        lab_from_rgb(&lab, photo->pixels, count);
        for (size_t i = 0; i < count; i++)
            lab.lightness[i] = 100 * tone(lab.lightness[i] / 100, lift);
        lab_to_rgb(&lab, lifted, count);
        for (size_t i = 0; i < 3 * count; i++)
            photo->pixels[i] = (2 * tone(photo->pixels[i], lift) + lifted[i]) / 3;
    }
    free(lifted);
    lab_free(&lab);
    return ready;
}

bool darken(struct photo *photo, double amount, uint64_t seed)
{
    (void)seed;
    const size_t values = 3 * pixel_count(photo);
    for (size_t i = 0; i < values; i++)
        photo->pixels[i] = tone(photo->pixels[i], (float)-amount);
    return true;
}

bool mean_shift(struct photo *photo, double amount, uint64_t seed)
{
    (void)seed;
    const size_t values = 3 * pixel_count(photo);
    for (size_t i = 0; i < values; i++)
        photo->pixels[i] += (float)amount;
    return true;
}
