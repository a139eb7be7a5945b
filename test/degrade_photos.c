/*
 * degrade_photos.c - pictures for the tests of degradations.
 */
#include "degrade_photos.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct photo photo_empty(uint32_t width, uint32_t height)
{
    struct photo photo = {width, height, malloc(3 * (size_t)width * height * sizeof(float))};
    assert_non_null(photo.pixels);
    return photo;
}

size_t photo_values(const struct photo *photo)
{
    return 3 * (size_t)photo->width * photo->height;
}

float *photo_pixel(const struct photo *photo, uint32_t x, uint32_t y)
{
    return photo->pixels + 3 * ((size_t)y * photo->width + x);
}

struct photo photo_flat(uint32_t width, uint32_t height, float red, float green, float blue)
{
    struct photo photo = photo_empty(width, height);
    for (size_t i = 0; i < photo_values(&photo); i += 3) {
        photo.pixels[i] = red;
        photo.pixels[i + 1] = green;
        photo.pixels[i + 2] = blue;
    }
    return photo;
}

/* The tiles are light or dark without any period, which a displacement could fall in with. */
static float tile_at(uint32_t x, uint32_t y)
{
    const uint32_t place = (x / 7 * 2654435761u) ^ (y / 5 * 2246822519u);
    return (float)((place * 2654435761u) >> 30) / 3;
}

struct photo photo_textured(uint32_t width, uint32_t height)
{
    struct photo photo = photo_empty(width, height);
    uint32_t chance = 1;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            const float across = (float)x / (float)width, down = (float)y / (float)height;
            chance = chance * 1664525 + 1013904223;
            const float texture = 0.3f * (float)(chance >> 24) / 255, tile = tile_at(x, y);
            float *pixel = photo_pixel(&photo, x, y);
            pixel[0] = 0.4f * across + 0.3f * tile + texture;
            pixel[1] = 0.5f - 0.4f * across + 0.2f * tile + texture;
            pixel[2] = 0.1f + 0.3f * down + 0.3f * tile + texture;
        }
    return photo;
}

struct photo photo_copy(const struct photo *photo)
{
    struct photo copy = photo_empty(photo->width, photo->height);
    memcpy(copy.pixels, photo->pixels, photo_values(photo) * sizeof *copy.pixels);
    return copy;
}

void photo_free(struct photo *photo)
{
    free(photo->pixels);
    photo->pixels = NULL;
}

bool photo_equal(const struct photo *left, const struct photo *right)
{
    return left->width == right->width && left->height == right->height &&
           memcmp(left->pixels, right->pixels, photo_values(left) * sizeof *left->pixels) == 0;
}

double photo_distance(const struct photo *left, const struct photo *right)
{
    double sum = 0;
    for (size_t i = 0; i < photo_values(left); i++) {
        const double difference = (double)left->pixels[i] - (double)right->pixels[i];
        sum += difference * difference;
    }
    return sqrt(sum / (double)photo_values(left));
}

double photo_farthest(const struct photo *left, const struct photo *right)
{
    double most = 0;
    for (size_t i = 0; i < photo_values(left); i++) {
        const double difference = fabs((double)left->pixels[i] - (double)right->pixels[i]);
        most = difference > most ? difference : most;
    }
    return most;
}

struct photo photo_degraded(const struct photo *photo, enum degradation type, double level,
                            uint64_t seed)
{
    struct photo copy = photo_copy(photo);
    assert_true(degrade(&copy, type, degradation_strength(type, level, NULL), seed));
    return copy;
}
