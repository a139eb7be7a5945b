/*
 * pixels_avx2.c - packed pixels as bytes R, G, B.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include <immintrin.h>

#include "reference/reference.h"
#include "x86/avx2.h"
#include "x86/interleave_avx2.h"

/* The nearest of 8 bits to x * 255 / 31 and x * 255 / 63, for all of 5 and 6 bits. */
static ALWAYS_INLINE TARGET_AVX2 __m256i of_five_bits(__m256i x)
{
    return _mm256_srli_epi16(
        _mm256_add_epi16(_mm256_mullo_epi16(x, _mm256_set1_epi16(527)), _mm256_set1_epi16(23)), 6);
}

static ALWAYS_INLINE TARGET_AVX2 __m256i of_six_bits(__m256i x)
{
    return _mm256_srli_epi16(
        _mm256_add_epi16(_mm256_mullo_epi16(x, _mm256_set1_epi16(259)), _mm256_set1_epi16(33)), 6);
}

TARGET_AVX2 void avx2_rgb565_to_rgb(uint8_t *rgb, const uint8_t *pixels, size_t count)
{
    const __m256i five = _mm256_set1_epi16(31), six = _mm256_set1_epi16(63);
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256i red[2], green[2], blue[2];
        for (int half = 0; half < 2; half++) { /* as yuv_avx2.c has them */
            const __m128i *from = (const __m128i *)(pixels + 2 * i) + half;
            const __m256i words = _mm256_inserti128_si256(
                _mm256_castsi128_si256(_mm_loadu_si128(from)), _mm_loadu_si128(from + 2), 1);
            red[half] = of_five_bits(_mm256_srli_epi16(words, 11));
            green[half] = of_six_bits(_mm256_and_si256(_mm256_srli_epi16(words, 5), six));
            blue[half] = of_five_bits(_mm256_and_si256(words, five));
        }
        store_rgb(rgb + 3 * i, _mm256_packus_epi16(red[0], red[1]),
                  _mm256_packus_epi16(green[0], green[1]), _mm256_packus_epi16(blue[0], blue[1]));
    }
    reference_rgb565_to_rgb(rgb + 3 * i, pixels + 2 * i, count - i);
}

/*
 * Four pixels at a time, read and written as 16 bytes: what is too much of the latter, the next
 * four overwrite.  The last pixels are left, so that nothing is touched beyond the rows.
 */
TARGET_AVX2 void avx2_bytes_to_rgb(uint8_t *rgb, const uint8_t *pixels, size_t step,
                                   const uint8_t bytes[3], size_t count)
{
    const size_t spare = step == 1 ? 16 : 6; /* pixels that 16 bytes reach into, of either side */
    uint8_t places[16] = {0};
    for (size_t i = 0; i < 12; i++)
        places[i] = (uint8_t)(i / 3 * step + bytes[i % 3]);
    const __m128i shuffle = _mm_loadu_si128((const __m128i *)places);
    size_t i = 0;
    for (; i + spare <= count; i += 4) {
        const __m128i four = _mm_loadu_si128((const __m128i *)(pixels + i * step));
        _mm_storeu_si128((__m128i *)(rgb + 3 * i), _mm_shuffle_epi8(four, shuffle));
    }
    reference_bytes_to_rgb(rgb + 3 * i, pixels + i * step, step, bytes, count - i);
}

#else

typedef int pixels_avx2_is_for_x86;

#endif
