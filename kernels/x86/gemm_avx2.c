/*
 * gemm_avx2.c - the matrix product, and with nine taps the convolution.
 *
 * The order of work: a block of rows, small enough to stay in the cache; in it, a panel of 16
 * outputs at a time; of that, a slice of inputs, whose weights are packed into scratch; with them,
 * tiles of up to 6 rows x 16 outputs, whose sums stay in registers.  Where at most 8 outputs are
 * left (convolutions with 8 outputs), tiles are up to 12 rows x 8 outputs.
 *
 * Each output is one chain of fused multiply-adds in ascending order of its inputs, whatever its
 * tile; between slices the sums rest in scratch, which rounds nothing.  So its bits depend on its
 * own row and its own weights alone.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx2.h"
#include "x86/pack_avx2.h"
#include "x86/vector_avx2.h"

#define PANEL 16     /* outputs */
#define ROW_BLOCK 240
#define SLICE 768    /* inputs */
#define MAX_SUMS 12  /* vectors of sums in a tile: with two of weights and one of x, all registers */
#define UNROLL 8     /* inputs */

/* A panel of outputs and a slice of inputs: what tiles have in common. */
struct job {
    const gemm_call *call;
    const float *weights; /* packed: slice_size x lanes */
    float *sums;          /* of earlier slices: rows of the block x lanes */
    float *bias;          /* PANEL floats */
    size_t first_row;     /* of the block */
    size_t output, outputs;
    size_t slice_begin, slice_size;
    bool first_slice, last_slice;
    const char *next_weights[2]; /* two rows of weights that will be packed next, or any address */
};

/* One input: `rows` x `vectors` fused multiply-adds. */
static ALWAYS_INLINE TARGET_AVX2 void add_product(__m256 *sums, const float *const *x, size_t k,
                                                  const float *weights, size_t rows,
                                                  size_t vectors)
{
    __m256 w[2];
    UNROLL_FULLY
    for (size_t v = 0; v < vectors; v++) {
        w[v] = _mm256_load_ps(weights + 8 * v);
        KEEP_IN_REGISTER(w[v]);
    }
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++) {
        __m256 value = _mm256_broadcast_ss(x[r] + k);
        UNROLL_FULLY
        for (size_t v = 0; v < vectors; v++)
            sums[r * vectors + v] = _mm256_fmadd_ps(value, w[v], sums[r * vectors + v]);
    }
}

/* Adds the products of one slice, tap by tap. */
static ALWAYS_INLINE TARGET_AVX2 void add_slice(__m256 *sums, const struct job *job, size_t row,
                                                size_t rows, size_t vectors)
{
    const gemm_call *call = job->call;
    const size_t lanes = 8 * vectors;
    const float *weights = job->weights;
    size_t tap = job->slice_begin / call->inputs, begin = job->slice_begin % call->inputs;
    size_t left = job->slice_size, done = 0;

    while (left > 0) {
        size_t count = call->inputs - begin < left ? call->inputs - begin : left;
        const float *x[MAX_SUMS];
        UNROLL_FULLY
        for (size_t r = 0; r < rows; r++)
            x[r] = begin + (call->x_rows ? call->x_rows[(row + r) * call->taps + tap]
                                         : call->x + (row + r) * call->x_stride);
        size_t k = 0;
        for (; k + UNROLL <= count; k += UNROLL, weights += UNROLL * lanes) {
            /* A cache line of each of the two rows by turns: 16 floats, which is two turns. */
            PREFETCH(job->next_weights[k / UNROLL % 2] + (done + k) * sizeof(float));
            UNROLL_FULLY
            for (size_t u = 0; u < UNROLL; u++)
                add_product(sums, x, k + u, weights + u * lanes, rows, vectors);
        }
        for (; k < count; k++, weights += lanes)
            add_product(sums, x, k, weights, rows, vectors);
        left -= count;
        done += count;
        begin = 0;
        tap++;
    }
}

/* Adds bias and residual, and stores; activations that take more than an instruction come later. */
static ALWAYS_INLINE TARGET_AVX2 void finish(const __m256 *sums, const struct job *job, size_t row,
                                             size_t rows, size_t vectors)
{
    const gemm_call *call = job->call;

    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++) {
        UNROLL_FULLY
        for (size_t v = 0; v < vectors; v++) {
            if (8 * v >= job->outputs)
                continue;
            size_t left = job->outputs - 8 * v, column = job->output + 8 * v;
            __m256 sum = _mm256_add_ps(sums[r * vectors + v], _mm256_load_ps(job->bias + 8 * v));
            if (call->residual) {
                const float *at = call->residual + (row + r) * call->residual_stride + column;
                sum = _mm256_add_ps(sum, load_lanes(at, left));
            }
            if (call->activation == ACTIVATION_RELU)
                sum = relu_of(sum);
            store_lanes(call->out + (row + r) * call->out_stride + column, left, sum);
        }
    }
}

static ALWAYS_INLINE TARGET_AVX2 void tile(const struct job *job, size_t row, size_t rows,
                                           size_t vectors)
{
    __m256 sums[MAX_SUMS];
    float *resting = job->sums + (row - job->first_row) * 8 * vectors;

    UNROLL_FULLY
    for (size_t s = 0; s < rows * vectors; s++)
        sums[s] = job->first_slice ? _mm256_setzero_ps() : _mm256_load_ps(resting + 8 * s);
    add_slice(sums, job, row, rows, vectors);
    if (job->last_slice) {
        finish(sums, job, row, rows, vectors);
        return;
    }
    UNROLL_FULLY
    for (size_t s = 0; s < rows * vectors; s++)
        _mm256_store_ps(resting + 8 * s, sums[s]);
}

typedef void tile_function(const struct job *job, size_t row);

#define DEFINE_TILE(rows, vectors)                                                                 \
    static TARGET_AVX2 void tile_##rows##x##vectors(const struct job *job, size_t row)             \
    {                                                                                              \
        tile(job, row, rows, vectors);                                                             \
    }

DEFINE_TILE(1, 2)
DEFINE_TILE(2, 2)
DEFINE_TILE(3, 2)
DEFINE_TILE(4, 2)
DEFINE_TILE(5, 2)
DEFINE_TILE(6, 2)
DEFINE_TILE(1, 1)
DEFINE_TILE(2, 1)
DEFINE_TILE(3, 1)
DEFINE_TILE(4, 1)
DEFINE_TILE(5, 1)
DEFINE_TILE(6, 1)
DEFINE_TILE(7, 1)
DEFINE_TILE(8, 1)
DEFINE_TILE(9, 1)
DEFINE_TILE(10, 1)
DEFINE_TILE(11, 1)
DEFINE_TILE(12, 1)

static tile_function *const wide_tiles[] = {NULL,     tile_1x2, tile_2x2, tile_3x2,
                                            tile_4x2, tile_5x2, tile_6x2};
static tile_function *const narrow_tiles[] = {
    NULL,     tile_1x1, tile_2x1, tile_3x1, tile_4x1,  tile_5x1, tile_6x1,
    tile_7x1, tile_8x1, tile_9x1, tile_10x1, tile_11x1, tile_12x1};

/* Rows of the next tile: the most, but no small rest: two middling tiles are faster than those. */
static size_t rows_of_tile(size_t left, size_t most)
{
    if (left >= 2 * most)
        return most;
    return left > most ? (left + 1) / 2 : left;
}

/* The curved activations, while the tile is still in the cache nearest to the core. */
static void activate_tile(const struct job *job, size_t row, size_t rows)
{
    const gemm_call *call = job->call;
    for (size_t r = row; r < row + rows; r++)
        avx2_activate(call->out + r * call->out_stride + job->output, job->outputs,
                      call->activation);
}

/* Where the tiles of a slice fetch ahead: tile after tile, two rows of weights that come next. */
static void look_ahead(struct job *job, size_t tile_index, size_t panel_end)
{
    const gemm_call *call = job->call;
    size_t number_size = call->weight_type == NUMBER_F16 ? sizeof(uint16_t) : sizeof(float);
    (void)number_size;
    (void)panel_end;
    const char *base = (const char *)job->weights;
    job->next_weights[0] = job->next_weights[1] = base;
    if (call->weights_transposed || call->weight_type == NUMBER_F16 || tile_index >= PANEL / 2)
        return;
    size_t output = job->output, input = job->slice_begin + job->slice_size;
    if (job->last_slice) {
        output += PANEL;
        input = 0;
    }
    output += 2 * tile_index;
    if (output + 1 >= call->outputs)
        return;
    base = (const char *)call->weights + (output * call->weight_stride + input) * number_size;
    job->next_weights[0] = base;
    job->next_weights[1] = base + call->weight_stride * number_size;
}

static void compute_panel(struct job *job, float *packed, size_t rows)
{
    const gemm_call *call = job->call;
    const size_t depth = call->taps * call->inputs;
    const bool narrow = job->outputs <= 8;
    const bool curved =
        call->activation == ACTIVATION_QUICK_GELU || call->activation == ACTIVATION_GELU;

    for (size_t j = 0; j < PANEL; j++)
        job->bias[j] = call->bias && j < job->outputs ? call->bias[job->output + j] : 0;

    size_t slices = (depth + SLICE - 1) / SLICE;
    for (size_t s = 0; s < slices; s++) {
        job->slice_begin = depth * s / slices;
        job->slice_size = depth * (s + 1) / slices - job->slice_begin;
        job->first_slice = s == 0;
        job->last_slice = s == slices - 1;
        avx2_pack_weights(packed, narrow ? 8 : PANEL, call, job->output, job->outputs,
                          job->slice_begin, job->slice_size);
        for (size_t row = 0, index = 0; row < rows; index++) {
            size_t count = rows_of_tile(rows - row, narrow ? 12 : 6);
            look_ahead(job, index, 0);
            (narrow ? narrow_tiles : wide_tiles)[count](job, job->first_row + row);
            if (job->last_slice && curved)
                activate_tile(job, job->first_row + row, count);
            row += count;
        }
    }
}

size_t avx2_gemm_scratch(size_t taps, size_t inputs, size_t outputs)
{
    (void)outputs;
    size_t depth = taps * inputs;
    return (depth < SLICE ? depth : SLICE) * PANEL + ROW_BLOCK * PANEL + PANEL;
}

void avx2_gemm(const gemm_call *call, float *scratch)
{
    float *sums = scratch + PANEL, *packed = sums + ROW_BLOCK * PANEL;
    struct job job = {.call = call, .weights = packed, .sums = sums, .bias = scratch};

    size_t blocks = (call->rows + ROW_BLOCK - 1) / ROW_BLOCK;
    for (size_t b = 0; b < blocks; b++) {
        job.first_row = call->rows * b / blocks;
        size_t rows = call->rows * (b + 1) / blocks - job.first_row;
        for (job.output = 0; job.output < call->outputs; job.output += PANEL) {
            size_t left = call->outputs - job.output;
            job.outputs = left < PANEL ? left : PANEL;
            compute_panel(&job, packed, rows);
        }
    }
}

#else

typedef int gemm_avx2_is_for_x86;

#endif
