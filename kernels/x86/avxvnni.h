/*
 * avxvnni.h - the kernels for x86 with AVX-VNNI and all that avx2.h asks for.
 *
 * They may be called only where dispatch.c found both.  What is not here is AVX2's, and all gives
 * the same bits.
 */
#ifndef QUALICLIP_X86_AVXVNNI_H
#define QUALICLIP_X86_AVXVNNI_H

#include "kernels.h"

extern const kernel_set kernel_set_avxvnni;

void avxvnni_gemm(const gemm_call *call, float *scratch);
void avxvnni_round_rows(void *rounded, const float *in, size_t in_stride, size_t rows,
                        size_t columns, number_type type);

#endif
