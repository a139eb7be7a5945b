/*
 * rounded_avx2.h - rows of whole numbers as the sets with vectors of 32 bytes round them.
 */
#ifndef QUALICLIP_X86_ROUNDED_AVX2_H
#define QUALICLIP_X86_ROUNDED_AVX2_H

#include <immintrin.h>

#include "compiler.h"
#include "kernels.h"

/* How a rounded row begins; its numbers lie behind it, a byte each. */
struct rounded_row {
    float scale, middle;
    unsigned char rest_of_line[56];
};

/* Rounds a row as kernels.h says; of its numbers' bits, `inverted` ones are the other way round. */
void avx2_round_row(struct rounded_row *row, const float *in, size_t columns, int8_t inverted);

#endif
