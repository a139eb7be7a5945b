/*
 * rounded_neon.h - how the NEON sets lay out a rounded row of I8.
 */
#ifndef QUALICLIP_ARM_ROUNDED_NEON_H
#define QUALICLIP_ARM_ROUNDED_NEON_H

#include <stdint.h>

#include "kernels.h"

struct rounded_row {
    float scale, middle;
    unsigned char rest_of_line[56];
    int8_t numbers[]; /* beyond the last column: some, up to the end of the row */
};

static inline const struct rounded_row *rounded_row_of(const gemm_call *call, size_t row)
{
    return (const void *)((const char *)call->rounded +
                          row * rounded_bytes(NUMBER_I8, call->inputs));
}

#endif
