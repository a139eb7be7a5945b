/*
 * numbers_neon.c - number types: f16 and bf16 to f32, and the test for infinities and NaN.
 */
#include "compiler.h"

#if QUALICLIP_AARCH64

#include <string.h>

#include "arm/neon.h"
#include "arm/vector_neon.h"
#include "reference/reference.h"

static ALWAYS_INLINE size_t widen_fours(float *out, const void *data, number_type type,
                                        size_t count)
{
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
        vst1q_f32(out + i, load_numbers(data, type, i));
    return i;
}

void neon_widen(float *out, const void *data, number_type type, size_t count)
{
    if (type == NUMBER_F32) {
        memcpy(out, data, count * sizeof *out);
        return;
    }
    size_t done = type == NUMBER_F16 ? widen_fours(out, data, NUMBER_F16, count)
                                     : widen_fours(out, data, NUMBER_BF16, count);
    reference_widen(out + done, (const uint16_t *)data + done, type, count - done); /* exact too */
}

/*
 * As integers without their sign, finite numbers are exactly those below infinity: the largest of
 * many tells for all.  Looked at once every 4096 bytes.
 */
static size_t finite_prefix_f32(const float *x, size_t count)
{
    const uint32x4_t magnitude = vdupq_n_u32(0x7fffffff);
    size_t i = 0;

    while (count - i >= 1024) {
        uint32x4_t a = vdupq_n_u32(0), b = a;
        for (size_t end = i + 1024; i < end; i += 8) {
            uint32x4_t v = vreinterpretq_u32_f32(vld1q_f32(x + i));
            uint32x4_t w = vreinterpretq_u32_f32(vld1q_f32(x + i + 4));
            a = vmaxq_u32(a, vandq_u32(v, magnitude));
            b = vmaxq_u32(b, vandq_u32(w, magnitude));
        }
        if (vmaxvq_u32(vmaxq_u32(a, b)) > 0x7f7fffff)
            return i - 1024;
    }
    return i;
}

/* f16 or bf16: `largest` is its largest finite number. */
static size_t finite_prefix_short(const uint16_t *x, size_t count, uint16_t largest)
{
    const uint16x8_t magnitude = vdupq_n_u16(0x7fff);
    size_t i = 0;

    while (count - i >= 2048) {
        uint16x8_t a = vdupq_n_u16(0), b = a;
        for (size_t end = i + 2048; i < end; i += 16) {
            a = vmaxq_u16(a, vandq_u16(vld1q_u16(x + i), magnitude));
            b = vmaxq_u16(b, vandq_u16(vld1q_u16(x + i + 8), magnitude));
        }
        if (vmaxvq_u16(vmaxq_u16(a, b)) > largest)
            return i - 2048;
    }
    return i;
}

/* Whole blocks here; what is left, and a block that is to blame, number by number. */
bool neon_all_finite(const void *data, number_type type, size_t count)
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

typedef int numbers_neon_is_for_aarch64;

#endif
