/*
 * pack_avx2.h - weights of a few outputs, turned so that those of one input lie side by side.
 */
#ifndef QUALICLIP_X86_PACK_AVX2_H
#define QUALICLIP_X86_PACK_AVX2_H

#include "kernels.h"

/*
 * panel[i][j] = weight(output + j)[i] for i < inputs, j < lanes, where lanes is 8 or 16.
 * Lanes from `outputs` on hold some number; whoever computes with them must drop the result.
 * The panel is aligned to 32 bytes.
 */
void avx2_pack_weights(float *panel, size_t lanes, const gemm_call *call, size_t output,
                       size_t outputs, size_t inputs);

/* The first `lanes` (8 or 16) of each input's packed weights, widened: panel[i][j], j < lanes. */
void avx2_widen_panel(float *panel, size_t lanes, const void *packed, number_type type, size_t taps,
                      size_t inputs);

#endif
