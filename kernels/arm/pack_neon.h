/*
 * pack_neon.h - weights of a few outputs, turned so that those of one input lie side by side.
 */
#ifndef QUALICLIP_ARM_PACK_NEON_H
#define QUALICLIP_ARM_PACK_NEON_H

#include "kernels.h"

/*
 * panel[i][j] = weight(output + j)[i] for i < inputs, j < lanes, where lanes is 8 or 16.
 * Lanes from `outputs` on hold some number; whoever computes with them must drop the result.
 */
void neon_pack_weights(float *panel, size_t lanes, const gemm_call *call, size_t output,
                       size_t outputs, size_t inputs);

/* The first `lanes` (8 or 16) of each input's packed weights, widened: panel[i][j], j < lanes. */
void neon_widen_panel(float *panel, size_t lanes, const void *packed, number_type type, size_t taps,
                      size_t inputs);

#endif
