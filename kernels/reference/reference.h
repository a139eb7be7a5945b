/*
 * reference.h - the kernels in plain C: what each of them means.
 *
 * These run on any machine and are what the tests compare every faster variant with.  They use no
 * compiler's extension and no other set's code.
 */
#ifndef QUALICLIP_REFERENCE_H
#define QUALICLIP_REFERENCE_H

#include "kernels.h"

extern const kernel_set kernel_set_reference;

size_t reference_gemm_scratch(size_t taps, size_t inputs, size_t outputs);
void reference_gemm(const gemm_call *call, float *scratch);
void reference_gemm_i8(const gemm_call *call);
void reference_round_rows(void *rounded, const float *in, size_t in_stride, size_t rows,
                          size_t columns, number_type type);
void reference_winograd_input(float *out, const float *const *pixels, const winograd_tiles *tiles);
void reference_winograd_products(float *out_data, const winograd_tiles *out, const float *in_data,
                                 const winograd_tiles *in, const float *weights);
void reference_winograd_output(float *const *pixels, const float *in, const winograd_tiles *tiles,
                               const float *bias, bool pools);
size_t reference_attention_scratch(size_t queries, size_t tokens, size_t size);
void reference_attention(const attention_call *call, float *scratch);
void reference_layernorm(float *out, size_t out_stride, const float *in, size_t in_stride,
                         size_t rows, size_t columns, const float *gain, const float *bias,
                         float epsilon);
void reference_softmax(float *x, size_t stride, size_t rows, size_t columns, float scale);
void reference_activate(float *x, size_t count, activation kind);
void reference_average_pool_row(float *out, const float *top, const float *bottom, size_t columns,
                                size_t channels);
void reference_column_mean(float *out, const float *x, size_t stride, size_t rows, size_t columns);
void reference_yuv_to_rgb(uint8_t *rgb, const yuv_row *row, const yuv_colours *colours,
                          size_t count);
void reference_rgb565_to_rgb(uint8_t *rgb, const uint8_t *pixels, size_t count);
void reference_bytes_to_rgb(uint8_t *rgb, const uint8_t *pixels, size_t step,
                            const uint8_t bytes[3], size_t count);
bool reference_all_finite(const void *data, number_type type, size_t count);
void reference_widen(float *out, const void *data, number_type type, size_t count);

/* One number, by its type; subnormals, infinities and NaN included. */
float reference_number_at(const void *data, number_type type, size_t index);
float reference_activation_of(float x, activation kind);

#endif
