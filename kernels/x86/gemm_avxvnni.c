/*
 * gemm_avxvnni.c - matrix products of whole numbers by dot products of bytes in vectors of 32
 * (AVX-VNNI: CPUs that have these and not AVX-512).
 *
 * The instruction multiplies unsigned bytes with signed ones.  So a row's numbers are kept 128
 * larger than they are, and sums begin at -128 times the sum of the weights.
 *
 * AVX512_VNNI with AVX512_VL has the same instruction in another encoding.  Where AVXVNNI_AS_AVX512
 * is defined, this file is made of that: the tests do so on CPUs that have no AVX-VNNI.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "reference/reference.h"
#include "x86/avx2.h"
#include "x86/avxvnni.h"

#include <immintrin.h>

#if defined(AVXVNNI_AS_AVX512)
#define TILE_TARGET TARGET_AVX512VNNI
#define DOT_PRODUCT _mm256_dpbusd_epi32
#else
#define TILE_TARGET TARGET_AVXVNNI
#define DOT_PRODUCT _mm256_dpbusd_avx_epi32
#endif
#define TILE_GROUP_BYTES 4

static ALWAYS_INLINE TILE_TARGET __m256i tile_start(const struct panel_i8 *weights, size_t vector)
{
    const __m256i sums = _mm256_loadu_si256((const __m256i *)(weights->sums + 8 * vector));
    return _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_slli_epi32(sums, 7));
}

static ALWAYS_INLINE TILE_TARGET void tile_multiply(__m256i *sums, const char *x, size_t x_stride,
                                                    const char *weights, size_t rows)
{
    __m256i w0 = _mm256_load_si256((const __m256i *)weights);
    __m256i w1 = _mm256_load_si256((const __m256i *)weights + 1);
    KEEP_IN_REGISTER(w0);
    KEEP_IN_REGISTER(w1);
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++) {
        const __m256i value = _mm256_set1_epi32(*(const int32_t *)(x + r * x_stride));
        sums[2 * r] = DOT_PRODUCT(sums[2 * r], value, w0);
        sums[2 * r + 1] = DOT_PRODUCT(sums[2 * r + 1], value, w1);
    }
}

#include "x86/tiles_i8_avx2.h"

#define ROW_BLOCK 240

void avxvnni_gemm(const gemm_call *call, float *scratch)
{
    if (call->weight_type != NUMBER_I8) {
        avx2_gemm(call, scratch);
        return;
    }
    const size_t stride = rounded_bytes(NUMBER_I8, call->inputs);
    const char *numbers = (const char *)call->rounded + sizeof(struct rounded_row);
    const size_t blocks = (call->rows + ROW_BLOCK - 1) / ROW_BLOCK;
    for (size_t b = 0; b < blocks; b++) {
        const size_t first = call->rows * b / blocks, end = call->rows * (b + 1) / blocks;
        compute_block(call, numbers + first * stride, stride, first, end - first);
    }
}

void avxvnni_round_rows(void *rounded, const float *in, size_t in_stride, size_t rows,
                        size_t columns, number_type type)
{
    if (type != NUMBER_I8) {
        reference_round_rows(rounded, in, in_stride, rows, columns, type);
        return;
    }
    for (size_t m = 0; m < rows; m++)
        avx2_round_row((void *)((char *)rounded + m * rounded_bytes(type, columns)),
                       in + m * in_stride, columns, -128);
}

#else

typedef int gemm_avxvnni_is_for_x86;

#endif
