/*
 * alignment.c - normalising, scalar products, and their derivatives; in double, for it costs
 * nothing beside a tower.
 */
#include "alignment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"

static double *doubles(size_t count)
{
    return reallocate(NULL, count, sizeof(double));
}

void alignment_create(struct alignment *alignment, uint32_t images, uint32_t texts, uint32_t size)
{
    *alignment = (struct alignment){
        .images = images,
        .texts = texts,
        .size = size,
        .unit_features = doubles((size_t)images * size),
        .unit_prompts = doubles((size_t)texts * size),
        .feature_norms = doubles(images),
        .prompt_norms = doubles(texts),
        .cosines = doubles((size_t)images * texts),
        .gradients = doubles((size_t)images * texts),
        .unit_gradients = doubles((size_t)images * size),
    };
}

void alignment_free(struct alignment *alignment)
{
    free(alignment->unit_features);
    free(alignment->unit_prompts);
    free(alignment->feature_norms);
    free(alignment->prompt_norms);
    free(alignment->cosines);
    free(alignment->gradients);
    free(alignment->unit_gradients);
    *alignment = (struct alignment){0};
}

static double dot(const double *a, const double *b, uint32_t size)
{
    double sum = 0;
    for (uint32_t i = 0; i < size; i++)
        sum += a[i] * b[i];
    return sum;
}

static void normalise(const float *rows, uint32_t count, uint32_t size, double *units,
                      double *norms)
{
    for (uint32_t row = 0; row < count; row++) {
        double squares = 0;
        for (uint32_t i = 0; i < size; i++)
            squares += (double)rows[i] * rows[i];
        norms[row] = fmax(sqrt(squares), 1e-12); /* PyTorch's F.normalize() */
        for (uint32_t i = 0; i < size; i++)
            units[i] = rows[i] / norms[row];
        rows += size;
        units += size;
    }
}

void alignment_forward(struct alignment *alignment, const float *features, const float *prompts)
{
    const uint32_t images = alignment->images, texts = alignment->texts, size = alignment->size;
    alignment->features = features;
    alignment->prompts = prompts;
    normalise(features, images, size, alignment->unit_features, alignment->feature_norms);
    normalise(prompts, texts, size, alignment->unit_prompts, alignment->prompt_norms);
    for (uint32_t image = 0; image < images; image++)
        for (uint32_t text = 0; text < texts; text++)
            alignment->cosines[image * texts + text] =
                dot(alignment->unit_features + (size_t)image * size,
                    alignment->unit_prompts + (size_t)text * size, size);
    memset(alignment->gradients, 0, (size_t)images * texts * sizeof(double));
    memset(alignment->unit_gradients, 0, (size_t)images * size * sizeof(double));
}

/* The gradient by a row from the one by the row at unit length. */
static void through_norm(const double *unit, const double *unit_gradient, double norm,
                         uint32_t size, float *gradient)
{
    const double along = dot(unit, unit_gradient, size);
    for (uint32_t i = 0; i < size; i++)
        gradient[i] = (float)((unit_gradient[i] - along * unit[i]) / norm);
}

/* sum += factor * row */
static void add_scaled(double *sum, double factor, const double *row, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        sum[i] += factor * row[i];
}

void alignment_backward(const struct alignment *alignment, float *feature_gradients,
                        float *prompt_gradients)
{
    const uint32_t images = alignment->images, texts = alignment->texts, size = alignment->size;
    double *sum = doubles(size);
    for (uint32_t image = 0; image < images; image++) {
        memcpy(sum, alignment->unit_gradients + (size_t)image * size, size * sizeof *sum);
        for (uint32_t text = 0; text < texts; text++)
            add_scaled(sum, alignment->gradients[image * texts + text],
                       alignment->unit_prompts + (size_t)text * size, size);
        through_norm(alignment->unit_features + (size_t)image * size, sum,
                     alignment->feature_norms[image], size,
                     feature_gradients + (size_t)image * size);
    }
    for (uint32_t text = 0; prompt_gradients && text < texts; text++) {
        memset(sum, 0, size * sizeof *sum);
        for (uint32_t image = 0; image < images; image++)
            add_scaled(sum, alignment->gradients[image * texts + text],
                       alignment->unit_features + (size_t)image * size, size);
        through_norm(alignment->unit_prompts + (size_t)text * size, sum,
                     alignment->prompt_norms[text], size, prompt_gradients + (size_t)text * size);
    }
    free(sum);
}
