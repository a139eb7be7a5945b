/*
 * numbers.c - f16, bf16, f32 and f64 as they lie in files.
 */
#include "numbers.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
    bool is_float;
} elements[] = {
    [ELEMENT_F32] = {"f32", 4, true},   [ELEMENT_F16] = {"f16", 2, true},
    [ELEMENT_BF16] = {"bf16", 2, true}, [ELEMENT_F64] = {"f64", 8, true},
    [ELEMENT_I64] = {"i64", 8, false},  [ELEMENT_I32] = {"i32", 4, false},
    [ELEMENT_I16] = {"i16", 2, false},  [ELEMENT_I8] = {"i8", 1, false},
    [ELEMENT_U8] = {"u8", 1, false},    [ELEMENT_BOOL] = {"bool", 1, false},
};

size_t element_size(enum element_type type)
{
    return elements[type].size;
}

const char *element_name(enum element_type type)
{
    return elements[type].name;
}

bool element_is_float(enum element_type type)
{
    return elements[type].is_float;
}

static uint64_t little_endian(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static float float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double element_value(enum element_type type, const unsigned char *bytes)
{
    switch (type) {
    case ELEMENT_F32: return float_from_bits((uint32_t)little_endian(bytes, 4));
    case ELEMENT_F16: return float_from_half((uint16_t)little_endian(bytes, 2));
    case ELEMENT_BF16: return float_from_bits((uint32_t)little_endian(bytes, 2) << 16);
    case ELEMENT_F64: {
        uint64_t bits = little_endian(bytes, 8);
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    default: return NAN; /* integers are never weights; callers ask element_is_float() */
    }
}

float float_from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = half >> 10 & 0x1f;
    uint32_t fraction = half & 0x3ff;
    if (exponent == 0) {
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    exponent = exponent == 31 ? 255 : exponent + 112;
    return float_from_bits(sign | exponent << 23 | fraction << 13);
}

uint16_t half_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000;
    uint32_t magnitude = bits & 0x7fffffff;

    if (magnitude > 0x7f800000) /* NaN: stays one, and quiet */
        return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x1ff));
    if (magnitude >= 0x47800000) /* 65536 and more */
        return (uint16_t)(sign | 0x7c00);
    if (magnitude >= 0x38800000) { /* 2^-14, the smallest normal half, and more */
        /* The carry of the rounding may run into the exponent, up to infinity: as it should. */
        magnitude += 0xfff + (magnitude >> 13 & 1);
        return (uint16_t)(sign | (magnitude - 0x38000000) >> 13);
    }
    uint32_t exponent = magnitude >> 23;
    if (exponent < 102) /* below 2^-25, half of the smallest subnormal half */
        return (uint16_t)sign;
    /* Count in units of 2^-24: the significand's own unit is 2^(exponent - 150). */
    uint32_t significand = (magnitude & 0x7fffff) | 0x800000;
    uint32_t shift = 126 - exponent;
    uint32_t units = significand >> shift;
    uint32_t rest = significand & ((1u << shift) - 1);
    uint32_t middle = 1u << (shift - 1);
    units += rest > middle || (rest == middle && (units & 1));
    return (uint16_t)(sign | units);
}

/*
 * An f32 next to the value, rounded to odd: the last bit tells whether anything was cut off, so
 * that rounding again to fewer bits gives what rounding once would have given.
 */
static uint32_t bits_rounded_to_odd(double value)
{
    const float nearest = (float)value;
    uint32_t bits;
    memcpy(&bits, &nearest, sizeof bits);
    if (isfinite(nearest) && (double)nearest != value && !(bits & 1))
        return fabs((double)nearest) > fabs(value) ? bits - 1 : bits + 1;
    return bits;
}

uint16_t bfloat_from_double(double value)
{
    const uint32_t bits = bits_rounded_to_odd(value);
    if (isnan(value)) /* stays one, and quiet */
        return (uint16_t)(bits >> 16 | 0x0040);
    /* The carry of the rounding may run into the exponent, up to infinity: as it should. */
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

void swap_bytes(unsigned char *bytes, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++, bytes += size)
        for (size_t low = 0, high = size - 1; low < high; low++, high--) {
            unsigned char byte = bytes[low];
            bytes[low] = bytes[high];
            bytes[high] = byte;
        }
}
