/*
 * kernels.h - numbers in, numbers out.
 *
 * A kernel knows nothing of models, images or files; it allocates nothing and calls no thread.
 * What each means is written in plain C under reference/; a faster variant may differ from it by
 * rounding only, within the bound that its check in test/kernels/ states.
 *
 * Bits: in every set but those on OpenBLAS, an output of gemm depends on its own row of inputs and
 * its own row of weights alone: the products are added in ascending order of the input index, each
 * output in one chain.  It does not matter how many rows or outputs are computed in one call.  The
 * same holds, row by row, for all other kernels.  On OpenBLAS the bits may depend on the shape of
 * the call, so callers must keep the shape fixed (`fixed_shape` tells them).
 */
#ifndef QUALICLIP_KERNELS_H
#define QUALICLIP_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How numbers are stored.  Arithmetic is f32, each being widened exactly, unless a call brings
 * rounded rows: see round_rows().
 */
typedef enum number_type {
    NUMBER_F32 = 0,
    NUMBER_F16 = 1,
    NUMBER_BF16 = 2, /* the upper half of an f32 */
    NUMBER_I8 = 3    /* packed weights only: whole numbers from -127 to 127, and scales */
} number_type;

#define NUMBER_TYPES 3 /* that mean a number each by themselves: not I8 */

/* Bytes of a number. */
static inline size_t number_size(number_type type)
{
    return type == NUMBER_F32 ? sizeof(float) : type == NUMBER_I8 ? 1 : sizeof(uint16_t);
}

/*
 * Packed weights: panels of PANEL_OUTPUTS outputs, in each panel one input after the other, of each
 * input the weights of those outputs side by side.  The last panel is filled up with zeros.
 * Numbers keep their type.  Narrow ones lie in groups, each 64 bytes long: of bf16 two inputs, of
 * I8 four, all of them for the first output, then for the second, ...; each tap's inputs, if they
 * do not fill their last group, are filled up with zeros.  (f16 lie as f32 do: one input after the
 * other, 32 bytes each.)
 */
#define PANEL_OUTPUTS 16

/* Inputs in a group: 1, 2 (bf16) or 4 (I8). */
static inline size_t group_inputs(number_type type)
{
    return type == NUMBER_BF16 ? 2 : type == NUMBER_I8 ? 4 : 1;
}

/*
 * A panel of I8, which has one tap: weight(n)[k] is scales[n] * groups[k / 4][n][k % 4], and
 * sums[n] is the sum of output n's whole numbers.
 */
struct panel_i8 {
    float scales[PANEL_OUTPUTS];
    int32_t sums[PANEL_OUTPUTS];
    int8_t groups[][PANEL_OUTPUTS][4];
};

/* Bytes of a panel: a multiple of 32, and but for f16 of 64. */
size_t panel_bytes(number_type type, size_t taps, size_t inputs);

/* Bytes of all panels of `outputs` outputs. */
size_t packed_bytes(number_type type, size_t taps, size_t inputs, size_t outputs);

/*
 * Packs a matrix whose output n begins at element n * taps * inputs; both aligned to their
 * elements.  Not for I8: see quantise_weights().
 */
void pack_weights(void *packed, const void *weights, number_type type, size_t outputs, size_t taps,
                  size_t inputs);

/* The same with one tap, of a matrix whose weight(n)[i] is element i * stride + n. */
void pack_transposed_weights(void *packed, const void *weights, number_type type, size_t outputs,
                             size_t inputs, size_t stride);

/*
 * Packs a matrix of `outputs` rows of `inputs` floats as I8: each output by its own scale, its
 * largest magnitude becoming 127.  A row of zeros has scale 0.
 */
void quantise_weights(struct panel_i8 *packed, const float *weights, size_t outputs, size_t inputs);

/* Packs whole numbers, a scale for each output. */
void pack_whole_weights(struct panel_i8 *packed, const int8_t *weights, const float *scales,
                        size_t outputs, size_t inputs);

/*
 * Packs a matrix of `outputs` rows of `inputs` floats as bf16: each number becomes the nearest,
 * ties to even; those beyond the largest become it.
 */
void round_weights(void *packed, const float *weights, size_t outputs, size_t inputs);

/*
 * Rows of x rounded to what is multiplied with weights of `type`, by the round_rows() of a set, for
 * the gemm() of the same set alone: how the numbers lie is its own affair.  What they mean is not:
 *
 * bf16: each number rounded to the nearest, ties to even.
 *
 * I8: of the row's least and largest number, range = largest - least, middle = least + range / 2,
 * scale = range / 254; each x becomes the whole number nearest to (x - middle) * (127 / (range /
 * 2)), ties to even, at most 127 in magnitude; and where the range is below ROUNDING_LEAST_RANGE,
 * scale and whole numbers are 0.
 */
#define ROUNDING_LEAST_RANGE 1e-30f

/* Bytes from one rounded row to the next: cache lines, an odd number of them. */
static inline size_t rounded_bytes(number_type type, size_t inputs)
{
    const size_t header = type == NUMBER_I8 ? 64 : 0;
    return ((header + inputs * number_size(type) + 63) / 64 | 1) * 64;
}

typedef enum activation {
    ACTIVATION_NONE = 0,
    ACTIVATION_RELU = 1,
    ACTIVATION_QUICK_GELU = 2, /* x * sigmoid(1.702 x) */
    ACTIVATION_GELU = 3        /* x * (1 + erf(x / sqrt 2)) / 2 */
} activation;

/*
 * out[m][n] = activation(sum + bias[n] + residual[m][n]),
 * sum = over t < taps, k < inputs: x(m, t)[k] * weight(n)[t * inputs + k].
 *
 * With taps = 1 this is a matrix product with a transposed right side, X (rows x inputs) times
 * weights (outputs x inputs); with taps = 9 and pointers to the nine neighbours of each pixel it is
 * a 3x3 convolution over channels-last images (an implicit GEMM: nothing is copied, and padding is
 * a pointer to zeros).
 */
typedef struct gemm_call {
    size_t rows, outputs, taps, inputs;

    /* x(m, t) = x_rows[m * taps + t], or where x_rows is NULL (taps = 1 only) x + m * x_stride. */
    const float *const *x_rows;
    const float *x;
    size_t x_stride;

    /*
     * weight(n)[i] is element n * weight_stride + i of `weights`; or, where weights_transposed,
     * element i * weight_stride + n.  Strides in elements.  Any alignment of the element's size.
     */
    const void *weights;
    number_type weight_type;
    size_t weight_stride;
    bool weights_transposed;

    /*
     * The same weights as pack_weights() lays them out, aligned to 64 bytes, or NULL.  Sets that
     * want them (`packs`) then do not look at `weights`; others look at `packed` only where
     * `weights` is NULL.  The bits of the outputs are the same.  A call for some of the outputs
     * begins at a whole panel.  Weights of I8 are always packed, for every set.
     */
    const void *packed;

    /*
     * NULL, or the same rows as this set's round_rows() wrote them for the weights' type, one every
     * rounded_bytes(), aligned to 64 bytes; then x and x_rows are not looked at, taps = 1 and
     * weights are packed.  For I8 always; for bf16 only with sets that `multiplies_bf16`.
     *
     * I8: sum = c * (scale of row * scale of output) + middle of row * (scale of output * sum of
     * output), c the sum of products of whole numbers; each * rounded, the last + fused.  So but
     * for the curved activations all sets give the same bits.
     * bf16: sum of products of pairs of bf16, added to f32 in ascending order; how a pair is
     * rounded is the CPU's affair.
     */
    const void *rounded;

    /*
     * Memory that will be read next, such as another call's packed weights, or NULL: a set may
     * fetch it while the last of its own are multiplied.
     */
    const void *ahead;
    size_t ahead_bytes;

    const float *bias;     /* outputs floats, or NULL */
    const float *residual; /* rows of `outputs` floats at residual_stride, or NULL; may be `out` */
    size_t residual_stride;
    activation activation;

    float *out; /* rows of `outputs` floats at out_stride; never overlaps x */
    size_t out_stride;
} gemm_call;

/*
 * Packed weights of a call as floats: weight(first + j)[i] for j < count becomes
 * out[i * input_step + j * output_step], i counting the inputs of all taps.
 */
void unpack_weights(float *out, size_t input_step, size_t output_step, const gemm_call *call,
                    size_t first, size_t count,
                    void (*widen)(float *, const void *, number_type, size_t));

/*
 * What of panels with one tap, whoever made them, cannot be, or NULL: scales, what fills up groups,
 * and where `thorough` the sums.
 */
const char *panels_fault(const void *packed, number_type type, size_t outputs, size_t inputs,
                         bool thorough);

/*
 * Attention of `queries` tokens over `tokens` tokens, one head of `size` channels:
 * out_i = sum over j of softmax_j(scale * q_i . k_j) v_j.
 * Row i of q is q + i * stride, of k and v likewise; row i of out is out + i * out_stride.
 */
typedef struct attention_call {
    const float *q, *k, *v;
    size_t queries, tokens, size, stride;
    float scale;
    float *out;
    size_t out_stride;
} attention_call;

/*
 * Winograd's 3x3 convolutions with stride 1, F(side x side, 3x3): of a tile of side x side pixels,
 * which (side + 2)^2 pixels of the input make, each channel is transformed into as many points;
 * for each point, the tiles are multiplied with transformed weights as in any matrix product; and
 * of the products' points each output is transformed back into a tile.  That takes 16 products for
 * 4 pixels (side 2) or 36 for 16 (side 4), instead of 9 for each.
 *
 * The transforms multiply by powers of two alone, so that all sets give the same bits.
 */
#define WINOGRAD_MOST_SIDE   4
#define WINOGRAD_MOST_POINTS 36

static inline size_t winograd_points(size_t side)
{
    return (side + 2) * (side + 2);
}

/*
 * Transformed weights, f32: for each block of WINOGRAD_OUTPUTS outputs, the last one smaller, for
 * each point a packed matrix of these outputs.
 */
#define WINOGRAD_OUTPUTS (4 * PANEL_OUTPUTS)

size_t winograd_weights_bytes(size_t side, size_t inputs, size_t outputs);

/* `weights`: outputs x 9 * inputs floats, those of a pixel together, pixels row by row. */
void winograd_weights(float *transformed, const float *weights, size_t side, size_t outputs,
                      size_t inputs);

/*
 * Tiles of some channels, transformed: point p of channel c in tile t lies at
 * p * point_stride + t * tile_stride + c.
 */
typedef struct winograd_tiles {
    size_t side; /* 2 or 4 */
    size_t tiles, channels;
    size_t point_stride, tile_stride;
} winograd_tiles;

/*
 * What makes R, G and B of a luma y and two differences of colour b and r, all of them samples of
 * 8 bits or, in 16, of more:
 *
 *     R: red * (r - middle)    G: green_blue * (b - middle) + green_red * (r - middle)
 *     B: blue * (b - middle)
 *     (luma * min(y, most) + floor(that + offset / 2)) / divisor, rounded down, cut to 0 ... 255
 *
 * A step of luma is a fraction of small numbers, 255 / 219 = 85 / 73 for instance.  So whole
 * numbers tell a pixel exactly as soon as the floor is right, which is a matter of chroma alone.
 *
 * Factors of chroma are below 255 in magnitude, divisors below 2048.  Of bytes, 64 < divisor <= 90,
 * and what is divided stays, before luma is added and of luma alone, below 2^15 in magnitude. Words
 * of chroma are below 2^12, most and twice the factor of luma below 2^15, what is divided below
 * 2^22.
 */
typedef struct yuv_colours {
    int32_t luma, divisor, offset;
    uint16_t most, middle;
    int32_t red, blue;             /* in units of 2^-YUV_BITS */
    int64_t green_blue, green_red; /* in units of 2^-YUV_GREEN_BITS, as each sum has two of them */
} yuv_colours;

#define YUV_BITS       22
#define YUV_GREEN_BITS 37

/*
 * Where a row's samples are: the first of each, and bytes from one to the next.  Bytes lie in
 * planes (both steps 1), luma in one and the others in turns in another (1 and 2), or all in groups
 * of four bytes (2 and 4); words like the second.  But in three planes chroma is shared.
 */
typedef struct yuv_row {
    const uint8_t *luma, *blue, *red; /* blue and red NULL: grey */
    size_t luma_step, chroma_step;
    bool shared;       /* pixels 2 * i and 2 * i + 1 have sample i of chroma; else each its own */
    bool words;        /* of 16 bits, little-endian ... */
    uint16_t low_bits; /* ... of which so many at the lower end do not count */
} yuv_row;

typedef struct kernel_set {
    const char *name; /* as in --kernels */

    /* Whether the bits of gemm's outputs may change with its shape. */
    bool fixed_shape;

    /* Whether gemm is faster with packed weights. */
    bool packs;

    /* Whether gemm takes rounded rows for weights of bf16. */
    bool multiplies_bf16;

    /* Scratch: floats that the caller provides, aligned to 64 bytes, not shared between threads. */
    size_t (*gemm_scratch)(size_t taps, size_t inputs, size_t outputs);
    void (*gemm)(const gemm_call *call, float *scratch);

    /*
     * Into transformed tiles: pixel (y, x) of tile t, a row of channels, is at
     * pixels[t * (side + 2)^2 + y * (side + 2) + x].
     */
    void (*winograd_input)(float *out, const float *const *pixels, const winograd_tiles *tiles);

    /*
     * The products of all points for one block of outputs, `weights` being its own part, aligned to
     * 64 bytes.  out->channels are at most WINOGRAD_OUTPUTS; what is written of a tile are whole
     * panels, and there is room for them.  Each sum is one chain in ascending order, as in gemm.
     */
    void (*winograd_products)(float *out_data, const winograd_tiles *out, const float *in_data,
                              const winograd_tiles *in, const float *weights);

    /*
     * Out of them, + bias, ReLU: pixel (y, x) of tile t to pixels[t * side^2 + y * side + x]; or
     * where `pools`, the averages of 2x2 pixels each, as average_pool_row() adds them, to half as
     * many a side.
     */
    void (*winograd_output)(float *const *pixels, const float *in, const winograd_tiles *tiles,
                            const float *bias, bool pools);

    /* See rounded_bytes(): rows of `columns` finite floats, for weights of I8 or bf16. */
    void (*round_rows)(void *rounded, const float *in, size_t in_stride, size_t rows,
                       size_t columns, number_type type);

    size_t (*attention_scratch)(size_t queries, size_t tokens, size_t size); /* of both */
    void (*attention)(const attention_call *call, float *scratch);

    /*
     * NULL, or the same of numbers rounded to bf16, to the nearest, ties to even: queries, keys and
     * values, and of each exponential, of how far a score lies below the largest of its block of
     * tokens and those before, what is multiplied with values.  Products are added to f32.
     */
    void (*attention_rounded)(const attention_call *call, float *scratch);

    /* out = (in - mean) / sqrt(population variance + epsilon) * gain + bias, for each row. */
    void (*layernorm)(float *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
                      size_t columns, const float *gain, const float *bias, float epsilon);

    /*
     * x_j = exp(scale * (x_j - max)) / sum, in place, for each row; safe for any finite input.
     * scale > 0.
     */
    void (*softmax)(float *x, size_t stride, size_t rows, size_t columns, float scale);

    /* activation, in place */
    void (*activate)(float *x, size_t count, activation kind);

    /*
     * 2x2 average pooling, stride 2, of one row of outputs over channels-last images: out has
     * `columns` pixels of `channels`; top and bottom are the two input rows, 2 * columns pixels.
     */
    void (*average_pool_row)(float *out, const float *top, const float *bottom, size_t columns,
                             size_t channels);

    /* out[c] = mean over rows of x[r][c], added in ascending order of r. */
    void (*column_mean)(float *out, const float *x, size_t stride, size_t rows, size_t columns);

    /*
     * Rows of pixels as bytes R, G, B, R, ..., which do not overlap what is read.  All sets give
     * the same bytes.
     */
    void (*yuv_to_rgb)(uint8_t *rgb, const yuv_row *row, const yuv_colours *colours, size_t count);

    /* Of 5, 6 and 5 bits in 16, little-endian: each scaled to the nearest of 8 bits. */
    void (*rgb565_to_rgb)(uint8_t *rgb, const uint8_t *pixels, size_t count);

    /* Pixels of `step` bytes: 1, 3 or 4.  `bytes` tells where in them R, G and B are. */
    void (*bytes_to_rgb)(uint8_t *rgb, const uint8_t *pixels, size_t step, const uint8_t bytes[3],
                         size_t count);

    /* Whether all `count` numbers are finite. */
    bool (*all_finite)(const void *data, number_type type, size_t count);

    /* Any type to f32; data may have any alignment of the element's size. */
    void (*widen)(float *out, const void *data, number_type type, size_t count);
} kernel_set;

/*
 * The sets that this build and this CPU have (CPUID and XCR0), the default first; NULL beyond the
 * last.  Thread-safe, without locks.
 */
const kernel_set *kernel_set_at(size_t index);

/* The set of that name, or the default where name is NULL; NULL if there is none such here. */
const kernel_set *kernel_set_find(const char *name);

#endif
