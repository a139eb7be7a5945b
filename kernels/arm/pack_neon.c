/*
 * pack_neon.c - weights of a few outputs, turned so that those of one input lie side by side.
 */
#include "compiler.h"

#if QUALICLIP_AARCH64

#include "arm/neon.h"
#include "arm/pack_neon.h"
#include "arm/vector_neon.h"

/* Inputs: what is written of the panel meanwhile, 8 KiB, stays in the cache nearest to the core. */
#define CHUNK 128

/* v's pair of lanes 0 and 1, or 2 and 3, before w's. */
static ALWAYS_INLINE float32x4_t low_pairs(float32x4_t v, float32x4_t w)
{
    return vreinterpretq_f32_f64(vtrn1q_f64(vreinterpretq_f64_f32(v), vreinterpretq_f64_f32(w)));
}

static ALWAYS_INLINE float32x4_t high_pairs(float32x4_t v, float32x4_t w)
{
    return vreinterpretq_f32_f64(vtrn2q_f64(vreinterpretq_f64_f32(v), vreinterpretq_f64_f32(w)));
}

/* Four inputs of four outputs, of which output j begins at rows[j]: a 4x4 transpose. */
static ALWAYS_INLINE void turn_4x4(float *panel, size_t lanes, const void *data, number_type type,
                                   const size_t *rows)
{
    float32x4_t a = load_numbers(data, type, rows[0]), b = load_numbers(data, type, rows[1]);
    float32x4_t c = load_numbers(data, type, rows[2]), d = load_numbers(data, type, rows[3]);
    float32x4_t ab_even = vtrn1q_f32(a, b), ab_odd = vtrn2q_f32(a, b);
    float32x4_t cd_even = vtrn1q_f32(c, d), cd_odd = vtrn2q_f32(c, d);
    vst1q_f32(panel, low_pairs(ab_even, cd_even));
    vst1q_f32(panel + lanes, low_pairs(ab_odd, cd_odd));
    vst1q_f32(panel + 2 * lanes, high_pairs(ab_even, cd_even));
    vst1q_f32(panel + 3 * lanes, high_pairs(ab_odd, cd_odd));
}

/*
 * `count` inputs of four outputs from number `first` on.  Missing outputs are stood in for by the
 * last.
 */
static ALWAYS_INLINE void pack_four(float *panel, size_t lanes, const gemm_call *call,
                                    number_type type, size_t first, size_t outputs, size_t count)
{
    size_t rows[4], i = 0;

    for (size_t j = 0; j < 4; j++)
        rows[j] = first + (j < outputs ? j : outputs - 1) * call->weight_stride;
    for (; i + 4 <= count; i += 4) {
        turn_4x4(panel + i * lanes, lanes, call->weights, type, rows);
        for (size_t j = 0; j < 4; j++)
            rows[j] += 4;
    }
    for (; i < count; i++)
        for (size_t j = 0; j < 4; j++)
            panel[i * lanes + j] = load_number(call->weights, type, rows[j]++);
}

/* Outputs are rows of the matrix, read four at a time, CHUNK inputs of each. */
static ALWAYS_INLINE void pack_rows(float *panel, size_t lanes, const gemm_call *call,
                                    number_type type, size_t output, size_t outputs, size_t inputs)
{
    for (size_t i = 0; i < inputs; i += CHUNK) {
        size_t count = inputs - i < CHUNK ? inputs - i : CHUNK;
        for (size_t group = 0; group < lanes; group += 4) {
            /* A group that has no output at all repeats the last one four times. */
            size_t present = group < outputs ? group : outputs - 1;
            size_t first = (output + present) * call->weight_stride + i;
            pack_four(panel + i * lanes + group, lanes, call, type, first, outputs - present,
                      count);
        }
    }
}

/* Outputs are columns of the matrix: they lie side by side already. */
static ALWAYS_INLINE void pack_columns(float *panel, size_t lanes, const gemm_call *call,
                                       number_type type, size_t output, size_t outputs,
                                       size_t inputs)
{
    for (size_t i = 0; i < inputs; i++, panel += lanes) {
        size_t row = i * call->weight_stride + output, j = 0;
        for (; j + 4 <= outputs; j += 4)
            vst1q_f32(panel + j, load_numbers(call->weights, type, row + j));
        for (; j < lanes; j++)
            panel[j] = j < outputs ? load_number(call->weights, type, row + j) : 0;
    }
}

static ALWAYS_INLINE void pack(float *panel, size_t lanes, const gemm_call *call, number_type type,
                               size_t output, size_t outputs, size_t inputs)
{
    if (call->weights_transposed)
        pack_columns(panel, lanes, call, type, output, outputs, inputs);
    else
        pack_rows(panel, lanes, call, type, output, outputs, inputs);
}

void neon_pack_weights(float *panel, size_t lanes, const gemm_call *call, size_t output,
                       size_t outputs, size_t inputs)
{
    switch (call->weight_type) { /* known when compiled: one loop for each */
    case NUMBER_F32: pack(panel, lanes, call, NUMBER_F32, output, outputs, inputs); break;
    case NUMBER_F16: pack(panel, lanes, call, NUMBER_F16, output, outputs, inputs); break;
    case NUMBER_BF16: pack(panel, lanes, call, NUMBER_BF16, output, outputs, inputs); break;
    case NUMBER_I8: break; /* never unpacked */
    }
}

/* A pair of bf16 for each of four outputs: both inputs' numbers. */
static ALWAYS_INLINE void widen_pairs(float *first, float *second, const void *pairs)
{
    const uint32x4_t four = vld1q_u32(pairs);
    vst1q_f32(first, vreinterpretq_f32_u32(vshlq_n_u32(four, 16)));
    if (second)
        vst1q_f32(second, vreinterpretq_f32_u32(vandq_u32(four, vdupq_n_u32(0xffff0000))));
}

void neon_widen_panel(float *panel, size_t lanes, const void *packed, number_type type, size_t taps,
                      size_t inputs)
{
    const char *weights = packed;
    const size_t group = group_inputs(type),
                 group_bytes = PANEL_OUTPUTS * group * number_size(type);
    for (size_t t = 0; t < taps; t++)
        for (size_t i = 0; i < inputs; i += group, weights += group_bytes) {
            const bool whole = i + group <= inputs;
            for (size_t j = 0; j < lanes; j += 4)
                if (type == NUMBER_BF16)
                    widen_pairs(panel + j, whole ? panel + lanes + j : NULL, weights + 4 * j);
                else
                    vst1q_f32(panel + j, load_numbers(weights, type, j));
            panel += whole ? group * lanes : lanes;
        }
}

#else

typedef int pack_neon_is_for_aarch64;

#endif
