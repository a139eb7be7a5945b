/*
 * gemm_neon.c - the matrix product, and with nine taps the convolution.
 *
 * The order of work: a block of rows, small enough to stay in the cache; in it, a panel of 16
 * outputs at a time, whose weights are packed, before or into scratch; with them, tiles of up to
 * 6 rows x 16 outputs, whose sums stay in registers.  Where at most 8 outputs are left
 * (convolutions with 8 outputs), tiles are up to 12 rows x 8 outputs.
 *
 * Each output is one chain of fused multiply-adds in ascending order of its inputs, whatever its
 * tile.  So its bits depend on its own row and its own weights alone.
 */
#include "compiler.h"

#if QUALICLIP_AARCH64

#include "arm/neon.h"
#include "arm/pack_neon.h"
#include "arm/vector_neon.h"

#define PANEL       PANEL_OUTPUTS
#define ROW_BLOCK   240
#define WIDE_ROWS   6
#define NARROW_ROWS 12
#define MAX_SUMS    24 /* vectors of sums in a tile: with four of weights, four registers are left */
#define UNROLL      8  /* inputs */
#define AHEAD       64 /* bytes fetched per UNROLL inputs: a cache line */

/* A panel of outputs: what its tiles have in common. */
struct panel {
    const gemm_call *call;
    const float *weights; /* packed: taps * inputs x 8 or 16 */
    float *bias;          /* PANEL floats */
    size_t output, outputs;
    const char *ahead; /* memory to fetch while a tile is computed: AHEAD bytes per UNROLL inputs */
};

/*
 * One input: `rows` x `vectors` fused multiply-adds.  The input is loaded as a scalar, which FMLA
 * takes by element: LD1R, which spreads it over a vector, occupies an arithmetic pipe on some
 * cores.
 */
static ALWAYS_INLINE void add_product(float32x4_t *sums, const float *const *x, size_t k,
                                      const float *weights, size_t rows, size_t vectors)
{
    float32x4_t w[4];
    UNROLL_FULLY
    for (size_t v = 0; v < vectors; v++)
        w[v] = vld1q_f32(weights + 4 * v);
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++) {
        float value = x[r][k];
        KEEP_IN_REGISTER(value);
        UNROLL_FULLY
        for (size_t v = 0; v < vectors; v++)
            sums[r * vectors + v] = vfmaq_n_f32(sums[r * vectors + v], w[v], value);
        UNROLL_FULLY
        for (size_t v = 0; v < vectors; v++)
            KEEP_IN_ORDER(sums[r * vectors + v]);
    }
}

static ALWAYS_INLINE void add_products(float32x4_t *sums, const struct panel *panel, size_t row,
                                       size_t rows, size_t vectors)
{
    const gemm_call *call = panel->call;
    const size_t lanes = 4 * vectors, inputs = call->inputs;
    const float *weights = panel->weights;
    const char *ahead = panel->ahead;

    for (size_t tap = 0; tap < call->taps; tap++) {
        const float *x[NARROW_ROWS];
        UNROLL_FULLY
        for (size_t r = 0; r < rows; r++)
            x[r] = call->x_rows ? call->x_rows[(row + r) * call->taps + tap]
                                : call->x + (row + r) * call->x_stride;
        size_t k = 0;
        for (; k + UNROLL <= inputs; k += UNROLL, weights += UNROLL * lanes) {
            if (vectors == 4) {
                PREFETCH(ahead);
                ahead += AHEAD;
            }
            UNROLL_FULLY
            for (size_t u = 0; u < UNROLL; u++)
                add_product(sums, x, k + u, weights + u * lanes, rows, vectors);
        }
        for (; k < inputs; k++, weights += lanes)
            add_product(sums, x, k, weights, rows, vectors);
    }
}

/* Adds bias and residual, and stores; activations that take many instructions come later. */
static ALWAYS_INLINE void finish(const float32x4_t *sums, const struct panel *panel, size_t row,
                                 size_t rows, size_t vectors, size_t outputs)
{
    const gemm_call *call = panel->call;
    float *out = call->out + row * call->out_stride + panel->output;
    const float *residual =
        call->residual ? call->residual + row * call->residual_stride + panel->output : NULL;

    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++) {
        UNROLL_FULLY
        for (size_t v = 0; v < vectors; v++) {
            size_t left = outputs > 4 * v ? outputs - 4 * v : 0;
            float32x4_t sum = vaddq_f32(sums[r * vectors + v], vld1q_f32(panel->bias + 4 * v));
            if (residual)
                sum =
                    vaddq_f32(sum, load_lanes(residual + r * call->residual_stride + 4 * v, left));
            if (call->activation == ACTIVATION_RELU)
                sum = relu_of(sum);
            store_lanes(out + r * call->out_stride + 4 * v, left, sum);
        }
    }
}

static ALWAYS_INLINE void tile(const struct panel *panel, size_t row, size_t rows, size_t vectors)
{
    float32x4_t sums[MAX_SUMS];

    UNROLL_FULLY
    for (size_t s = 0; s < rows * vectors; s++)
        sums[s] = vdupq_n_f32(0);
    add_products(sums, panel, row, rows, vectors);
    if (panel->outputs == 4 * vectors) /* known when compiled: no test for each store */
        finish(sums, panel, row, rows, vectors, 4 * vectors);
    else
        finish(sums, panel, row, rows, vectors, panel->outputs);
}

typedef void tile_function(const struct panel *panel, size_t row);

#define DEFINE_TILE(rows, vectors)                                                                 \
    static void tile_##rows##x##vectors(const struct panel *panel, size_t row)                     \
    {                                                                                              \
        tile(panel, row, rows, vectors);                                                           \
    }

DEFINE_TILE(1, 4)
DEFINE_TILE(2, 4)
DEFINE_TILE(3, 4)
DEFINE_TILE(4, 4)
DEFINE_TILE(5, 4)
DEFINE_TILE(6, 4)
DEFINE_TILE(1, 2)
DEFINE_TILE(2, 2)
DEFINE_TILE(3, 2)
DEFINE_TILE(4, 2)
DEFINE_TILE(5, 2)
DEFINE_TILE(6, 2)
DEFINE_TILE(7, 2)
DEFINE_TILE(8, 2)
DEFINE_TILE(9, 2)
DEFINE_TILE(10, 2)
DEFINE_TILE(11, 2)
DEFINE_TILE(12, 2)

static tile_function *const wide_tiles[] = {NULL,     tile_1x4, tile_2x4, tile_3x4,
                                            tile_4x4, tile_5x4, tile_6x4};
static tile_function *const narrow_tiles[] = {NULL,      tile_1x2,  tile_2x2, tile_3x2, tile_4x2,
                                              tile_5x2,  tile_6x2,  tile_7x2, tile_8x2, tile_9x2,
                                              tile_10x2, tile_11x2, tile_12x2};

/* Rows of the next tile: the most, but no small rest: two middling tiles are faster than those. */
static size_t rows_of_tile(size_t left, size_t most)
{
    if (left >= 2 * most)
        return most;
    return left > most ? (left + 1) / 2 : left;
}

/* The curved activations, while the tile is still in the cache nearest to the core. */
static void activate_tile(const struct panel *panel, size_t row, size_t rows)
{
    const gemm_call *call = panel->call;
    for (size_t r = row; r < row + rows; r++)
        neon_activate(call->out + r * call->out_stride + panel->output, panel->outputs,
                      call->activation);
}

/*
 * The weights of the next panel, where they are one piece of memory that can be fetched in the
 * course of this one; else an empty range.
 */
static void find_next_weights(const struct panel *panel, const char **begin, const char **end)
{
    const gemm_call *call = panel->call;
    const size_t depth = call->taps * call->inputs, next = panel->output + PANEL;
    const size_t bytes = call->packed ? panel_bytes(call->weight_type, call->taps, call->inputs)
                                      : PANEL * depth * number_size(call->weight_type);

    *begin = *end = call->packed ? call->packed : call->weights;
    if (call->packed ? next >= call->outputs
                     : call->weights_transposed || call->weight_stride != depth ||
                           next + PANEL > call->outputs)
        return;
    *begin += next / PANEL * bytes;
    *end = *begin + bytes;
}

static void compute_panel(struct panel *panel, size_t first_row, size_t rows)
{
    const gemm_call *call = panel->call;
    const bool narrow = panel->outputs <= 8;
    const bool curved =
        call->activation == ACTIVATION_QUICK_GELU || call->activation == ACTIVATION_GELU;
    const ptrdiff_t tile_bytes = (ptrdiff_t)(call->taps * (call->inputs / UNROLL) * AHEAD);
    const char *next, *end;

    find_next_weights(panel, &next, &end);
    for (size_t row = first_row; row < first_row + rows;) {
        size_t left = first_row + rows - row;
        size_t count = rows_of_tile(left, narrow ? NARROW_ROWS : WIDE_ROWS);
        /* Where nothing is left to fetch, what is at hand: a test in the loop would cost more. */
        bool more = end - next >= tile_bytes;
        panel->ahead = more ? next : (const char *)panel->weights;
        next += more ? tile_bytes : 0;
        (narrow ? narrow_tiles : wide_tiles)[count](panel, row);
        if (curved)
            activate_tile(panel, row, count);
        row += count;
    }
}

size_t neon_gemm_scratch(size_t taps, size_t inputs, size_t outputs)
{
    (void)outputs;
    return PANEL + taps * inputs * PANEL;
}

/*
 * The panel's weights, those of one input side by side: packed before, in place, or now, in
 * scratch.  Narrow numbers are widened there once, not in each tile, where that would take a sixth
 * of the arithmetic.
 */
static void find_weights(struct panel *panel, float *scratch)
{
    const gemm_call *call = panel->call;
    const size_t lanes = panel->outputs <= 8 ? 8 : PANEL, depth = call->taps * call->inputs;

    panel->weights = scratch;
    if (!call->packed) {
        neon_pack_weights(scratch, lanes, call, panel->output, panel->outputs, depth);
        return;
    }
    const char *packed =
        (const char *)call->packed +
        panel->output / PANEL * panel_bytes(call->weight_type, call->taps, call->inputs);
    if (lanes == PANEL && call->weight_type == NUMBER_F32)
        panel->weights = (const float *)(const void *)packed;
    else
        neon_widen_panel(scratch, lanes, packed, call->weight_type, call->taps, call->inputs);
}

void neon_gemm(const gemm_call *call, float *scratch)
{
    if (call->weight_type == NUMBER_I8) {
        neon_gemm_i8(call);
        return;
    }
    const size_t blocks = (call->rows + ROW_BLOCK - 1) / ROW_BLOCK;
    struct panel panel = {.call = call, .bias = scratch};

    for (size_t b = 0; b < blocks; b++) {
        size_t first_row = call->rows * b / blocks;
        size_t rows = call->rows * (b + 1) / blocks - first_row;
        for (panel.output = 0; panel.output < call->outputs; panel.output += PANEL) {
            size_t left = call->outputs - panel.output;
            panel.outputs = left < PANEL ? left : PANEL;
            for (size_t j = 0; j < PANEL; j++)
                panel.bias[j] = call->bias && j < panel.outputs ? call->bias[panel.output + j] : 0;
            find_weights(&panel, scratch + PANEL);
            compute_panel(&panel, first_row, rows);
        }
    }
}

#else

typedef int gemm_neon_is_for_aarch64;

#endif
