/*
 * pack_matrix.c - one matrix packed: as it is stored, or rounded to bf16 or int8 and, behind a
 * norm, smoothed together with it.
 */
#include "packing.h"

#include <string.h>

#include "map_file.h"
#include "smoothing.h"

void packing_release(const struct packing *packing, const struct matrix *matrix)
{
    if (!packing->mapped)
        return;
    if (matrix->data)
        release_mapped(matrix->data, matrix->outputs * matrix->inputs * number_size(matrix->type));
    if (matrix->packed)
        release_mapped(matrix->packed,
                       packed_bytes(matrix->type, 1, matrix->inputs, matrix->outputs));
}

/* -------------------------------------------------------------------------- as they are stored */

void pack_taps(struct packing *packing, struct matrix *matrix, size_t taps)
{
    if (!packing->as_stored)
        return;
    const size_t inputs = matrix->inputs / taps;
    void *packed =
        arena_take(&packing->arena, packed_bytes(matrix->type, taps, inputs, matrix->outputs), 1);
    if (!packed)
        return;
    pack_weights(packed, matrix->data, matrix->type, matrix->outputs, taps, inputs);
    packing_release(packing, matrix);
    matrix->packed = packed;
}

void pack_matrix(struct packing *packing, struct matrix *matrix)
{
    pack_taps(packing, matrix, 1);
}

/* ------------------------------------------------------------------------------ large matrices */

number_type packing_type(qc_precision precision, number_type stored)
{
    if (precision == QC_PRECISION_INT8)
        return NUMBER_I8;
    if (precision == QC_PRECISION_BF16)
        return NUMBER_BF16;
    return stored == NUMBER_I8 ? NUMBER_F32 : stored;
}

static bool rounds_rows(qc_precision precision, const kernel_set *kernels)
{
    return precision == QC_PRECISION_INT8 ||
           (precision == QC_PRECISION_BF16 && kernels->multiplies_bf16);
}

bool packing_wants_panels(qc_precision precision, const kernel_set *kernels, bool as_stored)
{
    return as_stored || rounds_rows(precision, kernels);
}

const float *packing_rows(const struct packing *packing, const struct matrix *matrix, size_t output,
                          size_t outputs)
{
    float *wide = packing->wide;
    if (!matrix->data) {
        const gemm_call call = {.packed = matrix->packed,
                                .weight_type = matrix->type,
                                .taps = 1,
                                .inputs = matrix->inputs};
        unpack_weights(wide, 1, matrix->inputs, &call, output, outputs, packing->kernels->widen);
        return wide;
    }
    const size_t first = output * matrix->inputs, count = outputs * matrix->inputs;
    const char *data = (const char *)matrix->data + first * number_size(matrix->type);
    if (matrix->type == NUMBER_F32)
        return (const float *)data;
    if (matrix->type != NUMBER_I8) {
        packing->kernels->widen(wide, data, matrix->type, count);
        return wide;
    }
    for (size_t i = 0; i < count; i++)
        wide[i] = (float)((const int8_t *)data)[i] * matrix->scales[output + i / matrix->inputs];
    return wide;
}

/* By way of floats, a panel at a time. */
static void round_panels(const struct packing *packing, const struct matrix *matrix,
                         number_type type, const double *factors, char *packed)
{
    const size_t inputs = matrix->inputs;
    for (size_t output = 0; output < matrix->outputs; output += PANEL_OUTPUTS) {
        const size_t outputs = smaller(PANEL_OUTPUTS, matrix->outputs - output);
        void *panel = packed + output / PANEL_OUTPUTS * panel_bytes(type, 1, inputs);
        const float *rows = packing_rows(packing, matrix, output, outputs);
        if (factors) {
            for (size_t n = 0; n < outputs; n++)
                smoothing_multiply(packing->wide + n * inputs, rows + n * inputs, factors, inputs);
            rows = packing->wide;
        }
        if (type == NUMBER_I8)
            quantise_weights(panel, rows, outputs, inputs);
        else if (type == NUMBER_BF16)
            round_weights(panel, rows, outputs, inputs);
        else
            pack_weights(panel, rows, NUMBER_F32, outputs, 1, inputs);
    }
}

static void fill_panels(const struct packing *packing, const struct matrix *matrix,
                        number_type type, const double *factors, void *packed)
{
    if (matrix->type != type)
        round_panels(packing, matrix, type, factors, packed);
    else if (matrix->packed)
        memcpy(packed, matrix->packed, packed_bytes(type, 1, matrix->inputs, matrix->outputs));
    else if (type == NUMBER_I8)
        pack_whole_weights(packed, matrix->data, matrix->scales, matrix->outputs, matrix->inputs);
    else
        pack_weights(packed, matrix->data, type, matrix->outputs, 1, matrix->inputs);
}

/* `factors`: see smoothing.h; NULL: none. */
static void pack_smoothed(struct packing *packing, struct matrix *matrix, const double *factors)
{
    const number_type type = packing_type(packing->precision, matrix->type);
    const bool fits = matrix->packed ? (uintptr_t)matrix->packed % ARENA_ALIGNMENT == 0
                                     : !packing_wants_panels(packing->precision, packing->kernels,
                                                             packing->as_stored);
    const bool in_place = type == matrix->type && fits;
    if (!in_place) {
        void *packed =
            arena_take(&packing->arena, packed_bytes(type, 1, matrix->inputs, matrix->outputs), 1);
        packing->widest = larger(packing->widest, PANEL_OUTPUTS * matrix->inputs);
        if (!packed)
            return;
        fill_panels(packing, matrix, type, factors, packed);
        packing_release(packing, matrix);
        if (type != matrix->type || type == NUMBER_I8)
            matrix->data = NULL;
        matrix->type = type;
        matrix->packed = packed;
        matrix->scales = NULL;
    }
    matrix->rounds_rows = rounds_rows(packing->precision, packing->kernels);
}

void pack_large(struct packing *packing, struct matrix *matrix)
{
    pack_smoothed(packing, matrix, NULL);
}

static void add_energies(const struct packing *packing, const struct matrix *matrix)
{
    for (size_t output = 0; output < matrix->outputs; output += PANEL_OUTPUTS) {
        const size_t outputs = smaller(PANEL_OUTPUTS, matrix->outputs - output);
        const float *rows = packing_rows(packing, matrix, output, outputs);
        for (size_t n = 0; n < outputs; n++)
            smoothing_add(packing->factors, rows + n * matrix->inputs, matrix->inputs);
    }
}

void pack_behind_norm(struct packing *packing, struct norm *norm, const struct norm *before,
                      struct matrix *const *matrices, size_t count)
{
    const size_t channels = matrices[0]->inputs;
    /* What is stored as whole numbers was smoothed when it was converted. */
    const bool smooths = packing->precision == QC_PRECISION_INT8 && matrices[0]->type != NUMBER_I8;
    const double *factors = NULL;
    if (smooths) {
        float *gain = arena_take(&packing->arena, channels, sizeof *gain);
        float *bias = arena_take(&packing->arena, channels, sizeof *bias);
        packing->channels = larger(packing->channels, channels);
        if (gain) {
            memset(packing->factors, 0, channels * sizeof *packing->factors);
            for (size_t i = 0; i < count; i++)
                add_energies(packing, matrices[i]);
            smoothing_factors(packing->factors, norm->gain, norm->bias,
                              before ? before->gain : NULL, before ? before->bias : NULL, channels);
            smoothing_divide(gain, norm->gain, packing->factors, channels);
            smoothing_divide(bias, norm->bias, packing->factors, channels);
            *norm = (struct norm){gain, bias};
            factors = packing->factors;
        }
    }
    for (size_t i = 0; i < count; i++)
        pack_smoothed(packing, matrices[i], factors);
}
