/*
 * tiles_i8_neon.h - products of whole numbers, row by row.  Included by each file that multiplies
 * in its own way, which defines before:
 *
 *   TILE_TARGET    the target attribute
 *   TILE_ROWS      the most rows of a tile
 *   ROW_SUMS       vectors of sums of a row's 16 outputs
 *   tile_multiply  adds the products of two groups (`whole`) or one to the sums of `rows` rows
 *   tile_outputs   the four sums of outputs 4v to 4v + 3
 *
 * A block of rows; in it, a panel of 16 outputs at a time, whose weights are read as they were
 * packed; with them, tiles whose sums stay in registers.  Whole numbers add up to the same in any
 * order, so only what turns them into floats decides about bits.
 */
#include "arm/finish_neon.h"
#include "arm/neon.h"

#define ROW_BLOCK 240

/* A panel of outputs: what its tiles have in common. */
struct panel {
    const gemm_call *call;
    const struct panel_i8 *weights;
    size_t output, outputs;
    float bias[PANEL_OUTPUTS];
    const char *ahead; /* memory to fetch while a tile is computed: a cache line for two groups */
};

static ALWAYS_INLINE TILE_TARGET void add_groups(int32x4_t *sums, const struct panel *panel,
                                                 size_t row, size_t rows)
{
    const size_t groups = (panel->call->inputs + 3) / 4;
    const int8_t *weights = panel->weights->groups[0][0], *x[TILE_ROWS];
    const char *ahead = panel->ahead;
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++)
        x[r] = rounded_row_of(panel->call, row + r)->numbers;

    size_t g = 0;
    for (; g + 2 <= groups; g += 2, weights += 128, ahead += 64) {
        PREFETCH(ahead);
        tile_multiply(sums, x, 4 * g, weights, rows, true);
    }
    if (g < groups)
        tile_multiply(sums, x, 4 * g, weights, rows, false);
}

/* Once for all tiles: in each it would be as long as the loop. */
static NEVER_INLINE TILE_TARGET void finish_tile(const int32x4_t *sums, const struct panel *panel,
                                                 size_t row, size_t rows)
{
    const gemm_call *call = panel->call;
    for (size_t r = row; r < row + rows; r++, sums += ROW_SUMS) {
        for (size_t v = 0; 4 * v < panel->outputs; v++) {
            const float32x4_t floats = floats_of_counts(tile_outputs(sums, v), panel->weights,
                                                        4 * v, rounded_row_of(call, r));
            store_outputs(call, r, panel->output + 4 * v, panel->outputs - 4 * v, floats,
                          vld1q_f32(panel->bias + 4 * v));
        }
        if (call->activation == ACTIVATION_QUICK_GELU || call->activation == ACTIVATION_GELU)
            neon_activate(call->out + r * call->out_stride + panel->output, panel->outputs,
                          call->activation);
    }
}

static ALWAYS_INLINE TILE_TARGET void tile(const struct panel *panel, size_t row, size_t rows)
{
    int32x4_t sums[TILE_ROWS * ROW_SUMS];
    UNROLL_FULLY
    for (size_t s = 0; s < rows * ROW_SUMS; s++)
        sums[s] = vdupq_n_s32(0);
    add_groups(sums, panel, row, rows);
    int32x4_t stored[TILE_ROWS * ROW_SUMS]; /* so that the sums themselves have no address */
    UNROLL_FULLY
    for (size_t s = 0; s < rows * ROW_SUMS; s++)
        stored[s] = sums[s];
    finish_tile(stored, panel, row, rows);
}

typedef void tile_function(const struct panel *panel, size_t row);

#define DEFINE_TILE(rows)                                                                          \
    static TILE_TARGET void tile_##rows(const struct panel *panel, size_t row)                     \
    {                                                                                              \
        tile(panel, row, rows);                                                                    \
    }

DEFINE_TILE(1)
DEFINE_TILE(2)
DEFINE_TILE(3)
#if TILE_ROWS > 3
DEFINE_TILE(4)
DEFINE_TILE(5)
DEFINE_TILE(6)
#endif

static tile_function *const tiles[TILE_ROWS + 1] = {
    NULL,   tile_1, tile_2, tile_3,
#if TILE_ROWS > 3
    tile_4, tile_5, tile_6,
#endif
};

/* Rows of the next tile: as many for each as the fewest tiles can have. */
static size_t rows_of_tile(size_t left)
{
    const size_t count = (left + TILE_ROWS - 1) / TILE_ROWS;
    return (left + count - 1) / count;
}

static void compute_panel(struct panel *panel, size_t first_row, size_t rows)
{
    const char *weights = (const char *)panel->weights;
    const size_t bytes = panel_bytes(NUMBER_I8, 1, panel->call->inputs), end = first_row + rows;
    const bool more = panel->output + PANEL_OUTPUTS < panel->call->outputs;
    for (size_t row = first_row, count; row < end; row += count) {
        const size_t left = end - row;
        count = rows_of_tile(left);
        /* The next panel in the last two tiles; else what is at hand: no test in the loop. */
        panel->ahead = !more || left > 2 * TILE_ROWS ? weights
                       : left > TILE_ROWS            ? weights + bytes
                                                     : weights + bytes + bytes / 128 * 64;
        tiles[count](panel, row);
    }
}

static void compute_i8(const gemm_call *call)
{
    const size_t bytes = panel_bytes(NUMBER_I8, 1, call->inputs);
    const size_t blocks = (call->rows + ROW_BLOCK - 1) / ROW_BLOCK;
    struct panel panel = {.call = call};

    for (size_t b = 0; b < blocks; b++) {
        const size_t first = call->rows * b / blocks, end = call->rows * (b + 1) / blocks;
        for (size_t n = 0; n < call->outputs; n += PANEL_OUTPUTS) {
            panel.weights = (const void *)((const char *)call->packed + n / PANEL_OUTPUTS * bytes);
            panel.output = n;
            panel.outputs = call->outputs - n < PANEL_OUTPUTS ? call->outputs - n : PANEL_OUTPUTS;
            for (size_t j = 0; j < PANEL_OUTPUTS; j++)
                panel.bias[j] = call->bias && j < panel.outputs ? call->bias[n + j] : 0;
            compute_panel(&panel, first, end - first);
        }
    }
}
