/*
 * degrade.c - how long each degradation takes, at two sizes and two levels, on one core.
 *
 * usage: degrade
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "degrade.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + 1e-6 * (double)t.tv_nsec;
}

/* Slopes, edges and a little texture: codecs and percentiles have something to do. */
static void paint(struct photo *photo)
{
    for (uint32_t y = 0; y < photo->height; y++)
        for (uint32_t x = 0; x < photo->width; x++)
            for (uint32_t c = 0; c < 3; c++) {
                const uint32_t texture = (x * 2654435761u ^ y * 2246822519u) >> (24 + c) & 31;
                const uint32_t tone = (x + c * y) % 200 + (x / 32 + y / 32) % 2 * 24 + texture;
                photo->pixels[3 * ((size_t)y * photo->width + x) + c] = (float)tone / 255;
            }
}

/* The best of some rounds, in milliseconds; below 0: not in this build, or it failed. */
static double measure(const struct photo *original, struct photo *copy, enum degradation type,
                      double level)
{
    const size_t size = 3 * (size_t)original->width * original->height * sizeof(float);
    const double strength = degradation_strength(type, level, NULL);
    double best = -1, spent = 0;
    for (int round = 0; round < 3 || (round < 100 && spent < 50); round++) {
        memcpy(copy->pixels, original->pixels, size);
        const double start = now();
        if (!degrade(copy, type, strength, 1))
            return -1;
        const double time = now() - start;
        best = best < 0 || time < best ? time : best;
        spent += time;
    }
    return best;
}

int main(void)
{
    static const uint32_t sizes[][2] = {{96, 96}, {768, 512}};
    enum { size_count = sizeof sizes / sizeof sizes[0] };
    struct photo originals[size_count], copies[size_count];
    for (int s = 0; s < size_count; s++) {
        const size_t bytes = 3 * (size_t)sizes[s][0] * sizes[s][1] * sizeof(float);
        originals[s] = (struct photo){sizes[s][0], sizes[s][1], malloc(bytes)};
        copies[s] = (struct photo){sizes[s][0], sizes[s][1], malloc(bytes)};
        if (!originals[s].pixels || !copies[s].pixels)
            return EXIT_FAILURE;
        paint(&originals[s]);
    }
    printf("%-24s  96x96 level 2     level 5  768x512 level 2     level 5   (ms)\n", "");
    for (int type = 0; type < degradation_count; type++) {
        printf("%-24s", degradation_kinds[type].name);
        for (int s = 0; s < size_count; s++)
            for (int level = 2; level <= 5; level += 3)
                printf(level == 2 ? "  %13.2f" : "  %10.2f",
                       measure(&originals[s], &copies[s], (enum degradation)type, level));
        putchar('\n');
    }
    for (int s = 0; s < size_count; s++) {
        free(originals[s].pixels);
        free(copies[s].pixels);
    }
    return EXIT_SUCCESS;
}
