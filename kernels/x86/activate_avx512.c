/*
 * activate_avx512.c - activations, sixteen floats at a time, with AVX2's bits.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx512.h"
#include "x86/vector_avx512.h"

static ALWAYS_INLINE TARGET_AVX512 void activate_as(float *x, size_t count, activation kind)
{
    for (size_t i = 0; i < count; i += 16) {
        const __mmask16 lanes = first_lanes_of_16(count - i);
        const __m512 v = _mm512_maskz_loadu_ps(lanes, x + i);
        _mm512_mask_storeu_ps(x + i, lanes, activation_of_16(v, kind));
    }
}

TARGET_AVX512 void avx512_activate(float *x, size_t count, activation kind)
{
    switch (kind) {
    case ACTIVATION_NONE: break;
    case ACTIVATION_RELU: activate_as(x, count, ACTIVATION_RELU); break;
    case ACTIVATION_QUICK_GELU: activate_as(x, count, ACTIVATION_QUICK_GELU); break;
    case ACTIVATION_GELU: activate_as(x, count, ACTIVATION_GELU); break;
    }
}

#else

typedef int activate_avx512_is_for_x86;

#endif
