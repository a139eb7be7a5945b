/*
 * winograd_avx2.c - Winograd's transforms, eight channels at a time.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx2.h"
#include "x86/vector_avx2.h"

#define WINOGRAD_TARGET              TARGET_AVX2
#define WINOGRAD_VECTOR              __m256
#define WINOGRAD_LANES               8
#define vector_load(x, count)        load_lanes(x, count)
#define vector_store(x, count, v)    store_lanes(x, count, v)
#define vector_spread(x)             _mm256_set1_ps(x)
#define vector_add(a, b)             _mm256_add_ps(a, b)
#define vector_subtract(a, b)        _mm256_sub_ps(a, b)
#define vector_multiply(a, b)        _mm256_mul_ps(a, b)
#define vector_multiply_add(a, b, c) _mm256_fmadd_ps(a, b, c)
#define vector_relu(v)               relu_of(v)

#include "winograd_transforms.h"

TARGET_AVX2 void avx2_winograd_input(float *out, const float *const *pixels,
                                     const winograd_tiles *tiles)
{
    if (tiles->side == 2)
        input_tiles(out, pixels, tiles, 2);
    else
        input_tiles(out, pixels, tiles, 4);
}

TARGET_AVX2 void avx2_winograd_output(float *const *pixels, const float *in,
                                      const winograd_tiles *tiles, const float *bias, bool pools)
{
    if (pools)
        output_pooled(pixels, in, tiles, bias);
    else
        output_plain(pixels, in, tiles, bias);
}

#else

typedef int winograd_avx2_is_for_x86;

#endif
