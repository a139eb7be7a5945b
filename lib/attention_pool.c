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

#include "layer_cuts.h"

size_t attention_pool_scratch(const struct resnet *resnet, const kernel_set *kernels, size_t tokens)
{
    size_t channels = resnet->channels, head = channels / resnet->heads;
    size_t floats = kernels->gemm_scratch(1, channels, channels);
    floats = larger(floats, kernels->gemm_scratch(1, channels, resnet->out.weight.outputs));
    floats = larger(floats, kernels->gemm_scratch(1, head, channels));
    floats = larger(floats, kernels->gemm_scratch(1, channels, tokens));
    floats = larger(floats, kernels->gemm_scratch(1, tokens, channels));
    floats = larger(floats, kernels->gemm_scratch(1, channels, head));
    const size_t linear =
        larger(linear_scratch(kernels, &resnet->query), linear_scratch(kernels, &resnet->out));
    return larger(linear, floats * sizeof(float));
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

/*
 * A product for token 0, on one thread: y (rows x outputs) = x (rows x inputs) * W + bias, both
 * without gaps.
 */
static void small_product(const struct layers *layers, size_t worker, gemm_call call, size_t rows,
                          const float *x, float *y)
{
    call.rows = rows;
    call.taps = 1;
    call.x = x;
    call.x_stride = call.inputs;
    call.out = y;
    call.out_stride = call.outputs;
    layers->kernels->gemm(&call, scratch_of(layers, worker));
}

static void whole_product(const struct layers *layers, float *x, const struct linear *linear,
                          float *y)
{
    const size_t segments[] = {0, 1};
    const struct rows in = {x, linear->weight.inputs}, out = {y, linear->weight.outputs};
    const struct rows none = {0};
    linear_forward(layers, linear, floats(in), segments, 1, ACTIVATION_NONE, none, out);
}

struct pool_job {
    const struct resnet *resnet;
    const struct layers *layers;
    struct pooled pooled;
};

/* The rows of a matrix that belong to one head. */
static const void *head_rows(const struct matrix *matrix, size_t head, size_t head_size)
{
    size_t element = number_size(matrix->type);
    return (const char *)matrix->data + head * head_size * matrix->inputs * element;
}

/* A head's query, taken through its keys' matrix. */
static void key_task(void *context, size_t head, size_t worker)
{
    const struct pool_job *job = context;
    const struct resnet *resnet = job->resnet;
    const struct matrix *keys = &resnet->key.weight;
    const size_t channels = resnet->channels, size = channels / resnet->heads;
    const char *packed = resnet->packed_keys;
    gemm_call call = {.outputs = channels,
                      .inputs = size,
                      .weights = head_rows(keys, head, size),
                      .weight_type = keys->type,
                      .weight_stride = channels,
                      .weights_transposed = true};
    if (packed)
        call.packed = packed + head * packed_bytes(keys->type, 1, size, channels);
    small_product(job->layers, worker, call, 1, job->pooled.query + head * size,
                  job->pooled.keyed + head * channels);
}

/* A head's mean token, taken through its values' matrix. */
static void value_task(void *context, size_t head, size_t worker)
{
    const struct pool_job *job = context;
    const struct resnet *resnet = job->resnet;
    const struct matrix *values = &resnet->value.weight;
    const size_t channels = resnet->channels, size = channels / resnet->heads;
    const char *packed = values->packed;
    gemm_call call = {.outputs = size,
                      .inputs = channels,
                      .weights = head_rows(values, head, size),
                      .weight_type = values->type,
                      .weight_stride = channels,
                      .bias = resnet->value.bias ? resnet->value.bias + head * size : NULL};
    if (packed) /* then a head is some whole panels */
        call.packed =
            packed + head * (size / PANEL_OUTPUTS) * panel_bytes(values->type, 1, channels);
    small_product(job->layers, worker, call, 1, job->pooled.means + head * channels,
                  job->pooled.values + head * size);
}

void attention_pool(const struct resnet *resnet, const struct layers *layers, float *pool,
                    float *tokens, size_t count, float *feature)
{
    struct pool_job job = {resnet, layers, pooled_pieces(resnet, pool)};
    const struct pooled *pooled = &job.pooled;
    size_t channels = resnet->channels, heads = resnet->heads, size = channels / heads;
    whole_product(layers, tokens, &resnet->query, pooled->query);
    threads_run(layers->threads, heads, key_task, &job);
    gemm_call scores = {.outputs = count,
                        .inputs = channels,
                        .weights = tokens,
                        .weight_type = NUMBER_F32,
                        .weight_stride = channels};
    small_product(layers, 0, scores, heads, pooled->keyed, pooled->weights);
    layers->kernels->softmax(pooled->weights, count, heads, count, 1 / sqrtf((float)size));
    gemm_call sums = {.outputs = channels,
                      .inputs = count,
                      .weights = tokens,
                      .weight_type = NUMBER_F32,
                      .weight_stride = channels,
                      .weights_transposed = true};
    small_product(layers, 0, sums, heads, pooled->weights, pooled->means);
    threads_run(layers->threads, heads, value_task, &job);
    whole_product(layers, pooled->values, &resnet->out, feature);
}
