/*
 * tiles_i8_avx2.h - products of whole numbers in vectors of eight sums.  Included by each file that
 * multiplies in its own way, which defines before:
 *
 *   TILE_TARGET    the target attribute
 *   tile_start     the sums of eight outputs before any product
 *   tile_multiply  adds a group's products to the sums of `rows` rows x 16 outputs
 *
 * A block of rows; in it, a panel of 16 outputs at a time, whose weights are read as they were
 * packed; with them, tiles of up to TILE_ROWS rows, whose sums stay in registers.  Whole numbers
 * add up to the same in any order, so only what turns them into floats decides about bits.
 */
#include <immintrin.h>

#include "compiler.h"
#include "x86/avx2.h"
#include "x86/rounded_avx2.h"
#include "x86/vector_avx2.h"

#define TILE_ROWS 6

/* A panel of outputs: what its tiles have in common. */
struct panel {
    const gemm_call *call;
    const struct panel_i8 *weights;
    const char *x; /* rows of the block as tiles read them, one every x_stride bytes */
    size_t x_stride, first_row;
    size_t output, outputs;
    float bias[PANEL_OUTPUTS];
    const char *ahead; /* memory to fetch while a tile is computed: a cache line for two groups */
};

static ALWAYS_INLINE TILE_TARGET void add_groups(__m256i *sums, const struct panel *panel,
                                                 size_t row, size_t rows)
{
    const size_t stride = panel->x_stride, groups = (panel->call->inputs + 3) / 4;
    const char *x = panel->x + (row - panel->first_row) * stride, *ahead = panel->ahead;
    const char *weights = (const char *)panel->weights->groups;

    size_t g = 0;
    for (; g + 2 <= groups; g += 2, ahead += 64) {
        PREFETCH(ahead);
        tile_multiply(sums, x, stride, weights, rows);
        tile_multiply(sums, x + TILE_GROUP_BYTES, stride, weights + 64, rows);
        x += 2 * TILE_GROUP_BYTES;
        weights += 2 * 64;
    }
    if (g < groups)
        tile_multiply(sums, x, stride, weights, rows);
}

/* As kernels.h says: count * (scales) + middle * (scale * sum), the last + fused. */
static ALWAYS_INLINE TILE_TARGET __m256 floats_of_sums(__m256i sums, const struct panel_i8 *weights,
                                                       size_t vector, const struct rounded_row *row)
{
    const __m256 scales = _mm256_loadu_ps(weights->scales + 8 * vector);
    const __m256i all = _mm256_loadu_si256((const __m256i *)(weights->sums + 8 * vector));
    const __m256 shift =
        _mm256_mul_ps(_mm256_set1_ps(row->middle), _mm256_mul_ps(scales, _mm256_cvtepi32_ps(all)));
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums),
                           _mm256_mul_ps(_mm256_set1_ps(row->scale), scales), shift);
}

/* + bias, + residual, ReLU.  Once for all tiles: in each it would be as long as the loop. */
static NEVER_INLINE TILE_TARGET void finish_tile(const __m256i *sums, const struct panel *panel,
                                                 size_t row, size_t rows)
{
    const gemm_call *call = panel->call;
    for (size_t r = row; r < row + rows; r++, sums += 2) {
        float *out = call->out + r * call->out_stride + panel->output;
        const struct rounded_row *rounded =
            (const void *)((const char *)call->rounded +
                           r * rounded_bytes(NUMBER_I8, call->inputs));
        for (size_t v = 0; 8 * v < panel->outputs; v++) {
            const size_t left = panel->outputs - 8 * v;
            __m256 sum = floats_of_sums(sums[v], panel->weights, v, rounded);
            sum = _mm256_add_ps(sum, _mm256_loadu_ps(panel->bias + 8 * v));
            if (call->residual)
                sum = _mm256_add_ps(sum, load_lanes(call->residual + r * call->residual_stride +
                                                        panel->output + 8 * v,
                                                    left));
            if (call->activation == ACTIVATION_RELU)
                sum = relu_of(sum);
            store_lanes(out + 8 * v, left, sum);
        }
        if (call->activation == ACTIVATION_QUICK_GELU || call->activation == ACTIVATION_GELU)
            avx2_activate(out, panel->outputs, call->activation);
    }
}

static ALWAYS_INLINE TILE_TARGET void tile(const struct panel *panel, size_t row, size_t rows)
{
    __m256i sums[2 * TILE_ROWS];
    UNROLL_FULLY
    for (size_t s = 0; s < 2 * rows; s++)
        sums[s] = tile_start(panel->weights, s % 2);
    add_groups(sums, panel, row, rows);
    __m256i stored[2 * TILE_ROWS]; /* so that the sums themselves have no address */
    UNROLL_FULLY
    for (size_t s = 0; s < 2 * rows; s++)
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
DEFINE_TILE(4)
DEFINE_TILE(5)
DEFINE_TILE(6)

/* Rows of the next tile: as many for each as the fewest tiles can have. */
static size_t rows_of_tile(size_t left)
{
    const size_t tiles = (left + TILE_ROWS - 1) / TILE_ROWS;
    return (left + tiles - 1) / tiles;
}

/* Rows of the call from first_row on, which are at x; every panel. */
static void compute_block(const gemm_call *call, const char *x, size_t x_stride, size_t first_row,
                          size_t rows)
{
    static tile_function *const tiles[TILE_ROWS + 1] = {NULL,   tile_1, tile_2, tile_3,
                                                        tile_4, tile_5, tile_6};
    const size_t bytes = panel_bytes(NUMBER_I8, 1, call->inputs), end = first_row + rows;
    struct panel panel = {.call = call, .x = x, .x_stride = x_stride, .first_row = first_row};

    for (size_t n = 0; n < call->outputs; n += PANEL_OUTPUTS) {
        const char *weights = (const char *)call->packed + n / PANEL_OUTPUTS * bytes;
        const bool more = n + PANEL_OUTPUTS < call->outputs;
        panel.weights = (const void *)weights;
        panel.output = n;
        panel.outputs = call->outputs - n < PANEL_OUTPUTS ? call->outputs - n : PANEL_OUTPUTS;
        for (size_t j = 0; j < PANEL_OUTPUTS; j++)
            panel.bias[j] = call->bias && j < panel.outputs ? call->bias[n + j] : 0;
        for (size_t row = first_row, count; row < end; row += count) {
            const size_t left = end - row;
            count = rows_of_tile(left);
            /* The next panel in the last two tiles; else what is at hand: no test in the loop. */
            panel.ahead = !more || left > 2 * TILE_ROWS ? weights
                          : left > TILE_ROWS            ? weights + bytes
                                                        : weights + bytes + bytes / 128 * 64;
            tiles[count](&panel, row);
        }
    }
}
