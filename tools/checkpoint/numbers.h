/*
 * numbers.h - the number formats of checkpoints and model files, and the ways between them.
 * Exact where the target is wider, round to nearest even where it is narrower.
 */
#ifndef QUALICLIP_NUMBERS_H
#define QUALICLIP_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum element_type {
    ELEMENT_F32,
    ELEMENT_F16,
    ELEMENT_BF16,
    ELEMENT_F64,
    ELEMENT_I64,
    ELEMENT_I32,
    ELEMENT_I16,
    ELEMENT_I8,
    ELEMENT_U8,
    ELEMENT_BOOL
};

size_t element_size(enum element_type type);
const char *element_name(enum element_type type); /* "f32", ... */
bool element_is_float(enum element_type type);

/* The little-endian floating-point number at `bytes`, which need not be aligned. */
double element_value(enum element_type type, const unsigned char *bytes);

float float_from_half(uint16_t half);

/* Beyond the largest half, 65504, what would round to 65536 becomes an infinity. */
uint16_t half_from_float(float value);

/* Rounded once, from the double; beyond the largest bf16, what would round to 2^128: an infinity.
 */
uint16_t bfloat_from_double(double value);

/* Reverses the bytes of each of `count` elements of `size` bytes. */
void swap_bytes(unsigned char *bytes, size_t count, size_t size);

#endif
