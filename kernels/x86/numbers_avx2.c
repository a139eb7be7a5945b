/*
 * numbers_avx2.c - number types: f16 and bf16 to f32, and the test for infinities and NaN.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include <string.h>

#include "reference/reference.h"
#include "x86/avx2.h"
#include "x86/vector_avx2.h"

TARGET_AVX2 void avx2_widen(float *out, const void *data, number_type type, size_t count)
{
    if (type == NUMBER_F32) {
        memcpy(out, data, count * sizeof *out);
        return;
    }
    const uint16_t *shorts = data;
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m128i eight = _mm_loadu_si128((const __m128i *)(shorts + i));
        _mm256_storeu_ps(out + i,
                         type == NUMBER_F16 ? _mm256_cvtph_ps(eight) : singles_of_bfloats(eight));
    }
    reference_widen(out + i, shorts + i, type, count - i); /* exact too */
}

/*
 * As integers without their sign, finite numbers are exactly those below infinity: the largest of
 * many tells for all.  Looked at once every 4096 bytes.
 */
static TARGET_AVX2 size_t finite_prefix_f32(const float *x, size_t count)
{
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff), last = _mm256_set1_epi32(0x7f7fffff);
    size_t i = 0;

    while (count - i >= 1024) {
        __m256i a = _mm256_setzero_si256(), b = a;
        for (size_t end = i + 1024; i < end; i += 16) {
            __m256i v = _mm256_loadu_si256((const __m256i *)(x + i));
            __m256i w = _mm256_loadu_si256((const __m256i *)(x + i + 8));
            a = _mm256_max_epu32(a, _mm256_and_si256(v, magnitude));
            b = _mm256_max_epu32(b, _mm256_and_si256(w, magnitude));
        }
        __m256i beyond = _mm256_cmpgt_epi32(_mm256_max_epu32(a, b), last);
        if (!_mm256_testz_si256(beyond, beyond))
            return i - 1024;
    }
    return i;
}

/* f16 or bf16: `largest` is its largest finite number. */
static TARGET_AVX2 size_t finite_prefix_short(const uint16_t *x, size_t count, int16_t largest)
{
    const __m256i magnitude = _mm256_set1_epi16(0x7fff), last = _mm256_set1_epi16(largest);
    size_t i = 0;

    while (count - i >= 2048) {
        __m256i a = _mm256_setzero_si256(), b = a;
        for (size_t end = i + 2048; i < end; i += 32) {
            __m256i v = _mm256_loadu_si256((const __m256i *)(x + i));
            __m256i w = _mm256_loadu_si256((const __m256i *)(x + i + 16));
            a = _mm256_max_epu16(a, _mm256_and_si256(v, magnitude));
            b = _mm256_max_epu16(b, _mm256_and_si256(w, magnitude));
        }
        __m256i beyond = _mm256_cmpgt_epi16(_mm256_max_epu16(a, b), last);
        if (!_mm256_testz_si256(beyond, beyond))
            return i - 2048;
    }
    return i;
}

/* Whole blocks here; what is left, and a block that is to blame, number by number. */
TARGET_AVX2 bool avx2_all_finite(const void *data, number_type type, size_t count)
{
    if (type != NUMBER_F32) {
        const uint16_t *shorts = data;
        size_t done = finite_prefix_short(shorts, count, type == NUMBER_F16 ? 0x7bff : 0x7f7f);
        return reference_all_finite(shorts + done, type, count - done < 2048 ? count - done : 2048);
    }
    const float *singles = data;
    size_t done = finite_prefix_f32(singles, count);
    return reference_all_finite(singles + done, type, count - done < 1024 ? count - done : 1024);
}

#else

typedef int numbers_avx2_is_for_x86;

#endif
