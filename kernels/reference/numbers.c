/*
 * numbers.c - number types: f16 and bf16 to f32, and the test for infinities and NaN.
 */
#include <string.h>

#include "reference/reference.h"

/* IEEE 754 half to single precision, exactly: every half is also a single. */
static float single_of_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half >> 15) << 31;
    uint32_t exponent = (half >> 10) & 0x1f;
    uint32_t mantissa = half & 0x3ff;
    uint32_t bits;

    if (exponent == 0x1f) { /* infinity, or NaN, made quiet as conversion in hardware does */
        bits = 0x7f800000 | mantissa << 13 | (mantissa ? 0x00400000 : 0);
    } else if (exponent > 0) {
        bits = (exponent + 127 - 15) << 23 | mantissa << 13;
    } else { /* zero or subnormal: mantissa * 2^-24, which is a normal single */
        float magnitude = (float)mantissa * 0x1p-24f;
        memcpy(&bits, &magnitude, sizeof bits);
    }
    bits |= sign;
    float single;
    memcpy(&single, &bits, sizeof single);
    return single;
}

/* A bf16 is an f32 without its lower half. */
static float single_of_bfloat(uint16_t bfloat)
{
    const uint32_t bits = (uint32_t)bfloat << 16;
    float single;
    memcpy(&single, &bits, sizeof single);
    return single;
}

float reference_number_at(const void *data, number_type type, size_t index)
{
    switch (type) {
    case NUMBER_F16: return single_of_half(((const uint16_t *)data)[index]);
    case NUMBER_BF16: return single_of_bfloat(((const uint16_t *)data)[index]);
    case NUMBER_F32:
    case NUMBER_I8: break;
    }
    return ((const float *)data)[index];
}

void reference_widen(float *out, const void *data, number_type type, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = reference_number_at(data, type, i);
}

/* Infinities and NaN are the numbers whose exponent bits are all set. */
bool reference_all_finite(const void *data, number_type type, size_t count)
{
    if (type != NUMBER_F32) {
        const uint16_t *shorts = data, exponent = type == NUMBER_F16 ? 0x7c00 : 0x7f80;
        for (size_t i = 0; i < count; i++)
            if ((shorts[i] & exponent) == exponent)
                return false;
        return true;
    }
    const float *singles = data;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &singles[i], sizeof bits);
        if ((bits & 0x7f800000) == 0x7f800000)
            return false;
    }
    return true;
}
