/*
 * neon.h - the kernels for AArch64 with its Advanced SIMD, which every such CPU has; and those that
 * need FEAT_DotProd, FEAT_I8MM besides, and FEAT_BF16 besides.
 *
 * The first need nothing beyond ARMv8.0: fused multiply-adds and the conversion of halves are part
 * of it.  The others may be called only where dispatch.c found what they need; all of them give
 * the same bits, in f32 and in I8.
 */
#ifndef QUALICLIP_ARM_NEON_H
#define QUALICLIP_ARM_NEON_H

#include "kernels.h"

extern const kernel_set kernel_set_neon;
extern const kernel_set kernel_set_neondot;
extern const kernel_set kernel_set_neoni8mm;
extern const kernel_set kernel_set_neonbf16;

size_t neon_gemm_scratch(size_t taps, size_t inputs, size_t outputs);
void neon_gemm(const gemm_call *call, float *scratch);
void neon_gemm_i8(const gemm_call *call);
void neon_winograd_input(float *out, const float *const *pixels, const winograd_tiles *tiles);
void neon_winograd_products(float *out_data, const winograd_tiles *out, const float *in_data,
                            const winograd_tiles *in, const float *weights);
void neon_winograd_output(float *const *pixels, const float *in, const winograd_tiles *tiles,
                          const float *bias, bool pools);
void neon_round_rows(void *rounded, const float *in, size_t in_stride, size_t rows, size_t columns,
                     number_type type);
size_t neon_attention_scratch(size_t queries, size_t tokens, size_t size);
void neon_attention(const attention_call *call, float *scratch);
void neon_layernorm(float *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
                    size_t columns, const float *gain, const float *bias, float epsilon);
void neon_softmax(float *x, size_t stride, size_t rows, size_t columns, float scale);
void neon_activate(float *x, size_t count, activation kind);
void neon_average_pool_row(float *out, const float *top, const float *bottom, size_t columns,
                           size_t channels);
void neon_column_mean(float *out, const float *x, size_t stride, size_t rows, size_t columns);
bool neon_all_finite(const void *data, number_type type, size_t count);
void neon_widen(float *out, const void *data, number_type type, size_t count);
void neon_yuv_to_rgb(uint8_t *rgb, const yuv_row *row, const yuv_colours *colours, size_t count);
void neon_rgb565_to_rgb(uint8_t *rgb, const uint8_t *pixels, size_t count);
void neon_bytes_to_rgb(uint8_t *rgb, const uint8_t *pixels, size_t step, const uint8_t bytes[3],
                       size_t count);

/* Needs FEAT_DotProd. */
void neondot_gemm(const gemm_call *call, float *scratch);

/* Need FEAT_I8MM. */
size_t neoni8mm_gemm_scratch(size_t taps, size_t inputs, size_t outputs);
void neoni8mm_gemm(const gemm_call *call, float *scratch);

/* Need FEAT_I8MM and FEAT_BF16. */
size_t neonbf16_gemm_scratch(size_t taps, size_t inputs, size_t outputs);
void neonbf16_gemm(const gemm_call *call, float *scratch);
void neonbf16_round_rows(void *rounded, const float *in, size_t in_stride, size_t rows,
                         size_t columns, number_type type);

#endif
