/*
 * gemm_avx2.c - the matrix product, and with nine taps the convolution.
 *
 * The order of work: a block of rows, small enough to stay in the cache; in it, a panel of 16
 * outputs at a time, whose weights are packed into scratch; with them, tiles of up to 6 rows x 16
 * outputs, whose sums stay in registers.  Where at most 8 outputs are left (convolutions with 8
 * outputs), tiles are up to NARROW_ROWS rows x 8 outputs.
 *
 * Each output is one chain of fused multiply-adds in ascending order of its inputs, whatever its
 * tile.  So its bits depend on its own row and its own weights alone.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx2.h"
#include "x86/pack_avx2.h"
#include "x86/vector_avx2.h"

#define ROW_BLOCK   240
#define WIDE_ROWS   6
#define NARROW_ROWS 8
#define MAX_SUMS                                                                                   \
    12           /* vectors of sums in a tile: with two of weights and one of x, all registers     \
                  */
#define UNROLL 8 /* inputs */

/* A panel of outputs: what its tiles have in common. */
struct panel {
    const gemm_call *call;
    const void *weights; /* packed: taps * inputs x 8 or 16 */
    number_type type;    /* theirs */
    float *bias;         /* PANEL_OUTPUTS floats */
    size_t output, outputs;
    const char
        *ahead; /* memory to fetch while a tile is computed: a cache line per UNROLL inputs */
};

/* The weights of one input; of bf16, which lie in pairs of inputs, of the first or the second. */
static ALWAYS_INLINE TARGET_AVX2 void load_weights(__m256 *w, const char *weights, size_t vectors,
                                                   number_type type, bool second)
{
    UNROLL_FULLY
    for (size_t v = 0; v < vectors; v++)
        w[v] = type == NUMBER_BF16 ? load_packed_bfloats(weights + 32 * v, second)
                                   : load_packed(weights + 8 * v * number_size(type), type);
}

/* Input k + ahead (k even): `rows` x `vectors` fused multiply-adds. */
static ALWAYS_INLINE TARGET_AVX2 void add_product(__m256 *sums, const float *const *x, size_t k,
                                                  size_t ahead, const char *weights,
                                                  number_type type, size_t rows, size_t vectors)
{
    __m256 w[2];
    load_weights(w, weights, vectors, type, ahead % 2);
    UNROLL_FULLY
    for (size_t v = 0; v < vectors; v++)
        KEEP_IN_REGISTER(w[v]);
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++) {
        __m256 value = _mm256_broadcast_ss(x[r] + k + ahead);
        UNROLL_FULLY
        for (size_t v = 0; v < vectors; v++)
            sums[r * vectors + v] = _mm256_fmadd_ps(value, w[v], sums[r * vectors + v]);
    }
}

static ALWAYS_INLINE TARGET_AVX2 void add_products(__m256 *sums, const struct panel *panel,
                                                   size_t row, size_t rows, size_t vectors,
                                                   number_type type)
{
    const gemm_call *call = panel->call;
    const size_t group = group_inputs(type), step = 8 * vectors * group * number_size(type);
    const size_t inputs = call->inputs;
    const char *weights = panel->weights;
    const char *ahead = panel->ahead;

    for (size_t tap = 0; tap < call->taps; tap++) {
        const float *x[MAX_SUMS];
        UNROLL_FULLY
        for (size_t r = 0; r < rows; r++)
            x[r] = call->x_rows ? call->x_rows[(row + r) * call->taps + tap]
                                : call->x + (row + r) * call->x_stride;
        size_t k = 0;
        for (; k + UNROLL <= inputs; k += UNROLL, weights += UNROLL / group * step) {
            if (vectors == 2) {
                PREFETCH(ahead);
                ahead += 64;
            }
            UNROLL_FULLY
            for (size_t u = 0; u < UNROLL; u++)
                add_product(sums, x, k, u, weights + u / group * step, type, rows, vectors);
        }
        for (; k < inputs; k += group, weights += step) {
            add_product(sums, x, k, 0, weights, type, rows, vectors);
            if (group == 2 && k + 1 < inputs)
                add_product(sums, x, k, 1, weights, type, rows, vectors);
        }
    }
}

/* Adds bias and residual, and stores; activations that take more than an instruction come later. */
static ALWAYS_INLINE TARGET_AVX2 void finish(const __m256 *sums, const struct panel *panel,
                                             size_t row, size_t rows, size_t vectors,
                                             size_t outputs)
{
    const gemm_call *call = panel->call;
    float *out = call->out + row * call->out_stride + panel->output;
    const float *residual =
        call->residual ? call->residual + row * call->residual_stride + panel->output : NULL;

    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++) {
        UNROLL_FULLY
        for (size_t v = 0; v < vectors; v++) {
            size_t left = outputs - 8 * v;
            __m256 sum = _mm256_add_ps(sums[r * vectors + v], _mm256_load_ps(panel->bias + 8 * v));
            if (residual)
                sum = _mm256_add_ps(sum,
                                    load_lanes(residual + r * call->residual_stride + 8 * v, left));
            if (call->activation == ACTIVATION_RELU)
                sum = relu_of(sum);
            store_lanes(out + r * call->out_stride + 8 * v, left, sum);
        }
    }
}

static ALWAYS_INLINE TARGET_AVX2 void tile(const struct panel *panel, size_t row, size_t rows,
                                           size_t vectors, number_type type)
{
    __m256 sums[MAX_SUMS];

    UNROLL_FULLY
    for (size_t s = 0; s < rows * vectors; s++)
        sums[s] = _mm256_setzero_ps();
    add_products(sums, panel, row, rows, vectors, type);
    if (panel->outputs == 8 * vectors) /* known when compiled: no test and no mask for each store */
        finish(sums, panel, row, rows, vectors, 8 * vectors);
    else
        finish(sums, panel, row, rows, vectors, panel->outputs);
}

typedef void tile_function(const struct panel *panel, size_t row);

#define DEFINE_TILE(rows, vectors, type)                                                           \
    static TARGET_AVX2 void tile_##rows##x##vectors##_##type(const struct panel *panel,            \
                                                             size_t row)                           \
    {                                                                                              \
        tile(panel, row, rows, vectors, type);                                                     \
    }

#define DEFINE_WIDE_TILES(type)                                                                    \
    DEFINE_TILE(1, 2, type)                                                                        \
    DEFINE_TILE(2, 2, type)                                                                        \
    DEFINE_TILE(3, 2, type)                                                                        \
    DEFINE_TILE(4, 2, type)                                                                        \
    DEFINE_TILE(5, 2, type)                                                                        \
    DEFINE_TILE(6, 2, type)

DEFINE_WIDE_TILES(NUMBER_F32)
DEFINE_WIDE_TILES(NUMBER_F16)
DEFINE_WIDE_TILES(NUMBER_BF16)
DEFINE_TILE(1, 1, NUMBER_F32)
DEFINE_TILE(2, 1, NUMBER_F32)
DEFINE_TILE(3, 1, NUMBER_F32)
DEFINE_TILE(4, 1, NUMBER_F32)
DEFINE_TILE(5, 1, NUMBER_F32)
DEFINE_TILE(6, 1, NUMBER_F32)
DEFINE_TILE(7, 1, NUMBER_F32)
DEFINE_TILE(8, 1, NUMBER_F32)

#define WIDE_TILES(type)                                                                           \
    {                                                                                              \
        NULL, tile_1x2_##type, tile_2x2_##type, tile_3x2_##type, tile_4x2_##type, tile_5x2_##type, \
            tile_6x2_##type                                                                        \
    }
static tile_function *const wide_tiles[NUMBER_TYPES][WIDE_ROWS + 1] = {
    [NUMBER_F32] = WIDE_TILES(NUMBER_F32),
    [NUMBER_F16] = WIDE_TILES(NUMBER_F16),
    [NUMBER_BF16] = WIDE_TILES(NUMBER_BF16),
};
static tile_function *const narrow_tiles[NARROW_ROWS + 1] = {
    NULL,
    tile_1x1_NUMBER_F32,
    tile_2x1_NUMBER_F32,
    tile_3x1_NUMBER_F32,
    tile_4x1_NUMBER_F32,
    tile_5x1_NUMBER_F32,
    tile_6x1_NUMBER_F32,
    tile_7x1_NUMBER_F32,
    tile_8x1_NUMBER_F32,
};

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
        avx2_activate(call->out + r * call->out_stride + panel->output, panel->outputs,
                      call->activation);
}

/*
 * The weights of the next panel, where they are one piece of memory that can be fetched in the
 * course of this one; else an empty range.
 */
static void find_next_weights(const struct panel *panel, const char **begin, const char **end)
{
    const gemm_call *call = panel->call;
    const size_t depth = call->taps * call->inputs, next = panel->output + PANEL_OUTPUTS;
    const size_t bytes = call->packed ? panel_bytes(call->weight_type, call->taps, call->inputs)
                                      : PANEL_OUTPUTS * depth * number_size(call->weight_type);

    if (next >= call->outputs) { /* what follows this call */
        *begin = call->ahead ? call->ahead : panel->weights;
        *end = *begin + (call->ahead ? call->ahead_bytes : 0);
        return;
    }
    *begin = *end = call->packed ? call->packed : call->weights;
    if (!call->packed && (call->weights_transposed || call->weight_stride != depth ||
                          next + PANEL_OUTPUTS > call->outputs))
        return;
    *begin += next / PANEL_OUTPUTS * bytes;
    *end = *begin + bytes;
}

static void compute_panel(struct panel *panel, size_t first_row, size_t rows)
{
    const gemm_call *call = panel->call;
    const bool narrow = panel->outputs <= 8;
    const size_t most = narrow ? NARROW_ROWS : WIDE_ROWS;
    const bool curved =
        call->activation == ACTIVATION_QUICK_GELU || call->activation == ACTIVATION_GELU;
    const size_t tile_bytes = call->taps * (call->inputs / UNROLL) * 64;
    const char *next, *end;

    find_next_weights(panel, &next, &end);
    size_t fetches = tile_bytes ? (size_t)(end - next) / tile_bytes : 0; /* tiles that do */
    for (size_t row = first_row; row < first_row + rows;) {
        size_t left = first_row + rows - row;
        size_t count = rows_of_tile(left, most);
        /* In the last tiles: what came earlier would be pushed out again before its use. */
        bool fetch = fetches > 0 && left <= (fetches + 1) * most;
        /* Where nothing is to be fetched, what is at hand: a test in the loop would cost more. */
        panel->ahead = fetch ? next : (const char *)panel->weights;
        next += fetch ? tile_bytes : 0;
        fetches -= fetch;
        (narrow ? narrow_tiles : wide_tiles[panel->type])[count](panel, row);
        if (curved)
            activate_tile(panel, row, count);
        row += count;
    }
}

size_t avx2_gemm_scratch(size_t taps, size_t inputs, size_t outputs)
{
    const size_t floats = PANEL_OUTPUTS + taps * inputs * PANEL_OUTPUTS;
    const size_t whole_numbers = taps == 1 ? avx2_gemm_i8_scratch(inputs) : 0;
    (void)outputs;
    return floats > whole_numbers ? floats : whole_numbers;
}

/* The panel's weights side by side: packed before, in place, or now, in scratch. */
static void find_weights(struct panel *panel, float *scratch)
{
    const gemm_call *call = panel->call;
    const size_t depth = call->taps * call->inputs;

    panel->weights = scratch;
    panel->type = NUMBER_F32;
    if (!call->packed) {
        avx2_pack_weights(scratch, panel->outputs <= 8 ? 8 : PANEL_OUTPUTS, call, panel->output,
                          panel->outputs, depth);
        return;
    }
    const char *packed =
        (const char *)call->packed +
        panel->output / PANEL_OUTPUTS * panel_bytes(call->weight_type, call->taps, call->inputs);
    if (panel->outputs <= 8) {
        avx2_widen_panel(scratch, 8, packed, call->weight_type, call->taps, call->inputs);
        return;
    }
    panel->weights = packed;
    panel->type = call->weight_type;
}

void avx2_gemm(const gemm_call *call, float *scratch)
{
    if (call->weight_type == NUMBER_I8) {
        avx2_gemm_i8(call, scratch);
        return;
    }
    const size_t blocks = (call->rows + ROW_BLOCK - 1) / ROW_BLOCK;
    struct panel panel = {.call = call, .bias = scratch};

    for (size_t b = 0; b < blocks; b++) {
        size_t first_row = call->rows * b / blocks;
        size_t rows = call->rows * (b + 1) / blocks - first_row;
        for (panel.output = 0; panel.output < call->outputs; panel.output += PANEL_OUTPUTS) {
            size_t left = call->outputs - panel.output;
            panel.outputs = left < PANEL_OUTPUTS ? left : PANEL_OUTPUTS;
            for (size_t j = 0; j < PANEL_OUTPUTS; j++)
                panel.bias[j] = call->bias && j < panel.outputs ? call->bias[panel.output + j] : 0;
            find_weights(&panel, scratch + PANEL_OUTPUTS);
            compute_panel(&panel, first_row, rows);
        }
    }
}

#else

typedef int gemm_avx2_is_for_x86;

#endif
