/*
 * positions.c - bicubic interpolation of a table of embeddings, as a square or as a column.
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

static struct taps taps_of(size_t index, size_t count, size_t cells)
{
    struct taps taps;
    float scale = (float)cells / (float)count;
    float centre = scale * ((float)index + 0.5f) - 0.5f;
    float below = floorf(centre);
    float t = centre - below;
    for (int i = 0; i < 4; i++) {
        long cell = (long)below - 1 + i;
        taps.cell[i] = cell < 0 ? 0 : cell >= (long)cells ? cells - 1 : (size_t)cell;
    }
    taps.weight[0] = cubic_far(t + 1);
    taps.weight[1] = cubic_near(t);
    taps.weight[2] = cubic_near(1 - t);
    taps.weight[3] = cubic_far(2 - t);
    return taps;
}

static float weighted(const float *const source[4], size_t channel, const float weight[4])
{
    return source[0][channel] * weight[0] + source[1][channel] * weight[1] +
           source[2][channel] * weight[2] + source[3][channel] * weight[3];
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
        for (int j = 0; j < 4; j++)
            sum += weighted(source[j], c, horizontal->weight) * vertical->weight[j];
        token[c] += sum;
    }
}

static void add_grid(const float *table, size_t grid, size_t width, size_t rows, size_t columns,
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

/* Along the channels nothing is stretched: there, the interpolation's weights are 0, 1, 0, 0. */
static void add_flat(const float *table, size_t table_rows, size_t width, size_t count,
                     float *tokens, size_t stride)
{
    for (size_t i = 0; i < count; i++, tokens += stride) {
        const struct taps taps = taps_of(i, count, table_rows);
        const float *source[4];
        for (int j = 0; j < 4; j++)
            source[j] = table + taps.cell[j] * width;
        for (size_t c = 0; c < width; c++)
            tokens[c] += weighted(source, c, taps.weight);
    }
}

void positions_add(qc_positions positions, const float *table, size_t grid, size_t width,
                   size_t rows, size_t columns, float *tokens, size_t stride)
{
    if (positions == QC_POSITIONS_GRID)
        add_grid(table, grid, width, rows, columns, tokens, stride);
    else if (positions == QC_POSITIONS_FLAT)
        add_flat(table, 1 + grid * grid, width, 1 + rows * columns, tokens, stride);
}
