/*
 * token_loss.c - what a ViT sees in each cell of a teacher's map: the mean of the features of its
 * patches there, made of unit length, and 1 - its product with the teacher's.
 *
 * A score's gradient reaches the patches by way of one token alone; this one tells each place what
 * is to be seen there.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"
#include "losses.h"
#include "teacher_tower.h"

/* The patches of an image's cell. */
struct cell {
    size_t first, columns; /* its first patch, and how many are in a row of the image */
    size_t side;           /* patches a side */
    size_t size;           /* of a feature */
};

static struct cell find_cell(const struct tower *tower, size_t index)
{
    const size_t side = TEACHER_CELL / tower->shape.patch;
    const size_t columns = tower->width / tower->shape.patch, cells = columns / side;
    const size_t row = index / cells * side, column = index % cells * side;
    return (struct cell){row * columns + column, columns, side, tower->shape.feature};
}

static size_t patch_of(const struct cell *cell, size_t number)
{
    return (cell->first + number / cell->side * cell->columns + number % cell->side) * cell->size;
}

/* The distance of one cell; `patches` are the image's; `mean` is room for a feature. */
static double cell_loss(const struct cell *cell, const float *patches, const float *wanted,
                        double weight, double *mean, float *gradients)
{
    const size_t count = cell->side * cell->side, size = cell->size;
    double squares = 0, cosine = 0;
    memset(mean, 0, size * sizeof *mean);
    for (size_t number = 0; number < count; number++)
        for (size_t i = 0; i < size; i++)
            mean[i] += (double)patches[patch_of(cell, number) + i] / (double)count;
    for (size_t i = 0; i < size; i++) {
        squares += mean[i] * mean[i];
        cosine += mean[i] * (double)wanted[i];
    }
    const double length = fmax(sqrt(squares), 1e-12);
    cosine /= length;
    for (size_t i = 0; i < size; i++) {
        const double slope = (cosine * mean[i] / length - (double)wanted[i]) / length;
        for (size_t number = 0; number < count; number++)
            gradients[patch_of(cell, number) + i] = (float)(weight * slope / (double)count);
    }
    return 1 - cosine;
}

double token_loss(const struct tower *tower, const struct batch *batch, double weight)
{
    const size_t size = tower->shape.feature, cells = batch->lesson.cells_of_an_image;
    const size_t image_values = tower->tokens.of_an_image * size;
    const double share = 1 / ((double)batch->images * (double)cells);
    double *mean = reallocate(NULL, size, sizeof *mean), sum = 0;
    for (size_t image = 0; image < tower->batch; image++) {
        const size_t patches = image * image_values + size; /* behind the class token */
        for (size_t i = 0; i < cells; i++) {
            const struct cell cell = find_cell(tower, i);
            sum += share * cell_loss(&cell, tower->tokens.features + patches,
                                     batch->lesson.cells + (image * cells + i) * size,
                                     share * weight, mean, tower->tokens.gradients + patches);
        }
    }
    free(mean);
    return sum;
}
