/*
 * peak.c - loops of multiply-adds, each kind of instruction in its own.
 *
 * Twelve chains hide the latency of any of them on any CPU that has two units for it.
 */
#define _POSIX_C_SOURCE 200809L
#include "peak.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "compiler.h"

enum { CHAINS = 12, TURNS = 20000, ROUNDS = 20 };

#if QUALICLIP_X86 || QUALICLIP_AARCH64

static volatile float sink;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of CHAINS * TURNS instructions that add products of `value` to vectors of sums. */
#define DEFINE_LOOP(name, target, sums_type, zero, value_type, value, multiply_add, first_of)      \
    target static double name(void)                                                                \
    {                                                                                              \
        sums_type sums[CHAINS];                                                                    \
        value_type x = value;                                                                      \
        UNROLL_FULLY                                                                               \
        for (int c = 0; c < CHAINS; c++) {                                                         \
            sums[c] = zero;                                                                        \
            KEEP_IN_REGISTER(sums[c]); /* or equal chains would become one */                      \
        }                                                                                          \
        const double start = now();                                                                \
        for (int t = 0; t < TURNS; t++) {                                                          \
            KEEP_IN_REGISTER(x);                                                                   \
            UNROLL_FULLY                                                                           \
            for (int c = 0; c < CHAINS; c++) {                                                     \
                sums[c] = multiply_add(sums[c], x);                                                \
                KEEP_IN_REGISTER(sums[c]);                                                         \
            }                                                                                      \
        }                                                                                          \
        const double seconds = now() - start;                                                      \
        UNROLL_FULLY                                                                               \
        for (int c = 0; c < CHAINS; c++)                                                           \
            sink = first_of(sums[c]);                                                              \
        return seconds;                                                                            \
    }

/* A loop, and the operations of each of its instructions. */
struct loop {
    double (*seconds)(void);
    double operations;
};

static double rate_of(const struct loop *loop)
{
    double best = 0;
    for (int i = 0; i < ROUNDS; i++) {
        const double rate = loop->operations * CHAINS * TURNS / loop->seconds() * 1e-9;
        best = rate > best ? rate : best;
    }
    return best;
}

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

#endif

#if QUALICLIP_X86

#include <immintrin.h>

#define ADD_AVX2(sum, x)   _mm256_fmadd_ps(x, x, sum)
#define ADD_AVX512(sum, x) _mm512_fmadd_ps(x, x, sum)
#define ADD_BF16(sum, x)   _mm512_dpbf16_ps(sum, (__m512bh)(x), (__m512bh)(x))
#define ADD_VNNI(sum, x)   _mm512_dpbusd_epi32(sum, x, x)
#define FIRST_I32(sum)     (float)_mm_cvtsi128_si32(_mm512_castsi512_si128(sum))
/* The multiplications alone: what adds them up competes with them for the same units. */
#define ADD_WORDS(sum, x)   _mm256_madd_epi16(sum, x)
#define ADD_AVXVNNI(sum, x) _mm256_dpbusd_avx_epi32(sum, x, x)
#define FIRST_OF_8(sum)     (float)_mm_cvtsi128_si32(_mm256_castsi256_si128(sum))

DEFINE_LOOP(loop_avx2, TARGET_AVX2, __m256, _mm256_setzero_ps(), __m256, _mm256_set1_ps(0.5f),
            ADD_AVX2, _mm256_cvtss_f32)
DEFINE_LOOP(loop_avx512, TARGET_AVX512, __m512, _mm512_setzero_ps(), __m512, _mm512_set1_ps(0.5f),
            ADD_AVX512, _mm512_cvtss_f32)
DEFINE_LOOP(loop_bf16, TARGET_AVX512BF16, __m512, _mm512_setzero_ps(), __m512i,
            _mm512_set1_epi32(0x3f003f00), ADD_BF16, _mm512_cvtss_f32)
DEFINE_LOOP(loop_vnni, TARGET_AVX512VNNI, __m512i, _mm512_setzero_si512(), __m512i,
            _mm512_set1_epi8(1), ADD_VNNI, FIRST_I32)
DEFINE_LOOP(loop_words, TARGET_AVX2, __m256i, _mm256_setzero_si256(), __m256i, _mm256_set1_epi8(1),
            ADD_WORDS, FIRST_OF_8)
DEFINE_LOOP(loop_avxvnni, TARGET_AVXVNNI, __m256i, _mm256_setzero_si256(), __m256i,
            _mm256_set1_epi8(1), ADD_AVXVNNI, FIRST_OF_8)

double peak_gflops(const char *kernels, const char *precision)
{
    static const struct loop avx2 = {loop_avx2, 16}, avx512 = {loop_avx512, 32},
                             bf16 = {loop_bf16, 64}, vnni = {loop_vnni, 128},
                             words = {loop_words, 32}, avxvnni = {loop_avxvnni, 64};
    const bool int8 = strcmp(precision, "int8") == 0;
    if (int8 && (begins_with(kernels, "avx2") || strcmp(kernels, "avx512") == 0))
        return rate_of(&words);
    if (strcmp(kernels, "avxvnni") == 0)
        return rate_of(int8 ? &avxvnni : &avx2);
    if (begins_with(kernels, "avx512")) {
        if (int8)
            return rate_of(&vnni);
        if (strcmp(precision, "bf16") == 0 && strcmp(kernels, "avx512bf16") == 0)
            return rate_of(&bf16);
        return rate_of(&avx512);
    }
    return begins_with(kernels, "avx2") ? rate_of(&avx2) : 0;
}

#elif QUALICLIP_AARCH64

#include <arm_neon.h>

#define ADD_NEON(sum, x) vfmaq_f32(sum, x, x)
#define FIRST_NEON(sum)  vgetq_lane_f32(sum, 0)

DEFINE_LOOP(loop_neon, , float32x4_t, vdupq_n_f32(0), float32x4_t, vdupq_n_f32(0.5f), ADD_NEON,
            FIRST_NEON)

double peak_gflops(const char *kernels, const char *precision)
{
    static const struct loop neon = {loop_neon, 8};
    (void)precision;
    return begins_with(kernels, "neon") ? rate_of(&neon) : 0;
}

#else

double peak_gflops(const char *kernels, const char *precision)
{
    (void)kernels;
    (void)precision;
    return 0;
}

#endif
