/*
 * tiles_mmla_neon.h - products by the instructions that multiply two rows with two outputs at once
 * (SMMLA, BFMMLA).  Included by each file that uses one of them, which defines before:
 *
 *   TILE_TARGET        the target attribute
 *   TILE_TYPE          NUMBER_I8 or NUMBER_BF16
 *   TILE_SUMS          a vector of four sums: two rows x two outputs
 *   tile_zero, tile_multiply_add, tile_floats   inline functions
 *
 * A step is eight bytes of each row: two groups of a panel.  For it, the instruction wants the two
 * groups' bytes of an output side by side; panels have one group of four outputs after the other.
 * So a panel is rearranged into scratch, once for all its tiles: of each step, eight operands of
 * two outputs each.
 *
 * Tiles of up to 6 rows x 16 outputs: 24 vectors of sums, three pairs of rows, one operand at a
 * time.  An odd row stands in for its missing neighbour, whose outputs are not stored.
 */
#include "arm/finish_neon.h"
#include "arm/neon.h"

#define ROW_BLOCK  240
#define TILE_PAIRS 3
#define TILE_ROWS  (2 * TILE_PAIRS)
#define STEP_BYTES (8 * 16)

/* A panel of outputs: what its tiles have in common. */
struct panel {
    const gemm_call *call;
    const void *packed;
    const char *operands;
    size_t steps, output, outputs;
    float bias[PANEL_OUTPUTS];
    const char *ahead; /* memory to fetch while a tile is computed: a cache line for each step */
};

static ALWAYS_INLINE TILE_TARGET uint8x16_t two_rows(const uint8_t *first, const uint8_t *second)
{
    return vcombine_u8(vld1_u8(first), vld1_u8(second));
}

static ALWAYS_INLINE TILE_TARGET void add_steps(TILE_SUMS *sums, const struct panel *panel,
                                                size_t row, size_t rows, size_t pairs)
{
    const gemm_call *call = panel->call;
    const size_t stride = rounded_bytes(TILE_TYPE, call->inputs);
    const uint8_t *first = (const uint8_t *)call->rounded + row * stride;
    const uint8_t *x[TILE_ROWS], *operands = (const uint8_t *)panel->operands;
    const char *ahead = panel->ahead;
    UNROLL_FULLY
    for (size_t r = 0; r < 2 * pairs; r++)
        x[r] = first + (r < rows ? r : rows - 1) * stride +
               (TILE_TYPE == NUMBER_I8 ? sizeof(struct rounded_row) : 0);

    for (size_t step = 0; step < panel->steps; step++, operands += STEP_BYTES, ahead += 64) {
        uint8x16_t both[TILE_PAIRS];
        PREFETCH(ahead);
        UNROLL_FULLY
        for (size_t p = 0; p < pairs; p++)
            both[p] = two_rows(x[2 * p] + 8 * step, x[2 * p + 1] + 8 * step);
        UNROLL_FULLY
        for (size_t q = 0; q < 8; q++) {
            const uint8x16_t w = vld1q_u8(operands + 16 * q);
            UNROLL_FULLY
            for (size_t p = 0; p < pairs; p++) {
                sums[8 * p + q] = tile_multiply_add(sums[8 * p + q], both[p], w);
                KEEP_IN_ORDER(sums[8 * p + q]);
            }
        }
    }
}

/* Once for all tiles: in each it would be as long as the loop. */
static NEVER_INLINE TILE_TARGET void finish_tile(const TILE_SUMS *sums, const struct panel *panel,
                                                 size_t row, size_t rows)
{
    const gemm_call *call = panel->call;
    for (size_t r = 0; r < rows; r++) {
        const TILE_SUMS *pair = sums + 8 * (r / 2);
        for (size_t v = 0; 4 * v < panel->outputs; v++) {
            const float32x4_t floats =
                tile_floats(pair[2 * v], pair[2 * v + 1], r % 2, panel, row + r, 4 * v);
            store_outputs(call, row + r, panel->output + 4 * v, panel->outputs - 4 * v, floats,
                          vld1q_f32(panel->bias + 4 * v));
        }
        if (call->activation == ACTIVATION_QUICK_GELU || call->activation == ACTIVATION_GELU)
            neon_activate(call->out + (row + r) * call->out_stride + panel->output, panel->outputs,
                          call->activation);
    }
}

static ALWAYS_INLINE TILE_TARGET void tile(const struct panel *panel, size_t row, size_t rows,
                                           size_t pairs)
{
    TILE_SUMS sums[8 * TILE_PAIRS];
    UNROLL_FULLY
    for (size_t s = 0; s < 8 * pairs; s++)
        sums[s] = tile_zero();
    add_steps(sums, panel, row, rows, pairs);
    TILE_SUMS stored[8 * TILE_PAIRS]; /* so that the sums themselves have no address */
    UNROLL_FULLY
    for (size_t s = 0; s < 8 * pairs; s++)
        stored[s] = sums[s];
    finish_tile(stored, panel, row, rows);
}

static TILE_TARGET void tile_of_rows(const struct panel *panel, size_t row, size_t rows)
{
    switch ((rows + 1) / 2) { /* known when compiled: a loop for each */
    case 1: tile(panel, row, rows, 1); break;
    case 2: tile(panel, row, rows, 2); break;
    case 3: tile(panel, row, rows, 3); break;
    }
}

/* A panel's groups in pairs; after an odd one, zeros. */
static TILE_TARGET void rearrange(uint8_t *operands, const uint8_t *groups, size_t count)
{
    for (size_t g = 0; g < count; g += 2, groups += 2 * 64) {
        for (size_t v = 0; v < 4; v++, operands += 32) {
            const uint8_t *four = groups + 16 * v;
            const uint32x4_t a = vreinterpretq_u32_u8(vld1q_u8(four));
            const uint32x4_t b =
                g + 1 < count ? vreinterpretq_u32_u8(vld1q_u8(four + 64)) : vdupq_n_u32(0);
            vst1q_u8(operands, vreinterpretq_u8_u32(vzip1q_u32(a, b)));
            vst1q_u8(operands + 16, vreinterpretq_u8_u32(vzip2q_u32(a, b)));
        }
    }
}

/* Rows of the next tile: as many for each as the fewest tiles can have, in pairs if possible. */
static size_t rows_of_tile(size_t left)
{
    const size_t count = (left + TILE_ROWS - 1) / TILE_ROWS, even = (left / count + 1) / 2 * 2;
    return even < left ? even : left;
}

static void compute_panel(struct panel *panel, size_t first_row, size_t rows)
{
    const gemm_call *call = panel->call;
    const size_t bytes = panel_bytes(TILE_TYPE, 1, call->inputs), end = first_row + rows;
    const bool more = panel->output + PANEL_OUTPUTS < call->outputs;
    for (size_t row = first_row, count; row < end; row += count) {
        const size_t left = end - row;
        count = rows_of_tile(left);
        /* The next panel in the last two tiles; else what is at hand: no test in the loop. */
        const char *next = (const char *)panel->packed + bytes;
        panel->ahead = !more || left > 2 * TILE_ROWS ? panel->operands
                       : left > TILE_ROWS            ? next
                                                     : next + bytes / 128 * 64;
        tile_of_rows(panel, row, count);
    }
}

/* Floats of scratch. */
static size_t operands_scratch(size_t inputs)
{
    const size_t groups = (inputs + group_inputs(TILE_TYPE) - 1) / group_inputs(TILE_TYPE);
    return (groups + 1) / 2 * STEP_BYTES / sizeof(float);
}

static void compute_by_pairs(const gemm_call *call, float *scratch)
{
    const size_t groups = (call->inputs + group_inputs(TILE_TYPE) - 1) / group_inputs(TILE_TYPE);
    const size_t bytes = panel_bytes(TILE_TYPE, 1, call->inputs);
    const size_t header = TILE_TYPE == NUMBER_I8 ? sizeof(struct panel_i8) : 0;
    const size_t blocks = (call->rows + ROW_BLOCK - 1) / ROW_BLOCK;
    struct panel panel = {
        .call = call, .operands = (const char *)scratch, .steps = (groups + 1) / 2};

    for (size_t b = 0; b < blocks; b++) {
        const size_t first = call->rows * b / blocks, end = call->rows * (b + 1) / blocks;
        for (size_t n = 0; n < call->outputs; n += PANEL_OUTPUTS) {
            const uint8_t *packed = (const uint8_t *)call->packed + n / PANEL_OUTPUTS * bytes;
            rearrange((uint8_t *)scratch, packed + header, groups);
            panel.packed = packed;
            panel.output = n;
            panel.outputs = call->outputs - n < PANEL_OUTPUTS ? call->outputs - n : PANEL_OUTPUTS;
            for (size_t j = 0; j < PANEL_OUTPUTS; j++)
                panel.bias[j] = call->bias && j < panel.outputs ? call->bias[n + j] : 0;
            compute_panel(&panel, first, end - first);
        }
    }
}
