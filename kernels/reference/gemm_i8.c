/*
 * gemm_i8.c - the matrix product of whole numbers: rows rounded as they come, weights beforehand.
 */
#include <math.h>
#include <string.h>

#include "reference/reference.h"

/* How this set lays out a rounded row of I8. */
struct rounded_row {
    float scale, middle;
    unsigned char rest_of_line[56];
    int8_t numbers[];
};

static void round_to_i8(struct rounded_row *row, const float *in, size_t columns)
{
    float least = in[0], largest = in[0];
    for (size_t i = 1; i < columns; i++) {
        least = in[i] < least ? in[i] : least;
        largest = in[i] > largest ? in[i] : largest;
    }
    const float range = largest - least;
    const bool flat = range < ROUNDING_LEAST_RANGE;
    const float inverse = flat ? 0 : 127 / (range / 2);
    row->middle = least + range / 2;
    row->scale = flat ? 0 : range / 254;
    for (size_t i = 0; i < columns; i++) {
        float whole = rintf((in[i] - row->middle) * inverse);
        whole = whole < 127 ? whole : 127; /* so that NaN becomes a number: the scale tells of it */
        row->numbers[i] = (int8_t)(whole > -127 ? whole : -127);
    }
}

static uint16_t bfloat_of(float single)
{
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    if (isnan(single))
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

void reference_round_rows(void *rounded, const float *in, size_t in_stride, size_t rows,
                          size_t columns, number_type type)
{
    for (size_t m = 0; m < rows; m++) {
        void *row = (char *)rounded + m * rounded_bytes(type, columns);
        if (type == NUMBER_I8)
            round_to_i8(row, in + m * in_stride, columns);
        else
            for (size_t i = 0; i < columns; i++)
                ((uint16_t *)row)[i] = bfloat_of(in[m * in_stride + i]);
    }
}

void reference_gemm_i8(const gemm_call *call)
{
    for (size_t m = 0; m < call->rows; m++) {
        const struct rounded_row *row = (const void *)((const char *)call->rounded +
                                                       m * rounded_bytes(NUMBER_I8, call->inputs));
        for (size_t n = 0; n < call->outputs; n++) {
            const struct panel_i8 *panel =
                (const void *)((const char *)call->packed +
                               n / PANEL_OUTPUTS * panel_bytes(NUMBER_I8, 1, call->inputs));
            const size_t lane = n % PANEL_OUTPUTS;
            int32_t count = 0;
            for (size_t i = 0; i < call->inputs; i++)
                count += row->numbers[i] * panel->groups[i / 4][lane][i % 4];
            const float scale = panel->scales[lane];
            float sum = fmaf((float)count, row->scale * scale,
                             row->middle * (scale * (float)panel->sums[lane]));
            if (call->bias)
                sum += call->bias[n];
            if (call->residual)
                sum += call->residual[m * call->residual_stride + n];
            call->out[m * call->out_stride + n] = reference_activation_of(sum, call->activation);
        }
    }
}
