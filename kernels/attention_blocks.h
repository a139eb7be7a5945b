/*
 * attention_blocks.h - one head of scaled dot-product attention, as two matrix products: what the
 * sets whose products are fast make theirs of.
 */
#ifndef QUALICLIP_ATTENTION_BLOCKS_H
#define QUALICLIP_ATTENTION_BLOCKS_H

#include "kernels.h"

/* The kernels of one set. */
struct attention_parts {
    size_t (*gemm_scratch)(size_t taps, size_t inputs, size_t outputs);
    void (*gemm)(const gemm_call *call, float *scratch);
    void (*softmax)(float *x, size_t stride, size_t rows, size_t columns, float scale);
};

/* As kernel_set's attention_scratch and attention. */
size_t attention_blocks_scratch(const struct attention_parts *parts, size_t queries, size_t tokens,
                                size_t size);
void attention_blocks(const struct attention_parts *parts, const attention_call *call,
                      float *scratch);

#endif
