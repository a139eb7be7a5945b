/*
 * avx2.h - the kernels for x86 with AVX2, FMA and F16C.
 *
 * May be called only where dispatch.c found all three and an operating system that saves the YMM
 * registers.  Every function carries the target attribute itself: no file needs flags of its own.
 */
#ifndef QUALICLIP_X86_AVX2_H
#define QUALICLIP_X86_AVX2_H

#include "kernels.h"

extern const kernel_set kernel_set_avx2;

size_t avx2_gemm_scratch(size_t taps, size_t inputs, size_t outputs);
void avx2_gemm(const gemm_call *call, float *scratch);
void avx2_winograd_input(float *out, const float *const *pixels, const winograd_tiles *tiles);
void avx2_winograd_products(float *out_data, const winograd_tiles *out, const float *in_data,
                            const winograd_tiles *in, const float *weights);
void avx2_winograd_output(float *const *pixels, const float *in, const winograd_tiles *tiles,
                          const float *bias, bool pools);
/* What avx2_gemm does with weights of I8; aligned to 32 bytes. */
size_t avx2_gemm_i8_scratch(size_t inputs);
void avx2_gemm_i8(const gemm_call *call, float *scratch);
void avx2_round_rows(void *rounded, const float *in, size_t in_stride, size_t rows, size_t columns,
                     number_type type);
size_t avx2_attention_scratch(size_t queries, size_t tokens, size_t size);
void avx2_attention(const attention_call *call, float *scratch);
void avx2_layernorm(float *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
                    size_t columns, const float *gain, const float *bias, float epsilon);
void avx2_softmax(float *x, size_t stride, size_t rows, size_t columns, float scale);
void avx2_activate(float *x, size_t count, activation kind);
void avx2_average_pool_row(float *out, const float *top, const float *bottom, size_t columns,
                           size_t channels);
void avx2_column_mean(float *out, const float *x, size_t stride, size_t rows, size_t columns);
bool avx2_all_finite(const void *data, number_type type, size_t count);
void avx2_widen(float *out, const void *data, number_type type, size_t count);
void avx2_yuv_to_rgb(uint8_t *rgb, const yuv_row *row, const yuv_colours *colours, size_t count);
void avx2_rgb565_to_rgb(uint8_t *rgb, const uint8_t *pixels, size_t count);
void avx2_bytes_to_rgb(uint8_t *rgb, const uint8_t *pixels, size_t step, const uint8_t bytes[3],
                       size_t count);

#endif
