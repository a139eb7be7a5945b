/*
 * interleave_avx2.h - 32 pixels of three planes as bytes R, G, B.
 */
#ifndef QUALICLIP_X86_INTERLEAVE_AVX2_H
#define QUALICLIP_X86_INTERLEAVE_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#include "compiler.h"

/*
 * In each half, 16 pixels become three vectors of 16 bytes.  Of a channel each of the three has
 * every third byte, at other places: so a channel is shuffled once, and the vectors are blended.
 */
static ALWAYS_INLINE TARGET_AVX2 void store_rgb(uint8_t *rgb, __m256i red, __m256i green,
                                                __m256i blue)
{
#define HALVES(...) _mm256_broadcastsi128_si256(_mm_setr_epi8(__VA_ARGS__))
    const __m256i red_places = HALVES(0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10, 5);
    const __m256i green_places = HALVES(5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10);
    const __m256i blue_places = HALVES(10, 5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15);
    const __m256i second = HALVES(0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0);
    const __m256i third = HALVES(0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0);
#undef HALVES
    const __m256i r = _mm256_shuffle_epi8(red, red_places);
    const __m256i g = _mm256_shuffle_epi8(green, green_places);
    const __m256i b = _mm256_shuffle_epi8(blue, blue_places);
    const __m256i vectors[3] = {
        _mm256_blendv_epi8(_mm256_blendv_epi8(r, g, second), b, third),
        _mm256_blendv_epi8(_mm256_blendv_epi8(g, b, second), r, third),
        _mm256_blendv_epi8(_mm256_blendv_epi8(b, r, second), g, third),
    };
    UNROLL_FULLY
    for (int i = 0; i < 3; i++) {
        _mm_storeu_si128((__m128i *)(rgb + 16 * i), _mm256_castsi256_si128(vectors[i]));
        _mm_storeu_si128((__m128i *)(rgb + 48 + 16 * i), _mm256_extracti128_si256(vectors[i], 1));
    }
}

#endif
