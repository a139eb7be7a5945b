/*
 * attention_avx512bf16.c - attention of rounded numbers: two products in an instruction, of
 * neighbouring channels for scores, of neighbouring tokens for sums of values.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx512.h"
#include "x86/vector_avx512.h"

#define TILE_TARGET TARGET_AVX512BF16
#define VECTOR      __m512
#define LANES       16
#define TILE_ROWS   12
#define PAIRS       2

static ALWAYS_INLINE TILE_TARGET __m512 dot_pairs(__m512 a, __m512 b, __m512 sum)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_castps_si512(a),
                            (__m512bh)_mm512_castps_si512(b));
}

/* The numbers of a, then those of b. */
static ALWAYS_INLINE TILE_TARGET __m512 neighbours(__m512 a, __m512 b)
{
    return _mm512_castsi512_ps((__m512i)_mm512_cvtne2ps_pbh(b, a));
}

static ALWAYS_INLINE TILE_TARGET __m512 side_by_side(__m512 a, __m512 b)
{
    const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(a));
    const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(b));
    return _mm512_castsi512_ps(_mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}

#define vector_load(memory)              _mm512_loadu_ps(memory)
#define vector_load_first(memory, count) _mm512_maskz_loadu_ps(first_lanes_of_16(count), memory)
#define vector_store(memory, v)          _mm512_storeu_ps(memory, v)
#define vector_spread(memory)            _mm512_set1_ps(*(memory))
#define vector_set(number)               _mm512_set1_ps(number)
#define vector_add(a, b)                 _mm512_add_ps(a, b)
#define vector_subtract(a, b)            _mm512_sub_ps(a, b)
#define vector_multiply(a, b)            _mm512_mul_ps(a, b)
#define vector_divide(a, b)              _mm512_div_ps(a, b)
#define vector_multiply_add(a, b, c)     dot_pairs(a, b, c)
#define vector_max(a, b)                 _mm512_max_ps(a, b)
#define vector_exp(x)                    exp_of_16(x)
#define vector_pairs(a, b)               side_by_side(a, b)
#define vector_neighbours(a, b)          neighbours(a, b)

#include "x86/attention_tiles.h"

size_t avx512bf16_attention_scratch(size_t queries, size_t tokens, size_t size)
{
    (void)tokens;
    return scratch_floats(queries, size);
}

void avx512bf16_attention_rounded(const attention_call *call, float *scratch)
{
    attend(call, scratch);
}

#else

typedef int attention_avx512bf16_is_for_x86;

#endif
