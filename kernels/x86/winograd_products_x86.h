/*
 * winograd_products_x86.h - the products of Winograd's convolutions.  Included by the file of each
 * vector length, which defines before:
 *
 *   PRODUCT_TARGET        the target attribute
 *   PRODUCT_VECTOR        a vector of PRODUCT_LANES floats
 *   PRODUCT_ROWS          rows in a tile of registers, at most; two vectors of sums for each
 *   vector_zero, vector_read, vector_write, vector_repeat, vector_multiply_add
 *
 * For each point, a pair of vectors of outputs at a time, tiles of rows as in the other products;
 * but nothing is added to the sums, and while one pair's weights are used, all of the next pair's
 * are fetched: with few rows, reading weights is most of the work.
 */
#include "compiler.h"
#include "kernels.h"

#define PRODUCT_UNROLL 4

/* The products that have two vectors of outputs, or one, in common. */
struct pair {
    const float *weights; /* PANEL_OUTPUTS floats for each input */
    size_t to_second;     /* floats from the first vector's weights to the second's */
    size_t ahead;         /* floats to what is fetched */
    size_t inputs;
};

/* One input: `rows` x `vectors` multiply-adds. */
static ALWAYS_INLINE PRODUCT_TARGET void add_input(PRODUCT_VECTOR *sums, const float *const *x,
                                                   size_t stride, size_t k, const struct pair *pair,
                                                   const float *weights, size_t rows,
                                                   size_t vectors)
{
    PRODUCT_VECTOR w[2];
    UNROLL_FULLY
    for (size_t v = 0; v < vectors; v++) {
        w[v] = vector_read(weights + v * pair->to_second + k * PANEL_OUTPUTS);
        KEEP_IN_REGISTER(w[v]);
        if (v == 0 || PRODUCT_LANES == PANEL_OUTPUTS)
            PREFETCH(weights + v * pair->to_second + k * PANEL_OUTPUTS + pair->ahead);
    }
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++) {
        PRODUCT_VECTOR value = vector_repeat(x[r / 3] + r % 3 * stride + k);
        KEEP_IN_REGISTER(value);
        UNROLL_FULLY
        for (size_t v = 0; v < vectors; v++)
            sums[r * vectors + v] = vector_multiply_add(value, w[v], sums[r * vectors + v]);
    }
}

static ALWAYS_INLINE PRODUCT_TARGET void multiply_rows(float *out, size_t out_stride,
                                                       const float *in, size_t in_stride,
                                                       const struct pair *pair, size_t rows,
                                                       size_t vectors)
{
    PRODUCT_VECTOR sums[2 * PRODUCT_ROWS];
    UNROLL_FULLY
    for (size_t s = 0; s < rows * vectors; s++)
        sums[s] = vector_zero();
    /* Every third row has a pointer: more would not fit into the registers. */
    const float *x[(PRODUCT_ROWS + 2) / 3], *weights = pair->weights;
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r += 3)
        x[r / 3] = in + r * in_stride;
    size_t k = 0;
    for (; k + PRODUCT_UNROLL <= pair->inputs; k += PRODUCT_UNROLL) {
        FORGET(in_stride);
        UNROLL_FULLY
        for (size_t u = 0; u < PRODUCT_UNROLL; u++)
            add_input(sums, x, in_stride, u, pair, weights, rows, vectors);
        weights += PRODUCT_UNROLL * PANEL_OUTPUTS;
        UNROLL_FULLY
        for (size_t r = 0; r < rows; r += 3)
            x[r / 3] += PRODUCT_UNROLL;
    }
    for (; k < pair->inputs; k++) {
        add_input(sums, x, in_stride, 0, pair, weights, rows, vectors);
        weights += PANEL_OUTPUTS;
        UNROLL_FULLY
        for (size_t r = 0; r < rows; r += 3)
            x[r / 3]++;
    }
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++) {
        UNROLL_FULLY
        for (size_t v = 0; v < vectors; v++)
            vector_write(out + r * out_stride + v * PRODUCT_LANES, sums[r * vectors + v]);
    }
}

typedef void rows_function(float *out, size_t out_stride, const float *in, size_t in_stride,
                           const struct pair *pair);

#define DEFINE_ROWS(rows, vectors)                                                                 \
    static PRODUCT_TARGET void multiply_##rows##x##vectors(                                        \
        float *out, size_t out_stride, const float *in, size_t in_stride, const struct pair *pair) \
    {                                                                                              \
        multiply_rows(out, out_stride, in, in_stride, pair, rows, vectors);                        \
    }

/* As many rows for each tile as the fewest tiles can have. */
static void multiply_all_rows(float *out, const winograd_tiles *out_tiles, const float *in,
                              size_t in_stride, const struct pair *pair,
                              rows_function *const *functions)
{
    for (size_t row = 0, rows; row < out_tiles->tiles; row += rows) {
        const size_t left = out_tiles->tiles - row;
        const size_t pieces = (left + PRODUCT_ROWS - 1) / PRODUCT_ROWS;
        rows = (left + pieces - 1) / pieces;
        functions[rows](out + row * out_tiles->tile_stride, out_tiles->tile_stride,
                        in + row * in_stride, in_stride, pair);
    }
}
