/*
 * noise.c - the noises: what is added or multiplied is the strength's root times a field that the
 * seed decides, so that levels differ in amplitude alone; impulses of a lower density are among
 * those of a higher one.
 */
#include "operations.h"

#include <math.h>

#include "random.h"

enum { block = 96 }; /* pairs of deviates, a multiple of 3: whole pixels, however it is split */

/* What the deviates of a pixel do to it. */
typedef void add_noise(float *pixel, const float *noise, float deviation);

static void add_to_rgb(float *pixel, const float *noise, float deviation)
{
    for (int c = 0; c < 3; c++)
        pixel[c] += deviation * noise[c];
}

/* Adding in YCbCr is adding in RGB what the deviates would be there: the change is linear. */
static void add_to_ycbcr(float *pixel, const float *noise, float deviation)
{
    const float y = deviation * noise[0], cb = deviation * noise[1], cr = deviation * noise[2];
    pixel[0] += y + 1.402f * cr;
    pixel[1] += y - 0.344136f * cb - 0.714136f * cr;
    pixel[2] += y + 1.772f * cb;
}

static void multiply(float *pixel, const float *noise, float deviation)
{
    for (int c = 0; c < 3; c++)
        pixel[c] += pixel[c] * (deviation * noise[c]);
}

static bool disturb(struct photo *photo, double variance, uint64_t seed, add_noise *add)
{
    const float deviation = (float)sqrt(variance > 0 ? variance : 0);
    const size_t pixels = pixel_count(photo);
    const size_t at_once = 2 * block / 3;
    for (size_t first = 0; first < pixels; first += at_once) {
        float noise[2 * block];
        const size_t count = pixels - first < at_once ? pixels - first : at_once;
        random_normals(seed, first / at_once * block, block, noise, noise + block);
        for (size_t i = 0; i < count; i++)
            add(photo->pixels + 3 * (first + i), noise + 3 * i, deviation);
    }
    return true;
}

bool white_noise(struct photo *photo, double variance, uint64_t seed)
{
    return disturb(photo, variance, seed, add_to_rgb);
}

bool white_noise_ycbcr(struct photo *photo, double variance, uint64_t seed)
{
    return disturb(photo, variance, seed, add_to_ycbcr);
}

bool multiplicative_noise(struct photo *photo, double variance, uint64_t seed)
{
    return disturb(photo, variance, seed, multiply);
}

bool impulse_noise(struct photo *photo, double density, uint64_t seed)
{
    const size_t values = 3 * pixel_count(photo);
    const double share = density < 0 ? 0 : density < 1 ? density / 2 : 0.5;
    const uint64_t pepper = (uint64_t)(share * 0x1p32), salt = (UINT64_C(1) << 32) - pepper;
    for (size_t i = 0; i < values; i++) {
        const uint64_t word = random_word(seed, i / 2) >> (i % 2 * 32) & 0xffffffff;
        if (word < pepper)
            photo->pixels[i] = 0;
        else if (word >= salt)
            photo->pixels[i] = 1;
    }
    return true;
}
