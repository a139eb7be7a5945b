/*
 * avx512.h - the kernels for x86 with AVX-512 (F, BW, DQ, VL), alone, with VNNI, and with VNNI and
 * BF16.
 *
 * They may be called only where dispatch.c found these and an operating system that saves the ZMM
 * registers; whoever has them has all that avx2.h asks for.  What is not here is AVX2's, and what
 * is gives the same bits as AVX2's, in f32 and in I8.
 */
#ifndef QUALICLIP_X86_AVX512_H
#define QUALICLIP_X86_AVX512_H

#include "kernels.h"

extern const kernel_set kernel_set_avx512;
extern const kernel_set kernel_set_avx512vnni;
extern const kernel_set kernel_set_avx512bf16;

/* All three sets' gemm: f32, f16 and bf16 weights, widened. */
size_t avx512_gemm_scratch(size_t taps, size_t inputs, size_t outputs);
void avx512_gemm(const gemm_call *call, float *scratch);
void avx512_winograd_input(float *out, const float *const *pixels, const winograd_tiles *tiles);
void avx512_winograd_products(float *out_data, const winograd_tiles *out, const float *in_data,
                              const winograd_tiles *in, const float *weights);
void avx512_winograd_output(float *const *pixels, const float *in, const winograd_tiles *tiles,
                            const float *bias, bool pools);
size_t avx512_attention_scratch(size_t queries, size_t tokens, size_t size);
void avx512_attention(const attention_call *call, float *scratch);
void avx512_activate(float *x, size_t count, activation kind);
void avx512_layernorm(float *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
                      size_t columns, const float *gain, const float *bias, float epsilon);

/* Needs VNNI. */
void avx512vnni_gemm(const gemm_call *call, float *scratch);
void avx512vnni_round_rows(void *rounded, const float *in, size_t in_stride, size_t rows,
                           size_t columns, number_type type);

/* Needs VNNI and BF16. */
void avx512bf16_gemm(const gemm_call *call, float *scratch);
void avx512bf16_round_rows(void *rounded, const float *in, size_t in_stride, size_t rows,
                           size_t columns, number_type type);
size_t avx512bf16_attention_scratch(size_t queries, size_t tokens, size_t size);
void avx512bf16_attention_rounded(const attention_call *call, float *scratch);

#endif
