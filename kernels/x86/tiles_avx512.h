/*
 * tiles_avx512.h - the tiles of the AVX-512 products.  Included by each file that multiplies in its
 * own way, which defines before:
 *
 *   TILE_TARGET     the target attribute
 *   TILE_SUMS       a vector of sixteen sums
 *   TILE_SCALES     what turns those of sixteen outputs into floats
 *   tile_start, tile_load, tile_spread, tile_multiply_add, tile_scales, tile_finish   inline
 *
 * A tile is up to PANEL_TILE_ROWS rows x 16 or 32 outputs.  For each group of inputs: one vector of
 * weights for 16 outputs; four bytes of each row, spread over a vector; their products added.  f16
 * and bf16 weights that are widened have groups of their own kind: see `type` in gemm_avx512.c.
 *
 * Each sum is one chain in ascending order of the groups, whatever its tile.
 */
#include <immintrin.h>

#include "compiler.h"
#include "x86/panels_avx512.h"
#include "x86/vector_avx512.h"

#define UNROLL 4 /* groups */

/*
 * Where a tile's rows are.  Plain rows are reached from every third by the stride and twice the
 * stride: twelve pointers would not fit into the registers.
 */
struct tile_rows {
    const char *every_third[PANEL_TILE_ROWS / 3];
    size_t stride; /* bytes */
    const char *gathered[PANEL_TILE_ROWS];
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

/* Stores sums as floats, output by output: + bias, + residual, the activation. */
static ALWAYS_INLINE TILE_TARGET void finish_as(const TILE_SUMS *sums, const struct panels *panels,
                                                size_t row, size_t rows, size_t vectors,
                                                activation kind)
{
    const gemm_call *call = panels->call;
    for (size_t v = 0; v < vectors; v++) {
        const size_t column = panels->output + 16 * v;
        const __mmask16 lanes = first_lanes_of_16(panels->outputs - 16 * v);
        const TILE_SCALES scales = tile_scales(panels, v);
        const __m512 bias =
            call->bias ? _mm512_maskz_loadu_ps(lanes, call->bias + column) : _mm512_setzero_ps();
        for (size_t r = 0; r < rows; r++) {
            __m512 sum = tile_finish(sums[r * vectors + v], scales, panels, row + r);
            sum = _mm512_add_ps(sum, bias);
            if (call->residual) {
                const float *residual = call->residual + (row + r) * call->residual_stride;
                sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(lanes, residual + column));
            }
            _mm512_mask_storeu_ps(call->out + (row + r) * call->out_stride + column, lanes,
                                  activation_of_16(sum, kind));
        }
    }
}

/* Once for all tiles: in each of them it would be several times as long as the loop. */
static NEVER_INLINE TILE_TARGET void finish_tile(const TILE_SUMS *sums, const struct panels *panels,
                                                 size_t row, size_t rows, size_t vectors)
{
    switch (panels->call->activation) { /* known when compiled: one loop for each */
    case ACTIVATION_NONE: finish_as(sums, panels, row, rows, vectors, ACTIVATION_NONE); break;
    case ACTIVATION_RELU: finish_as(sums, panels, row, rows, vectors, ACTIVATION_RELU); break;
    case ACTIVATION_QUICK_GELU:
        finish_as(sums, panels, row, rows, vectors, ACTIVATION_QUICK_GELU);
        break;
    case ACTIVATION_GELU: finish_as(sums, panels, row, rows, vectors, ACTIVATION_GELU); break;
    }
}

static ALWAYS_INLINE TILE_TARGET void tile(const struct panels *panels, size_t row, size_t rows,
                                           size_t vectors, number_type type, bool gathered)
{
    TILE_SUMS sums[PANEL_TILE_ROWS * PANELS];
    UNROLL_FULLY
    for (size_t s = 0; s < rows * vectors; s++)
        sums[s] = tile_start(panels, s % vectors);
    add_groups(sums, panels, row, rows, vectors, type, gathered);
    TILE_SUMS stored[PANEL_TILE_ROWS * PANELS]; /* so that the sums themselves have no address */
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
    static tile_function *const name##_##vectors[PANEL_TILE_ROWS + 1] = {                          \
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
