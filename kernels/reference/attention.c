/*
 * attention.c - one head of scaled dot-product attention.
 */
#include "reference/reference.h"

size_t reference_attention_scratch(size_t queries, size_t tokens, size_t size)
{
    (void)queries;
    (void)size;
    return tokens;
}

void reference_attention(const attention_call *call, float *scratch)
{
    float *scores = scratch;

    for (size_t i = 0; i < call->queries; i++) {
        const float *q = call->q + i * call->stride;
        for (size_t j = 0; j < call->tokens; j++) {
            const float *k = call->k + j * call->stride;
            float sum = 0;
            for (size_t c = 0; c < call->size; c++)
                sum += q[c] * k[c];
            scores[j] = sum;
        }
        reference_softmax(scores, call->tokens, 1, call->tokens, call->scale);

        float *out = call->out + i * call->out_stride;
        for (size_t c = 0; c < call->size; c++)
            out[c] = 0;
        for (size_t j = 0; j < call->tokens; j++) {
            const float *v = call->v + j * call->stride;
            for (size_t c = 0; c < call->size; c++)
                out[c] += scores[j] * v[c];
        }
    }
}
