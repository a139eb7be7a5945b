/*
 * gemm_i8_avx2.c - matrix products of whole numbers by the instruction that multiplies words of 16
 * bits and adds pairs of products: it cannot overflow.
 *
 * The one that multiplies bytes (VPMADDUBSW) adds pairs in 16 bits.  With 127 for every magnitude
 * they fit, but then signs have to be carried from weights to rows, and that takes more than the
 * words do: see docs/kernels.md.
 *
 * A vector of weights, four bytes for each of eight outputs, becomes words of its first and third
 * bytes and words of its second and fourth.  Rows are widened in that order beforehand, a block of
 * them into scratch.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx2.h"

#include <immintrin.h>

#define TILE_TARGET      TARGET_AVX2
#define TILE_GROUP_BYTES 8

static ALWAYS_INLINE TILE_TARGET __m256i tile_start(const struct panel_i8 *weights, size_t vector)
{
    (void)weights;
    (void)vector;
    return _mm256_setzero_si256();
}

/* Half a group: two of the four inputs. */
static ALWAYS_INLINE TILE_TARGET void multiply_words(__m256i *sums, const char *x, size_t x_stride,
                                                     __m256i w0, __m256i w1, size_t rows)
{
    KEEP_IN_REGISTER(w0);
    KEEP_IN_REGISTER(w1);
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++) {
        const __m256i value = _mm256_set1_epi32(*(const int32_t *)(x + r * x_stride));
        sums[2 * r] = _mm256_add_epi32(sums[2 * r], _mm256_madd_epi16(value, w0));
        sums[2 * r + 1] = _mm256_add_epi32(sums[2 * r + 1], _mm256_madd_epi16(value, w1));
        /* gcc else adds up products first, of so many rows that they do not fit into registers. */
        KEEP_IN_ORDER(sums[2 * r]);
        KEEP_IN_ORDER(sums[2 * r + 1]);
    }
}

static ALWAYS_INLINE TILE_TARGET void tile_multiply(__m256i *sums, const char *x, size_t x_stride,
                                                    const char *weights, size_t rows)
{
    const __m256i *w = (const __m256i *)weights;
    multiply_words(sums, x, x_stride,
                   _mm256_srai_epi16(_mm256_slli_epi16(_mm256_load_si256(w), 8), 8),
                   _mm256_srai_epi16(_mm256_slli_epi16(_mm256_load_si256(w + 1), 8), 8), rows);
    multiply_words(sums, x + 4, x_stride, _mm256_srai_epi16(_mm256_load_si256(w), 8),
                   _mm256_srai_epi16(_mm256_load_si256(w + 1), 8), rows);
}

#include "x86/tiles_i8_avx2.h"

#define ROW_BLOCK 60 /* its words, of 3072 inputs each, take a good half of a second cache */

/* From one widened row to the next: cache lines, an odd number of them. */
static size_t words_stride(size_t inputs)
{
    return ((inputs + 15) / 16 * 32 + 63) / 64 * 64 | 64;
}

size_t avx2_gemm_i8_scratch(size_t inputs)
{
    return ROW_BLOCK * words_stride(inputs) / sizeof(float);
}

/* Of each group of four, the first and the third, the second and the fourth. */
static TARGET_AVX2 void widen_row(char *words, const int8_t *numbers, size_t inputs)
{
    const __m256i order = _mm256_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15, 0,
                                           1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
    for (size_t i = 0; i < inputs; i += 16) {
        const __m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(numbers + i)));
        _mm256_storeu_si256((__m256i *)(words + 2 * i), _mm256_shuffle_epi8(wide, order));
    }
}

void avx2_gemm_i8(const gemm_call *call, float *scratch)
{
    const size_t stride = words_stride(call->inputs);
    const size_t row_bytes = rounded_bytes(NUMBER_I8, call->inputs);
    const size_t blocks = (call->rows + ROW_BLOCK - 1) / ROW_BLOCK;

    for (size_t b = 0; b < blocks; b++) {
        const size_t first = call->rows * b / blocks, end = call->rows * (b + 1) / blocks;
        for (size_t m = first; m < end; m++) {
            const struct rounded_row *row =
                (const void *)((const char *)call->rounded + m * row_bytes);
            widen_row((char *)scratch + (m - first) * stride, (const int8_t *)(row + 1),
                      call->inputs);
        }
        compute_block(call, (const char *)scratch, stride, first, end - first);
    }
}

#else

typedef int gemm_i8_avx2_is_for_x86;

#endif
