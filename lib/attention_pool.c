/*
 * attention_pool.c - CLIP's attention pooling for the one output that is ever used, that of token
 * 0.
 *
 * No key or value is formed:
 *     q . (W_k x) = (W_k^T q) . x         (the key's bias adds the same to every score: softmax
 *     sum a (W_v x) = W_v (sum a x)        does not see it; the value's bias passes unchanged)
 */
#include "attention_pool.h"

#include <math.h>

size_t attention_pool_scratch(const struct resnet *resnet, const kernel_set *kernels, size_t tokens)
{
    size_t channels = resnet->channels, head = channels / resnet->heads;
    size_t floats = kernels->gemm_scratch(1, channels, channels);
    floats = larger(floats, kernels->gemm_scratch(1, channels, resnet->out.weight.outputs));
    floats = larger(floats, kernels->gemm_scratch(1, head, channels));
    floats = larger(floats, kernels->gemm_scratch(1, channels, tokens));
    floats = larger(floats, kernels->gemm_scratch(1, tokens, channels));
    floats = larger(floats, kernels->gemm_scratch(1, channels, head));
    return floats * sizeof(float);
}

/* Pieces of the workspace. */
struct pooled {
    float *query;   /* channels */
    float *keyed;   /* heads x channels: each head's query, taken through its keys' matrix */
    float *weights; /* heads x tokens: scores, then softmax */
    float *means;   /* heads x channels: tokens, weighted */
    float *values;  /* channels */
};

size_t attention_pool_floats(const struct resnet *resnet, size_t tokens)
{
    return 2 * resnet->channels + resnet->heads * (2 * resnet->channels + tokens);
}

static struct pooled pooled_pieces(const struct resnet *resnet, float *base)
{
    struct pooled pooled;
    pooled.query = base;
    pooled.values = pooled.query + resnet->channels;
    pooled.keyed = pooled.values + resnet->channels;
    pooled.means = pooled.keyed + resnet->heads * resnet->channels;
    pooled.weights = pooled.means + resnet->heads * resnet->channels;
    return pooled;
}

/* A product for token 0, on the calling thread: y (rows x outputs) = x (rows x inputs) * W + bias.
 */
static void small_product(const struct layers *layers, size_t rows, const float *x,
                          struct matrix weight, size_t weight_stride, bool transposed,
                          const float *bias, float *y)
{
    gemm_call call = {.rows = rows,
                      .outputs = weight.outputs,
                      .taps = 1,
                      .inputs = weight.inputs,
                      .x = x,
                      .x_stride = weight.inputs,
                      .weights = weight.data,
                      .weight_type = weight.type,
                      .weight_stride = weight_stride,
                      .weights_transposed = transposed,
                      .packed = weight.packed,
                      .bias = bias,
                      .out = y,
                      .out_stride = weight.outputs};
    layers->kernels->gemm(&call, (float *)layers->scratch);
}

static void whole_product(const struct layers *layers, const float *x, const struct linear *linear,
                          float *y)
{
    small_product(layers, 1, x, linear->weight, linear->weight.inputs, false, linear->bias, y);
}

/* The rows of a matrix that belong to one head. */
static const void *head_rows(const struct matrix *matrix, size_t head, size_t head_size)
{
    size_t element = number_size(matrix->type);
    return (const char *)matrix->data + head * head_size * matrix->inputs * element;
}

void attention_pool(const struct resnet *resnet, const struct layers *layers, float *pool,
                    const float *tokens, size_t count, float *feature)
{
    struct pooled pooled = pooled_pieces(resnet, pool);
    size_t channels = resnet->channels, heads = resnet->heads, size = channels / heads;
    whole_product(layers, tokens, &resnet->query, pooled.query);
    for (size_t head = 0; head < heads; head++) {
        struct matrix keys = {.data = head_rows(&resnet->key.weight, head, size),
                              .type = resnet->key.weight.type,
                              .outputs = channels,
                              .inputs = size};
        small_product(layers, 1, pooled.query + head * size, keys, channels, true, NULL,
                      pooled.keyed + head * channels);
    }
    struct matrix scores = {.data = tokens, .outputs = count, .inputs = channels};
    small_product(layers, heads, pooled.keyed, scores, channels, false, NULL, pooled.weights);
    layers->kernels->softmax(pooled.weights, count, heads, count, 1 / sqrtf((float)size));
    struct matrix sums = {.data = tokens, .outputs = channels, .inputs = count};
    small_product(layers, heads, pooled.weights, sums, channels, true, NULL, pooled.means);
    for (size_t head = 0; head < heads; head++) {
        struct matrix values = {.data = head_rows(&resnet->value.weight, head, size),
                                .type = resnet->value.weight.type,
                                .outputs = size,
                                .inputs = channels};
        small_product(layers, 1, pooled.means + head * channels, values, channels, false,
                      resnet->value.bias ? resnet->value.bias + head * size : NULL,
                      pooled.values + head * size);
    }
    whole_product(layers, pooled.values, &resnet->out, feature);
}
