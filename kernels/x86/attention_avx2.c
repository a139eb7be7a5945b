/*
 * attention_avx2.c - attention of up to 16 queries a tile.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx2.h"
#include "x86/vector_avx2.h"

#define TILE_TARGET TARGET_AVX2
#define VECTOR      __m256
#define LANES       8
#define TILE_ROWS   6
#define PAIRS       1

#define vector_load(memory)          _mm256_loadu_ps(memory)
#define vector_store(memory, v)      _mm256_storeu_ps(memory, v)
#define vector_spread(memory)        _mm256_broadcast_ss(memory)
#define vector_set(number)           _mm256_set1_ps(number)
#define vector_add(a, b)             _mm256_add_ps(a, b)
#define vector_subtract(a, b)        _mm256_sub_ps(a, b)
#define vector_multiply(a, b)        _mm256_mul_ps(a, b)
#define vector_divide(a, b)          _mm256_div_ps(a, b)
#define vector_multiply_add(a, b, c) _mm256_fmadd_ps(a, b, c)
#define vector_max(a, b)             _mm256_max_ps(a, b)
#define vector_exp(x)                exp_of(x)
#define vector_pairs(a, b)           (a)

#include "x86/attention_tiles.h"

size_t avx2_attention_scratch(size_t queries, size_t tokens, size_t size)
{
    (void)tokens;
    return scratch_floats(queries, size);
}

void avx2_attention(const attention_call *call, float *scratch)
{
    attend(call, scratch);
}

#else

typedef int attention_avx2_is_for_x86;

#endif
