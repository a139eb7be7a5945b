/*
 * color.c - colours that run, that part from their edges, that fade or glare.
 */
#include "operations.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"
#include "random.h"

/*
 * a and b blurred, the more the stronger, and multiplied.  Below a strength of 1 the multiplication
 * would rather take colour away: there the blurred is mixed with the sharp in that proportion.
 */
bool color_diffusion(struct photo *photo, double amount, uint64_t seed)
{
    (void)seed;
    const size_t count = pixel_count(photo);
    amount = amount < 0 ? 0 : amount < 40 ? amount : 40;
    const double sigma = 1.5 * amount + 2;
    const float factor = (float)amount, sharp = (float)(amount < 1 ? 1 - amount : 0);
    struct lab lab;
    if (!lab_allocate(&lab, count))
        return false;
    float *blurred = malloc(count * sizeof *blurred);
    bool done = blurred != NULL;
    if (done)
        lab_from_rgb(&lab, photo->pixels, count);
    for (int plane = 0; done && plane < 2; plane++) {
        float *values = plane ? lab.b : lab.a;
        memcpy(blurred, values, count * sizeof *blurred);
        done = blur_gaussian((struct raster){blurred, photo->width, photo->height, 1}, sigma,
                             gaussian_radius(sigma));
        for (size_t i = 0; i < count; i++)
            values[i] = sharp * values[i] + factor * blurred[i];
    }
    if (done)
        lab_to_rgb(&lab, photo->pixels, count);
    free(blurred);
    lab_free(&lab);
    return done;
}

/* With V the largest channel, saturation times v leaves V and multiplies what others lack to it. */
bool saturation_hsv(struct photo *photo, double factor, uint64_t seed)
{
    (void)seed;
    const size_t count = pixel_count(photo);
    for (size_t i = 0; i < count; i++) {
        float *pixel = photo->pixels + 3 * i;
        float value = pixel[0] > pixel[1] ? pixel[0] : pixel[1];
        value = value > pixel[2] ? value : pixel[2];
        for (int c = 0; c < 3; c++)
            pixel[c] = value - (float)factor * (value - pixel[c]);
    }
    return true;
}

bool saturation_lab(struct photo *photo, double factor, uint64_t seed)
{
    (void)seed;
    if (factor == 1)
        return true; /* not even rounded */
    const size_t count = pixel_count(photo);
    struct lab lab;
    if (!lab_allocate(&lab, count))
        return false;
    lab_from_rgb(&lab, photo->pixels, count);
    for (size_t i = 0; i < count; i++) {
        lab.a[i] *= (float)factor;
        lab.b[i] *= (float)factor;
    }
    lab_to_rgb(&lab, photo->pixels, count);
    lab_free(&lab);
    return true;
}

/* How much the light changes at each pixel: the length of its gradient. */
static void measure_edges(const struct photo *photo, float *luma, float *edges)
{
    const size_t width = photo->width, height = photo->height;
    for (size_t i = 0; i < width * height; i++) {
        const float *pixel = photo->pixels + 3 * i;
        luma[i] = 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
    }
    for (size_t y = 0; y < height; y++) {
        const float *above = luma + (y ? y - 1 : 0) * width;
        const float *below = luma + (y + 1 < height ? y + 1 : y) * width, *row = luma + y * width;
        for (size_t x = 0; x < width; x++) {
            const float across = (row[x + 1 < width ? x + 1 : x] - row[x ? x - 1 : 0]) / 2;
            const float down = (below[x] - above[x]) / 2;
            edges[y * width + x] = sqrtf(across * across + down * down);
        }
    }
}

/*
 * The value that stands at `rank` once they are sorted.  Floats that are not negative are in the
 * order of their bits, which are found from the highest down, about ten at a time.
 */
static float value_of_rank(const float *values, size_t count, size_t rank)
{
    uint32_t found = 0, known = 0;
    for (int shift = 20; shift >= 0; shift -= 10) {
        const uint32_t mask = shift == 20 ? 0x7ff : 0x3ff;
        size_t counts[0x800] = {0};
        for (size_t i = 0; i < count; i++) {
            uint32_t bits;
            memcpy(&bits, &values[i], sizeof bits);
            if ((bits & known) == found)
                counts[bits >> shift & mask]++;
        }
        uint32_t digit = 0;
        while (rank >= counts[digit])
            rank -= counts[digit++];
        found |= digit << shift;
        known |= mask << shift;
    }
    float value;
    memcpy(&value, &found, sizeof value);
    return value;
}

/* Stretched to [0, 1], and then kept between the 1st and the 99th percentile. */
static void stretch(float *edges, size_t count)
{
    float least = edges[0], most = edges[0];
    for (size_t i = 1; i < count; i++) {
        least = edges[i] < least ? edges[i] : least;
        most = edges[i] > most ? edges[i] : most;
    }
    const float range = most - least;
    for (size_t i = 0; range > 0 && i < count; i++)
        edges[i] = (edges[i] - least) / range;
    const float low = value_of_rank(edges, count, (count - 1) / 100);
    const float high = value_of_rank(edges, count, count - 1 - (count - 1) / 100);
    for (size_t i = 0; i < count; i++)
        edges[i] = edges[i] < low ? low : edges[i] > high ? high : edges[i];
}

/* Adds `share` of the change that a displaced green channel would make at the edges. */
static void blend_displaced(struct photo *photo, const float *green, const float *edges,
                            size_t across, size_t down, float share)
{
    for (size_t y = 0; y < photo->height; y++) {
        const float *from = green + (y > down ? y - down : 0) * photo->width;
        for (size_t x = 0; x < photo->width; x++) {
            const size_t i = y * photo->width + x;
            const float displaced = from[x > across ? x - across : 0];
            photo->pixels[3 * i + 1] += share * edges[i] * (displaced - green[i]);
        }
    }
}

/*
 * A displacement is of whole pixels: one of 3 in the seed's direction, say, rounded in both axes.
 * A strength between two whole ones is a mixture of both results.
 */
bool color_shift(struct photo *photo, double amount, uint64_t seed)
{
    const size_t count = pixel_count(photo);
    amount = amount < 0 ? 0 : amount < 1000 ? amount : 1000;
    float *green = malloc(count * sizeof *green), *edges = malloc(count * sizeof *edges);
    bool done = green && edges;
    if (done) {
        measure_edges(photo, green, edges); /* the luma is not needed again */
        done = blur_gaussian((struct raster){edges, photo->width, photo->height, 1}, 4, 8);
    }
    if (done) {
        stretch(edges, count);
        for (size_t i = 0; i < count; i++)
            green[i] = photo->pixels[3 * i + 1];
        const double x = random_unit(seed, 0), y = random_unit(seed, 1);
        const double length = sqrt(x * x + y * y);
        const double whole = (double)(int)amount;
        for (int step = 0; step < 2; step++) {
            const double share = step ? amount - whole : 1 - (amount - whole);
            const double reach = length > 0 ? (whole + step) / length : 0;
            if (share > 0)
                blend_displaced(photo, green, edges, (size_t)(x * reach + 0.5),
                                (size_t)(y * reach + 0.5), (float)share);
        }
    }
    free(green);
    free(edges);
    return done;
}
