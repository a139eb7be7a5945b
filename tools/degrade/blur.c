/*
 * blur.c - out of focus in three ways: a Gaussian, a disk as a lens makes it, a line of motion.
 */
#include "operations.h"

#include <math.h>
#include <stdlib.h>

#include "arithmetic.h"
#include "random.h"

/* Beyond any published strength; keeps kernels, and time, finite. */
static const double strongest = 64;

bool gaussian_blur(struct photo *photo, double sigma, uint64_t seed)
{
    (void)seed;
    if (sigma <= 0)
        return true;
    sigma = sigma < strongest ? sigma : strongest;
    return blur_gaussian(raster_of(photo), sigma, gaussian_radius(sigma));
}

/* What a pixel at (x, y) from the centre weighs. */
typedef double kernel(const void *shape, int x, int y);

/* Weights over a square about the centre, made to add up to 1, and applied. */
static bool apply(struct photo *photo, int reach, kernel *weigh, const void *shape)
{
    const size_t side = 2 * (size_t)reach + 1;
    struct tap *taps = malloc(side * side * sizeof *taps);
    size_t count = 0;
    double sum = 0;
    if (!taps)
        return false;
    for (int y = -reach; y <= reach; y++)
        for (int x = -reach; x <= reach; x++) {
            const double weight = weigh(shape, x, y);
            if (weight > 0)
                taps[count++] = (struct tap){x, y, (float)weight};
        }
    for (size_t t = 0; t < count; t++)
        sum += (double)taps[t].weight;
    for (size_t t = 0; t < count; t++)
        taps[t].weight = (float)((double)taps[t].weight / sum);
    const bool done = correlate(raster_of(photo), taps, count);
    free(taps);
    return done;
}

/* How much of the pixel at (x, y) a disk about (0, 0) covers, from many thin strips. */
static double covered(double radius, int x, int y)
{
    enum { strips = 256 };
    const double bottom = abs(y) - 0.5;
    double sum = 0;
    for (int i = 0; i < strips; i++) {
        const double across = x - 0.5 + (i + 0.5) / strips,
                     square = radius * radius - across * across;
        const double half = square > 0 ? sqrt(square) : 0; /* the chord is [-half, half] */
        const double top = half < bottom + 1 ? half : bottom + 1;
        const double low = -half > bottom ? -half : bottom;
        sum += top > low ? top - low : 0;
    }
    return sum / strips;
}

static double on_disk(const void *shape, int x, int y)
{
    return covered(*(const double *)shape, abs(x), abs(y));
}

bool lens_blur(struct photo *photo, double radius, uint64_t seed)
{
    (void)seed;
    if (radius <= 0)
        return true;
    radius = radius < strongest ? radius : strongest;
    return apply(photo, (int)(radius + 0.5), on_disk, &radius);
}

/* Through (0, 0), to `half` on both sides. */
struct line {
    double across, up, half;
};

static double near_line(const void *shape, int x, int y)
{
    const struct line *line = shape;
    const double half = line->half;
    double along = x * line->across - y * line->up; /* of the nearest point of the line */
    along = along < -half ? -half : along > half ? half : along;
    const double dx = x - along * line->across, dy = y + along * line->up;
    return 1 - sqrt(dx * dx + dy * dy);
}

/*
 * A line of length - 1 between the centres of its ends, and pixels weighted by how near to it they
 * are: one pixel wide with soft edges.  Length 1 is the pixel itself.
 */
bool motion_blur(struct photo *photo, double length, uint64_t seed)
{
    const double pi = 3.14159265358979323846, angle = pi * random_unit(seed, 0);
    if (length <= 1)
        return true;
    length = length < 2 * strongest ? length : 2 * strongest;
    const struct line line = {cosine(angle), sine(angle), (length - 1) / 2};
    return apply(photo, (int)line.half + 1, near_line, &line);
}
