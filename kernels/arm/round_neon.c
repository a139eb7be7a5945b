/*
 * round_neon.c - rows of floats become whole numbers.
 */
#include "compiler.h"

#if QUALICLIP_AARCH64

#include <math.h>

#include "arm/neon.h"
#include "arm/rounded_neon.h"
#include "arm/vector_neon.h"
#include "reference/reference.h"

static ALWAYS_INLINE int16x4_t words_of(float32x4_t x, float32x4_t middle, float32x4_t inverse)
{
    float32x4_t whole = vmulq_f32(vsubq_f32(x, middle), inverse);
    whole = vmaxq_f32(vminq_f32(whole, vdupq_n_f32(127)), vdupq_n_f32(-127));
    return vmovn_s32(vcvtnq_s32_f32(whole));
}

static void round_row(struct rounded_row *row, const float *in, size_t columns)
{
    float32x4_t leasts = vdupq_n_f32(INFINITY), largests = vdupq_n_f32(-INFINITY);
    for (size_t c = 0; c < columns; c += 4) {
        const float32x4_t x = load_lanes(in + c, columns - c);
        leasts = vminq_f32(leasts, keep_lanes(x, columns - c, INFINITY));
        largests = vmaxq_f32(largests, keep_lanes(x, columns - c, -INFINITY));
    }
    const float least = vminvq_f32(leasts), range = vmaxvq_f32(largests) - least;
    const bool flat = range < ROUNDING_LEAST_RANGE;
    row->middle = least + range / 2;
    row->scale = flat ? 0 : range / 254;

    const float32x4_t middle = vdupq_n_f32(row->middle);
    const float32x4_t inverse = vdupq_n_f32(flat ? 0 : 127 / (range / 2));
    for (size_t c = 0; c < columns; c += 8) {
        const size_t left = columns - c;
        const int16x4_t low = words_of(load_lanes(in + c, left), middle, inverse);
        const int16x4_t high =
            left > 4 ? words_of(load_lanes(in + c + 4, left - 4), middle, inverse) : low;
        vst1_s8(row->numbers + c, vmovn_s16(vcombine_s16(low, high)));
    }
}

void neon_round_rows(void *rounded, const float *in, size_t in_stride, size_t rows, size_t columns,
                     number_type type)
{
    if (type != NUMBER_I8) {
        reference_round_rows(rounded, in, in_stride, rows, columns, type);
        return;
    }
    for (size_t m = 0; m < rows; m++)
        round_row((void *)((char *)rounded + m * rounded_bytes(type, columns)), in + m * in_stride,
                  columns);
}

#else

typedef int round_neon_is_for_aarch64;

#endif
