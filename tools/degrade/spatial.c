/*
 * spatial.c - pixels in the wrong place, too few of them, too few tones, blocks that do not belong.
 */
#include "operations.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arithmetic.h"
#include "random.h"

/* The pixel at (x, y), between four; beyond the borders, theirs. */
static void sample(const struct photo *photo, float x, float y, float *pixel)
{
    const float right = (float)(photo->width - 1), bottom = (float)(photo->height - 1);
    x = x > 0 ? x < right ? x : right : 0;
    y = y > 0 ? y < bottom ? y : bottom : 0;
    const size_t left = (size_t)x, top = (size_t)y;
    const size_t next = left + 1 < photo->width ? 3 : 0;
    const float *upper = photo->pixels + 3 * (top * photo->width + left);
    const float *lower = top + 1 < photo->height ? upper + 3 * (size_t)photo->width : upper;
    const float across = x - (float)left, down = y - (float)top;
    for (size_t c = 0; c < 3; c++) {
        const float above = upper[c] + across * (upper[next + c] - upper[c]);
        const float below = lower[c] + across * (lower[next + c] - lower[c]);
        pixel[c] = above + down * (below - above);
    }
}

static void jitter_once(const struct photo *from, struct photo *to, float deviation, uint64_t seed)
{
    enum { block = 64 };
    float across[block], down[block];
    for (uint32_t y = 0; y < from->height; y++)
        for (uint32_t first = 0; first < from->width; first += block) {
            const uint32_t left = from->width - first, count = left < block ? left : block;
            const size_t place = (size_t)y * from->width + first;
            random_normals(seed, place, count, across, down);
            for (uint32_t i = 0; i < count; i++)
                sample(from, (float)(first + i) + deviation * across[i],
                       (float)y + deviation * down[i], to->pixels + 3 * (place + i));
        }
}

bool jitter(struct photo *photo, double deviation, uint64_t seed)
{
    enum { passes = 5 };
    const size_t size = 3 * pixel_count(photo) * sizeof(float);
    struct photo other = {photo->width, photo->height, malloc(size)};
    if (!other.pixels)
        return false;
    struct photo *from = photo, *to = &other;
    for (uint64_t pass = 0; pass < passes; pass++) {
        jitter_once(from, to, (float)deviation, random_word(seed, pass));
        struct photo *swapped = from;
        from = to;
        to = swapped;
    }
    if (from != photo)
        memcpy(photo->pixels, from->pixels, size);
    free(other.pixels);
    return true;
}

/*
 * Counts of patches are published for images of 512x384: what counts is how much of an image they
 * cover.  A part of a patch that is left over, or all there is on a small crop, is a smaller patch
 * of that part's area.
 */
static double patches_for(const struct photo *photo, double count)
{
    return count * (double)pixel_count(photo) / (512.0 * 384.0);
}

static uint32_t patch_side(const struct photo *photo, double patches, uint64_t index,
                           uint32_t whole)
{
    const double part = patches - (double)index;
    uint32_t side = part < 1 ? (uint32_t)(whole * sqrt(part) + 0.5) : whole;
    side = side < 1 ? 1 : side;
    side = side < photo->width ? side : photo->width;
    return side < photo->height ? side : photo->height;
}

/* A place for `side` pixels among `length`, if possible not in the margins. */
static uint32_t place_patch(uint32_t length, uint32_t side, uint32_t margin, double unit)
{
    const uint32_t room = length - side;
    margin = margin < room / 2 ? margin : room / 2;
    return margin + (uint32_t)(unit * (room - 2 * margin + 1));
}

/* That place moved by at most 8 pixels, within the image. */
static uint32_t move_patch(uint32_t place, uint32_t length, uint32_t side, double unit)
{
    const int64_t moved = (int64_t)place + (int64_t)(unit * 17) - 8;
    return moved < 0 ? 0 : moved < length - side ? (uint32_t)moved : length - side;
}

bool non_eccentricity_patch(struct photo *photo, double count, uint64_t seed)
{
    enum { whole = 16, margin = 16 };
    const double patches = patches_for(photo, count);
    const size_t stride = 3 * (size_t)photo->width;
    for (uint64_t i = 0; (double)i < patches; i++) {
        const uint32_t side = patch_side(photo, patches, i, whole);
        const uint32_t x = place_patch(photo->width, side, margin, random_unit(seed, 4 * i));
        const uint32_t y = place_patch(photo->height, side, margin, random_unit(seed, 4 * i + 1));
        const uint32_t to_x = move_patch(x, photo->width, side, random_unit(seed, 4 * i + 2));
        const uint32_t to_y = move_patch(y, photo->height, side, random_unit(seed, 4 * i + 3));
        float patch[3 * whole * whole]; /* the two places may overlap */
        for (uint32_t row = 0; row < side; row++)
            memcpy(patch + 3 * side * row, photo->pixels + stride * (y + row) + 3 * x,
                   3 * side * sizeof *patch);
        for (uint32_t row = 0; row < side; row++)
            memcpy(photo->pixels + stride * (to_y + row) + 3 * to_x, patch + 3 * side * row,
                   3 * side * sizeof *patch);
    }
    return true;
}

bool color_block(struct photo *photo, double count, uint64_t seed)
{
    enum { whole = 32 };
    const double patches = patches_for(photo, count);
    const size_t stride = 3 * (size_t)photo->width;
    for (uint64_t i = 0; (double)i < patches; i++) {
        const uint32_t side = patch_side(photo, patches, i, whole);
        const uint32_t x = place_patch(photo->width, side, 0, random_unit(seed, 5 * i));
        const uint32_t y = place_patch(photo->height, side, 0, random_unit(seed, 5 * i + 1));
        for (uint32_t row = 0; row < side; row++)
            for (uint32_t value = 0; value < 3 * side; value++)
                photo->pixels[stride * (y + row) + 3 * x + value] =
                    (float)random_unit(seed, 5 * i + 2 + value % 3);
    }
    return true;
}

/* Which of `length` pixels each of them shows, once only `kept` are left. */
static void nearest_kept(uint32_t *shown, uint32_t length, uint32_t kept)
{
    for (uint32_t i = 0; i < length; i++) {
        const uint64_t among = (2 * (uint64_t)i + 1) * kept / (2 * (uint64_t)length);
        shown[i] = (uint32_t)((2 * among + 1) * length / (2 * (uint64_t)kept));
    }
}

/* Always at or before a pixel in its group's first half, after it in the second: hence a copy. */
bool pixelate(struct photo *photo, double strength, uint64_t seed)
{
    (void)seed;
    const double cube = strength > 0 ? strength * strength * strength : 0;
    const double factor = 0.95 - fifth_root(cube);
    const size_t stride = 3 * (size_t)photo->width, size = stride * photo->height * sizeof(float);
    const uint32_t across = factor > 0 ? (uint32_t)(photo->width * factor) : 0;
    const uint32_t down = factor > 0 ? (uint32_t)(photo->height * factor) : 0;
    float *copy = malloc(size);
    uint32_t *columns = malloc(photo->width * sizeof *columns);
    uint32_t *rows = malloc(photo->height * sizeof *rows);
    const bool ready = copy && columns && rows;
    if (ready) {
        memcpy(copy, photo->pixels, size);
        nearest_kept(columns, photo->width, across ? across : 1);
        nearest_kept(rows, photo->height, down ? down : 1);
        for (uint32_t y = 0; y < photo->height; y++)
            for (uint32_t x = 0; x < photo->width; x++)
                memcpy(photo->pixels + stride * y + 3 * x,
                       copy + stride * rows[y] + 3 * (size_t)columns[x], 3 * sizeof *copy);
    }
    free(copy);
    free(columns);
    free(rows);
    return ready;
}

/* An image all in one bin keeps that bin's tone: there is nothing to stretch. */
bool quantization(struct photo *photo, double bins, uint64_t seed)
{
    (void)seed;
    const size_t values = 3 * pixel_count(photo);
    bins = bins < 2 ? 2 : bins < 65536 ? bins : 65536;
    const float scale = (float)bins, last = (float)((int)bins - ((double)(int)bins == bins));
    float least = last, most = 0;
    for (size_t i = 0; i < values; i++) {
        float bin = (float)(int)(photo->pixels[i] * scale);
        bin = bin < last ? bin : last;
        photo->pixels[i] = bin;
        least = bin < least ? bin : least;
        most = bin > most ? bin : most;
    }
    const float from = most > least ? least : 0, range = most > least ? most - least : last;
    for (size_t i = 0; i < values; i++)
        photo->pixels[i] = (photo->pixels[i] - from) / range;
    return true;
}
