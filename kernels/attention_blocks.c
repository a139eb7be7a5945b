/*
 * attention_blocks.c - attention over a block of queries at a time: no tokens x tokens matrix.
 */
#include "attention_blocks.h"

/* Queries at a time: their scores stay in the cache, and each packing of k and v serves them all.
 */
#define QUERY_BLOCK 96

static size_t padded(size_t tokens)
{
    return (tokens + 15) / 16 * 16;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t attention_blocks_scratch(const struct attention_parts *parts, size_t queries, size_t tokens,
                                size_t size)
{
    size_t rows = queries < QUERY_BLOCK ? queries : QUERY_BLOCK;
    return rows * padded(tokens) +
           larger(parts->gemm_scratch(1, size, tokens), parts->gemm_scratch(1, tokens, size));
}

void attention_blocks(const struct attention_parts *parts, const attention_call *call,
                      float *scratch)
{
    size_t score_stride = padded(call->tokens);
    size_t most = call->queries < QUERY_BLOCK ? call->queries : QUERY_BLOCK;
    float *scores = scratch, *panels = scratch + most * score_stride;

    for (size_t i = 0; i < call->queries; i += most) {
        size_t rows = call->queries - i < most ? call->queries - i : most;
        gemm_call product = {
            .rows = rows,
            .outputs = call->tokens,
            .taps = 1,
            .inputs = call->size,
            .x = call->q + i * call->stride,
            .x_stride = call->stride,
            .weights = call->k,
            .weight_stride = call->stride,
            .out = scores,
            .out_stride = score_stride,
        };
        parts->gemm(&product, panels);
        parts->softmax(scores, score_stride, rows, call->tokens, call->scale);

        product.outputs = call->size;
        product.inputs = call->tokens;
        product.x = scores;
        product.x_stride = score_stride;
        product.weights = call->v;
        product.weights_transposed = true;
        product.out = call->out + i * call->out_stride;
        product.out_stride = call->out_stride;
        parts->gemm(&product, panels);
    }
}
