/*
 * layer_cuts.h - what layers.c and convolutions.c share: how a product is cut, and its call.
 */
#ifndef QUALICLIP_LAYER_CUTS_H
#define QUALICLIP_LAYER_CUTS_H

#include "layers.h"

/* Outputs are cut at multiples of this: panels of weights, as many as kernels read at a time. */
#define OUTPUT_GRAIN (2 * PANEL_OUTPUTS)

static inline size_t ceiling_divide(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static inline void *scratch_of(const struct layers *layers, size_t worker)
{
    return layers->scratch + worker * layers->scratch_size;
}

/* How many pieces to cut `work` multiply-adds into: some more than threads, to even out their
 * speeds. */
size_t pieces_wanted(const struct layers *layers, size_t work);

/* Of a call, `block` outputs from `first` on, which is a multiple of PANEL_OUTPUTS. */
void restrict_outputs(gemm_call *call, size_t first, size_t block);

gemm_call call_of(const struct linear *linear, activation activation);

/* A whole product with one tap, call_of(linear), spread over the threads. */
void dense_forward(const struct layers *layers, const struct linear *linear, gemm_call call);

#endif
