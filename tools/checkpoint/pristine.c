/*
 * pristine.c - how sharp and how colourful patches are, and which are kept.  In double precision
 * where GRepQ has single: that decides only about a patch that lies at a threshold.
 */
#include "pristine.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

#define SIDE   QC_PATCH_SIDE
#define PIXELS (SIDE * SIDE)

#define KEPT_SHARPNESS     0.75 /* of the photo's sharpest patch */
#define KEPT_COLOURFULNESS 0.8  /* of the most colourful one among those */

/* --------------------------------------------------------------------------------- sharpness */

#define WINDOW    7
#define DEVIATION (7.0 / 6)

/* A Gaussian whose weights sum to 1. */
static void fill_window(double window[WINDOW])
{
    double sum = 0;
    for (int i = 0; i < WINDOW; i++)
        sum += window[i] = exp(-(i - WINDOW / 2) * (i - WINDOW / 2) / (2 * DEVIATION * DEVIATION));
    for (int i = 0; i < WINDOW; i++)
        window[i] /= sum;
}

/* Along lines of SIDE numbers `step` apart; what lies outside the patch counts as 0. */
static void smooth(const double *in, size_t line_step, size_t step, const double window[WINDOW],
                   double *out)
{
    for (size_t line = 0; line < SIDE; line++, in += line_step, out += line_step)
        for (size_t i = 0; i < SIDE; i++) {
            double sum = 0;
            for (size_t k = 0; k < WINDOW; k++)
                if (i + k >= WINDOW / 2 && i + k < SIDE + WINDOW / 2)
                    sum += window[k] * in[(i + k - WINDOW / 2) * step];
            out[i * step] = sum;
        }
}

/* Room for one patch on its way. */
struct planes {
    double luma[PIXELS], square[PIXELS], between[PIXELS], mean[PIXELS], mean_square[PIXELS];
    double colours[2][PIXELS]; /* |R - G| and |(R + G) / 2 - B| */
};

/* The sum of the deviations of luma, each within the window about its pixel. */
static double sharpness(struct planes *planes)
{
    double window[WINDOW], sum = 0;
    fill_window(window);
    for (size_t i = 0; i < PIXELS; i++)
        planes->square[i] = planes->luma[i] * planes->luma[i];
    smooth(planes->luma, SIDE, 1, window, planes->between);
    smooth(planes->between, 1, SIDE, window, planes->mean);
    smooth(planes->square, SIDE, 1, window, planes->between);
    smooth(planes->between, 1, SIDE, window, planes->mean_square);
    for (size_t i = 0; i < PIXELS; i++)
        sum += sqrt(fabs(planes->mean_square[i] - planes->mean[i] * planes->mean[i]));
    return sum;
}

/* -------------------------------------------------------------------------------- colourfulness */

static double colourfulness(const struct planes *planes)
{
    double variances = 0, squares = 0;
    for (size_t c = 0; c < 2; c++) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < PIXELS; i++)
            mean += planes->colours[c][i] / PIXELS;
        for (size_t i = 0; i < PIXELS; i++) {
            const double difference = planes->colours[c][i] - mean;
            variance += difference * difference / (PIXELS - 1);
        }
        variances += variance;
        squares += mean * mean;
    }
    return sqrt(variances) + sqrt(squares);
}

/* ------------------------------------------------------------------------------------- choosing */

qc_image pristine_patch_of(const qc_image *image, uint32_t x, uint32_t y)
{
    const size_t step = image->format == QC_PIXEL_RGBA ? 4 : 3;
    qc_image patch = *image;
    patch.width = patch.height = SIDE;
    patch.planes[0] += (ptrdiff_t)y * image->strides[0] + (ptrdiff_t)(x * step);
    return patch;
}

static void read_planes(const qc_image *patch, struct planes *planes)
{
    const size_t step = patch->format == QC_PIXEL_RGBA ? 4 : 3;
    for (size_t y = 0, i = 0; y < SIDE; y++) {
        const uint8_t *pixel = patch->planes[0] + (ptrdiff_t)y * patch->strides[0];
        for (size_t x = 0; x < SIDE; x++, i++, pixel += step) {
            const double red = pixel[0] / 255.0, green = pixel[1] / 255.0, blue = pixel[2] / 255.0;
            planes->luma[i] = 0.2989 * red + 0.587 * green + 0.114 * blue;
            planes->colours[0][i] = fabs(red - green);
            planes->colours[1][i] = fabs((red + green) / 2 - blue);
        }
    }
}

/* What is known of each patch of a photo. */
struct candidate {
    double sharpness, colourfulness;
};

static bool add_patch(struct pristine *pristine, struct pristine_patch patch, char *message)
{
    if (pristine->patch_count == pristine->capacity) {
        const size_t capacity = pristine->capacity ? 2 * pristine->capacity : 256;
        struct pristine_patch *patches =
            realloc(pristine->patches, capacity * sizeof *pristine->patches);
        if (!patches)
            return problem(message, "out of memory for %zu patches", capacity);
        pristine->patches = patches;
        pristine->capacity = capacity;
    }
    pristine->patches[pristine->patch_count++] = patch;
    return true;
}

static void judge(const qc_image *image, struct candidate *candidates, size_t count,
                  struct planes *planes)
{
    const size_t columns = image->width / SIDE;
    for (size_t i = 0; i < count; i++) {
        const qc_image patch = pristine_patch_of(image, (uint32_t)(i % columns * SIDE),
                                                 (uint32_t)(i / columns * SIDE));
        read_planes(&patch, planes);
        candidates[i].sharpness = sharpness(planes);
        candidates[i].colourfulness = colourfulness(planes);
    }
}

static bool keep(struct pristine *pristine, size_t photo, size_t columns,
                 const struct candidate *candidates, size_t count, char *message)
{
    double sharpest = 0, most_colourful = 0;
    for (size_t i = 0; i < count; i++)
        sharpest = fmax(sharpest, candidates[i].sharpness);
    for (size_t i = 0; i < count; i++)
        if (candidates[i].sharpness > KEPT_SHARPNESS * sharpest)
            most_colourful = fmax(most_colourful, candidates[i].colourfulness);
    for (size_t i = 0; i < count; i++) {
        const struct pristine_patch patch = {photo, (uint32_t)(i % columns * SIDE),
                                             (uint32_t)(i / columns * SIDE)};
        if (candidates[i].sharpness > KEPT_SHARPNESS * sharpest &&
            candidates[i].colourfulness > KEPT_COLOURFULNESS * most_colourful &&
            !add_patch(pristine, patch, message))
            return false;
    }
    return true;
}

static bool choose_in(struct pristine *pristine, size_t photo, const qc_image *image, char *message)
{
    const char *origin = origin_of(pristine->paths[photo]);
    const size_t columns = image->width / SIDE, count = columns * (image->height / SIDE);
    if (!count)
        return problem(message,
                       "%.200s: has %" PRIu32 " x %" PRIu32 " pixels, a pristine photo needs at "
                       "least %d x %d",
                       origin, image->width, image->height, SIDE, SIDE);
    const size_t before = pristine->patch_count;
    struct candidate *candidates = calloc(count, sizeof *candidates);
    struct planes *planes = malloc(sizeof *planes);
    bool good = candidates && planes;
    if (!good) {
        problem(message, "%.200s: out of memory", origin);
    } else {
        judge(image, candidates, count, planes);
        good = keep(pristine, photo, columns, candidates, count, message);
    }
    free(candidates);
    free(planes);
    if (good && pristine->patch_count == before)
        return problem(message, "%.200s: has no sharp and colourful patch: it is grey or empty",
                       origin);
    return good;
}

bool pristine_read(qc_picture **picture, const char *path, char *message)
{
    char reason[QC_MESSAGE_SIZE] = "";
    qc_picture_options options;
    qc_picture_options_init(&options);
    options.message = reason;
    options.message_size = sizeof reason;
    return qc_picture_read(picture, path, &options) == QC_OK || problem(message, "%s", reason);
}

bool pristine_choose(struct pristine *pristine, const char *const *paths, size_t count,
                     char *message)
{
    *pristine = (struct pristine){.paths = paths, .photo_count = count};
    for (size_t i = 0; i < count; i++) {
        qc_picture *picture;
        if (!pristine_read(&picture, paths[i], message))
            return false;
        const qc_image image = qc_picture_view(picture);
        const bool good = choose_in(pristine, i, &image, message);
        qc_picture_free(picture);
        if (!good)
            return false;
    }
    return pristine->patch_count >= 2 ||
           problem(message,
                   "the pristine photos have %zu patches that are sharp and colourful, "
                   "expected at least 2: add photos",
                   pristine->patch_count);
}

void pristine_free(struct pristine *pristine)
{
    free(pristine->patches);
    *pristine = (struct pristine){0};
}
