/*
 * tiles_avx512.h - the tiles of the AVX-512 products.  Included by each file that multiplies in its
 * own way, which defines before:
 *
 *   TILE_TARGET     the target attribute
 *   TILE_SUMS       a vector of sixteen sums
 *   tile_zero, tile_load, tile_spread, tile_multiply_add, tile_finish   inline functions
 *
 * A tile is up to TILE_ROWS rows x 16 or 32 outputs.  For each group of inputs: one vector of
 * weights for 16 outputs; four bytes of each row, spread over a vector; their products added.  f16
 * and bf16 weights that are widened have groups of their own kind: see `type` in gemm_avx512.c.
 *
 * Each sum is one chain in ascending order of the groups, whatever its tile.
 */
#include <immintrin.h>

#include "compiler.h"
#include "x86/panels_avx512.h"

#define UNROLL 4 /* groups */

/*
 * Where a tile's rows are.  Plain rows are reached from every third by the stride and twice the
 * stride: twelve pointers would not fit into the registers.
 */
struct tile_rows {
    const char *every_third[TILE_ROWS / 3];
    size_t stride; /* bytes */
    const char *gathered[TILE_ROWS];
};

static ALWAYS_INLINE TILE_TARGET const char *row_of(const struct tile_rows *x, size_t row,
                                                    bool gathered)
{
    return gathered ? x->gathered[row] : x->every_third[row / 3] + row % 3 * x->stride;
}

static ALWAYS_INLINE TILE_TARGET void find_rows(struct tile_rows *x, const gemm_call *call,
                                                size_t row, size_t rows, size_t tap, bool gathered)
{
    if (gathered) {
        UNROLL_FULLY
        for (size_t r = 0; r < rows; r++)
            x->gathered[r] = (const char *)call->x_rows[(row + r) * call->taps + tap];
        return;
    }
    x->stride = call->rounded ? rounded_bytes(call->weight_type, call->inputs)
                              : call->x_stride * sizeof(float);
    const char *first = call->rounded ? call->rounded : (const void *)call->x;
    first += row * x->stride;
    if (call->rounded && call->weight_type == NUMBER_I8)
        first += 64; /* behind scale and middle */
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r += 3)
        x->every_third[r / 3] = first + r * x->stride;
}

static ALWAYS_INLINE TILE_TARGET void advance(struct tile_rows *x, size_t rows, size_t bytes,
                                              bool gathered)
{
    if (gathered) {
        UNROLL_FULLY
        for (size_t r = 0; r < rows; r++)
            x->gathered[r] += bytes;
        return;
    }
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r += 3)
        x->every_third[r / 3] += bytes;
}

/* The group `ahead` of where x and weights are: rows x panels products for each of its steps. */
static ALWAYS_INLINE TILE_TARGET void add_group(TILE_SUMS *sums, const struct tile_rows *x,
                                                const char *weights, size_t to_second, size_t ahead,
                                                size_t steps, size_t rows, size_t vectors,
                                                number_type type, bool gathered)
{
    const size_t most = tile_steps(type);
    UNROLL_FULLY
    for (size_t step = 0; step < steps; step++) {
        TILE_WEIGHTS w[PANELS];
        UNROLL_FULLY
        for (size_t v = 0; v < vectors; v++) {
            w[v] = tile_load(weights + v * to_second + ahead * tile_group_bytes(type), step, type);
            KEEP_IN_REGISTER(w[v]);
        }
        UNROLL_FULLY
        for (size_t r = 0; r < rows; r++) {
            TILE_WEIGHTS value = tile_spread(row_of(x, r, gathered) + 4 * (ahead * most + step));
            if (vectors > 1)
                KEEP_IN_REGISTER(value);
            UNROLL_FULLY
            for (size_t v = 0; v < vectors; v++)
                sums[r * vectors + v] = tile_multiply_add(sums[r * vectors + v], value, w[v]);
        }
    }
}

static ALWAYS_INLINE TILE_TARGET void add_groups(TILE_SUMS *sums, const struct panels *panels,
                                                 size_t row, size_t rows, size_t vectors,
                                                 number_type type, bool gathered)
{
    const gemm_call *call = panels->call;
    const size_t steps = tile_steps(type), group_bytes = tile_group_bytes(type);
    const size_t all_steps = tile_all_steps(call->inputs), groups = all_steps / steps;
    const char *weights = panels->weights + tile_header(type);
    const char *ahead = panels->ahead;
    size_t to_second = panels->to_second;

    for (size_t tap = 0; tap < call->taps; tap++) {
        struct tile_rows x;
        find_rows(&x, call, row, rows, tap, gathered);
        size_t g = 0;
        for (; g + UNROLL <= groups; g += UNROLL) {
            if (!gathered)
                FORGET(x.stride);
            PREFETCH(ahead);
            PREFETCH(ahead + 64);
            ahead += UNROLL / 2 * 64;
            UNROLL_FULLY
            for (size_t u = 0; u < UNROLL; u++)
                add_group(sums, &x, weights, to_second, u, steps, rows, vectors, type, gathered);
            weights += UNROLL * group_bytes;
            advance(&x, rows, UNROLL * steps * 4, gathered);
        }
        for (; g < groups; g++, weights += group_bytes) {
            add_group(sums, &x, weights, to_second, 0, steps, rows, vectors, type, gathered);
            advance(&x, rows, steps * 4, gathered);
        }
        if (steps > 1 && all_steps % steps) {
            add_group(sums, &x, weights, to_second, 0, 1, rows, vectors, type, gathered);
            weights += group_bytes;
        }
    }
}

/* Stores sums as floats: + bias, + residual, ReLU; other activations come later. */
static ALWAYS_INLINE TILE_TARGET void store_sums(const struct panels *panels, size_t row, size_t v,
                                                 __m512 sum)
{
    const gemm_call *call = panels->call;
    const size_t column = panels->output + 16 * v, left = panels->outputs - 16 * v;
    const __mmask16 lanes = left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);

    sum = _mm512_add_ps(sum, _mm512_loadu_ps(panels->bias + 16 * v));
    if (call->residual)
        sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(
                                     lanes, call->residual + row * call->residual_stride + column));
    if (call->activation == ACTIVATION_RELU)
        sum = _mm512_max_ps(_mm512_setzero_ps(), sum); /* NaN stays */
    _mm512_mask_storeu_ps(call->out + row * call->out_stride + column, lanes, sum);
}

/* Once for all tiles: in each of them it would be several times as long as the loop. */
static NEVER_INLINE TILE_TARGET void finish_tile(const TILE_SUMS *sums, const struct panels *panels,
                                                 size_t row, size_t rows, size_t vectors)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t v = 0; v < vectors; v++)
            store_sums(panels, row + r, v, tile_finish(sums[r * vectors + v], panels, row + r, v));
}

static ALWAYS_INLINE TILE_TARGET void tile(const struct panels *panels, size_t row, size_t rows,
                                           size_t vectors, number_type type, bool gathered)
{
    TILE_SUMS sums[TILE_ROWS * PANELS];
    UNROLL_FULLY
    for (size_t s = 0; s < rows * vectors; s++)
        sums[s] = tile_start(panels, s % vectors);
    add_groups(sums, panels, row, rows, vectors, type, gathered);
    TILE_SUMS stored[TILE_ROWS * PANELS]; /* so that the sums themselves have no address */
    UNROLL_FULLY
    for (size_t s = 0; s < rows * vectors; s++)
        stored[s] = sums[s];
    finish_tile(stored, panels, row, rows, vectors);
}

#define DEFINE_TILE(name, rows, vectors, type, gathered)                                           \
    static TILE_TARGET void tile_##name##_##rows##x##vectors(const struct panels *panels,          \
                                                             size_t row)                           \
    {                                                                                              \
        tile(panels, row, rows, vectors, type, gathered);                                          \
    }

/* Tiles of every height, and their table: name_VECTORS. */
#define DEFINE_TILES(name, vectors, type, gathered)                                                \
    DEFINE_TILE(name, 1, vectors, type, gathered)                                                  \
    DEFINE_TILE(name, 2, vectors, type, gathered)                                                  \
    DEFINE_TILE(name, 3, vectors, type, gathered)                                                  \
    DEFINE_TILE(name, 4, vectors, type, gathered)                                                  \
    DEFINE_TILE(name, 5, vectors, type, gathered)                                                  \
    DEFINE_TILE(name, 6, vectors, type, gathered)                                                  \
    DEFINE_TILE(name, 7, vectors, type, gathered)                                                  \
    DEFINE_TILE(name, 8, vectors, type, gathered)                                                  \
    DEFINE_TILE(name, 9, vectors, type, gathered)                                                  \
    DEFINE_TILE(name, 10, vectors, type, gathered)                                                 \
    DEFINE_TILE(name, 11, vectors, type, gathered)                                                 \
    DEFINE_TILE(name, 12, vectors, type, gathered)                                                 \
    static tile_function *const name##_##vectors[TILE_ROWS + 1] = {                                \
        NULL,                                                                                      \
        tile_##name##_1x##vectors,                                                                 \
        tile_##name##_2x##vectors,                                                                 \
        tile_##name##_3x##vectors,                                                                 \
        tile_##name##_4x##vectors,                                                                 \
        tile_##name##_5x##vectors,                                                                 \
        tile_##name##_6x##vectors,                                                                 \
        tile_##name##_7x##vectors,                                                                 \
        tile_##name##_8x##vectors,                                                                 \
        tile_##name##_9x##vectors,                                                                 \
        tile_##name##_10x##vectors,                                                                \
        tile_##name##_11x##vectors,                                                                \
        tile_##name##_12x##vectors,                                                                \
    }
