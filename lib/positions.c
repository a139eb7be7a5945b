/*
 * positions.c - bicubic interpolation of a square table of embeddings.
 */
#include "positions.h"

#include <math.h>

/* The four source cells of one output coordinate, and their weights. */
struct taps {
    size_t cell[4];
    float weight[4];
};

/* Keys' cubic convolution with a = -0.75; `near` for distances up to 1, `far` from 1 to 2. */
static float cubic_near(float x)
{
    const float a = -0.75f;
    return ((a + 2) * x - (a + 3)) * x * x + 1;
}

static float cubic_far(float x)
{
    const float a = -0.75f;
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

static struct taps taps_of(size_t index, size_t count, size_t grid)
{
    struct taps taps;
    float scale = (float)grid / (float)count;
    float centre = scale * ((float)index + 0.5f) - 0.5f;
    float below = floorf(centre);
    float t = centre - below;
    for (int i = 0; i < 4; i++) {
        long cell = (long)below - 1 + i;
        taps.cell[i] = cell < 0 ? 0 : cell >= (long)grid ? grid - 1 : (size_t)cell;
    }
    taps.weight[0] = cubic_far(t + 1);
    taps.weight[1] = cubic_near(t);
    taps.weight[2] = cubic_near(1 - t);
    taps.weight[3] = cubic_far(2 - t);
    return taps;
}

static void add_row(float *token, const float *cells, size_t grid, size_t width,
                    const struct taps *vertical, const struct taps *horizontal)
{
    const float *source[4][4];
    for (int j = 0; j < 4; j++)
        for (int i = 0; i < 4; i++)
            source[j][i] = cells + (vertical->cell[j] * grid + horizontal->cell[i]) * width;
    for (size_t c = 0; c < width; c++) {
        float sum = 0;
        for (int j = 0; j < 4; j++) {
            float row = source[j][0][c] * horizontal->weight[0] +
                        source[j][1][c] * horizontal->weight[1] +
                        source[j][2][c] * horizontal->weight[2] +
                        source[j][3][c] * horizontal->weight[3];
            sum += row * vertical->weight[j];
        }
        token[c] += sum;
    }
}

void positions_add(const float *table, size_t grid, size_t width, size_t rows, size_t columns,
                   float *tokens, size_t stride)
{
    for (size_t c = 0; c < width; c++)
        tokens[c] += table[c];
    for (size_t y = 0; y < rows; y++) {
        struct taps vertical = taps_of(y, rows, grid);
        for (size_t x = 0; x < columns; x++) {
            struct taps horizontal = taps_of(x, columns, grid);
            tokens += stride;
            add_row(tokens, table + width, grid, width, &vertical, &horizontal);
        }
    }
}
