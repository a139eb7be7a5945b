/*
 * attention_avx512.c - attention of up to 32 queries a tile.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx512.h"
#include "x86/vector_avx512.h"

#define TILE_TARGET TARGET_AVX512
#define VECTOR      __m512
#define LANES       16
#define TILE_ROWS   12
#define PAIRS       1

#define vector_load(memory)          _mm512_loadu_ps(memory)
#define vector_store(memory, v)      _mm512_storeu_ps(memory, v)
#define vector_spread(memory)        _mm512_set1_ps(*(memory))
#define vector_set(number)           _mm512_set1_ps(number)
#define vector_add(a, b)             _mm512_add_ps(a, b)
#define vector_subtract(a, b)        _mm512_sub_ps(a, b)
#define vector_multiply(a, b)        _mm512_mul_ps(a, b)
#define vector_divide(a, b)          _mm512_div_ps(a, b)
#define vector_multiply_add(a, b, c) _mm512_fmadd_ps(a, b, c)
#define vector_max(a, b)             _mm512_max_ps(a, b)
#define vector_exp(x)                exp_of_16(x)
#define vector_pairs(a, b)           (a)

#include "x86/attention_tiles.h"

size_t avx512_attention_scratch(size_t queries, size_t tokens, size_t size)
{
    (void)tokens;
    return scratch_floats(queries, size);
}

void avx512_attention(const attention_call *call, float *scratch)
{
    attend(call, scratch);
}

#else

typedef int attention_avx512_is_for_x86;

#endif
