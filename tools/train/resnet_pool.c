/*
 * resnet_pool.c - see resnet_pool.h.  Products are oneDNN's.
 */
#include "resnet_pool.h"

#include <dnnl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "crew.h"

/* A matrix in rows, `stride` apart; `transposed`: used as if its columns were its rows. */
struct matrix {
    const float *values;
    size_t stride;
    bool transposed;
};

/* out (rows x columns, stride apart) = scale * a b + keep * out, over `inner`. */
static void multiply(size_t rows, size_t columns, size_t inner, float scale, struct matrix a,
                     struct matrix b, float keep, float *out, size_t stride)
{
    dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', (dnnl_dim_t)rows,
               (dnnl_dim_t)columns, (dnnl_dim_t)inner, scale, a.values, (dnnl_dim_t)a.stride,
               b.values, (dnnl_dim_t)b.stride, keep, out, (dnnl_dim_t)stride);
}

static struct matrix plain(const float *values, size_t stride)
{
    return (struct matrix){values, stride, false};
}

static struct matrix transposed(const float *values, size_t stride)
{
    return (struct matrix){values, stride, true};
}

static void spread_bias(const float *bias, size_t rows, size_t columns, float *out)
{
    for (size_t i = 0; i < rows; i++)
        memcpy(out + i * columns, bias, columns * sizeof *out);
}

static size_t positions_of(const struct resnet_pool *pool)
{
    return pool->height * pool->width;
}

static size_t tokens_of(const struct resnet_pool *pool)
{
    return 1 + positions_of(pool);
}

static size_t head_size(const struct resnet_pool *pool)
{
    return pool->channels / pool->heads;
}

static float score_scale(const struct resnet_pool *pool)
{
    return (float)(1 / sqrt((double)head_size(pool)));
}

/* -------------------------------------------------------------------------------------- memory */

bool resnet_pool_create(struct resnet_pool *pool)
{
    const size_t c = pool->channels, t = tokens_of(pool), h = pool->heads, n = pool->batch;
    const struct {
        float **array;
        size_t count;
    } arrays[] = {
        {&pool->tokens, t * c},          {&pool->queries, c},
        {&pool->asked, h * c},           {&pool->weights, h * t},
        {&pool->mixed, h * c},           {&pool->values, c},
        {&pool->token_gradients, t * c}, {&pool->query_gradients, c},
        {&pool->asked_gradients, h * c}, {&pool->weight_gradients, h * t},
        {&pool->mixed_gradients, h * c}, {&pool->value_gradients, c},
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        count += arrays[i].count * n;
    pool->memory = malloc(count * sizeof(float));
    float *next = pool->memory;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays && next; i++) {
        *arrays[i].array = next;
        next += arrays[i].count * n;
    }
    return next != NULL;
}

void resnet_pool_destroy(struct resnet_pool *pool)
{
    free(pool->memory);
}

/* ---------------------------------------------------------------------------------------- forth */

/* One image's tensor in blocks -> its positions, and their mean before them. */
static void gather_tokens(const struct resnet_pool *pool, const float *planes, float *tokens)
{
    const size_t count = positions_of(pool), channels = pool->channels, block = pool->block;
    memset(tokens, 0, channels * sizeof *tokens);
    for (size_t c = 0; c < channels; c += block, planes += count * block)
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < block && c + k < channels; k++) {
                const float value = planes[i * block + k];
                tokens[(1 + i) * channels + c + k] = value;
                tokens[c + k] += value;
            }
    for (size_t c = 0; c < channels; c++)
        tokens[c] /= (float)count;
    if (pool->positions)
        for (size_t i = 0; i < (1 + count) * channels; i++)
            tokens[i] += pool->positions->values[i];
}

static void softmax(float *x, size_t count)
{
    float most = x[0], sum = 0;
    for (size_t i = 1; i < count; i++)
        most = fmaxf(most, x[i]);
    for (size_t i = 0; i < count; i++)
        sum += x[i] = expf(x[i] - most);
    for (size_t i = 0; i < count; i++)
        x[i] /= sum;
}

/* The weighted means of an image's tokens. */
static void mix_tokens(struct resnet_pool *pool, size_t image)
{
    const size_t c = pool->channels, t = tokens_of(pool), h = pool->heads;
    const float *tokens = pool->tokens + image * t * c;
    float *weights = pool->weights + image * h * t;
    multiply(h, t, c, score_scale(pool), plain(pool->asked + image * h * c, c),
             transposed(tokens, c), 0, weights, t);
    for (size_t head = 0; head < h; head++)
        softmax(weights + head * t, t);
    multiply(h, c, t, 1, plain(weights, t), plain(tokens, c), 0, pool->mixed + image * h * c, c);
}

void resnet_pool_forward(struct resnet_pool *pool, size_t first, size_t end, const float *planes,
                         float *features)
{
    const size_t c = pool->channels, t = tokens_of(pool), h = pool->heads, d = head_size(pool);
    const size_t size = (c + pool->block - 1) / pool->block * pool->block * positions_of(pool);
    const size_t images = end - first;
    float *tokens = pool->tokens + first * t * c, *queries = pool->queries + first * c;
    float *asked = pool->asked + first * h * c, *mixed = pool->mixed + first * h * c;
    float *values = pool->values + first * c, *out = features + first * pool->features;
    for (size_t i = 0; i < images; i++)
        gather_tokens(pool, planes + (first + i) * size, tokens + i * t * c);
    spread_bias(pool->query.bias->values, images, c, queries);
    multiply(images, c, c, 1, plain(tokens, t * c), transposed(pool->query.weight->values, c), 1,
             queries, c);
    for (size_t head = 0; head < h; head++)
        multiply(images, c, d, 1, plain(queries + head * d, c),
                 plain(pool->key.weight->values + head * d * c, c), 0, asked + head * c, h * c);
    for (size_t i = first; i < end; i++)
        mix_tokens(pool, i);
    spread_bias(pool->value.bias->values, images, c, values);
    for (size_t head = 0; head < h; head++)
        multiply(images, d, c, 1, plain(mixed + head * c, h * c),
                 transposed(pool->value.weight->values + head * d * c, c), 1, values + head * d, c);
    spread_bias(pool->out.bias->values, images, pool->features, out);
    multiply(images, pool->features, c, 1, plain(values, c),
             transposed(pool->out.weight->values, c), 1, out, pool->features);
}

/* ----------------------------------------------------------------------------------------- back */

/* From the gradient of an image's means to that of its tokens, and of what they were asked. */
static void unmix_tokens(struct resnet_pool *pool, size_t image)
{
    const size_t c = pool->channels, t = tokens_of(pool), h = pool->heads;
    const float *tokens = pool->tokens + image * t * c, *weights = pool->weights + image * h * t;
    const float *mixed = pool->mixed_gradients + image * h * c;
    float *scores = pool->weight_gradients + image * h * t;
    float *to = pool->token_gradients + image * t * c;
    multiply(h, t, c, 1, plain(mixed, c), transposed(tokens, c), 0, scores, t);
    for (size_t head = 0; head < h; head++) {
        const float *w = weights + head * t;
        float *s = scores + head * t, mean = 0;
        for (size_t i = 0; i < t; i++)
            mean += w[i] * s[i];
        for (size_t i = 0; i < t; i++)
            s[i] = w[i] * (s[i] - mean);
    }
    const float scale = score_scale(pool);
    multiply(t, c, h, 1, transposed(weights, t), plain(mixed, c), 0, to, c);
    multiply(t, c, h, scale, transposed(scores, t), plain(pool->asked + image * h * c, c), 1, to,
             c);
    multiply(h, c, t, scale, plain(scores, t), plain(tokens, c), 0,
             pool->asked_gradients + image * h * c, c);
}

/* The reverse of gather_tokens(). */
static void scatter_tokens(const struct resnet_pool *pool, const float *tokens, float *planes)
{
    const size_t count = positions_of(pool), channels = pool->channels, block = pool->block;
    for (size_t c = 0; c < channels; c += block, planes += count * block)
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < block; k++)
                planes[i * block + k] = c + k < channels ? tokens[(1 + i) * channels + c + k] +
                                                               tokens[c + k] / (float)count
                                                         : 0;
}

void resnet_pool_back(struct resnet_pool *pool, size_t first, size_t end,
                      const float *feature_gradients, float *plane_gradients)
{
    const size_t c = pool->channels, t = tokens_of(pool), h = pool->heads, d = head_size(pool);
    const size_t size = (c + pool->block - 1) / pool->block * pool->block * positions_of(pool);
    const size_t images = end - first;
    float *values = pool->value_gradients + first * c,
          *mixed = pool->mixed_gradients + first * h * c;
    float *queries = pool->query_gradients + first * c;
    multiply(images, c, pool->features, 1,
             plain(feature_gradients + first * pool->features, pool->features),
             plain(pool->out.weight->values, c), 0, values, c);
    for (size_t head = 0; head < h; head++)
        multiply(images, c, d, 1, plain(values + head * d, c),
                 plain(pool->value.weight->values + head * d * c, c), 0, mixed + head * c, h * c);
    for (size_t i = first; i < end; i++)
        unmix_tokens(pool, i);
    for (size_t head = 0; head < h; head++)
        multiply(images, d, c, 1, plain(pool->asked_gradients + (first * h + head) * c, h * c),
                 transposed(pool->key.weight->values + head * d * c, c), 0, queries + head * d, c);
    float *tokens = pool->token_gradients + first * t * c;
    multiply(images, c, c, 1, plain(queries, c), plain(pool->query.weight->values, c), 1, tokens,
             t * c);
    for (size_t i = 0; i < images; i++)
        scatter_tokens(pool, tokens + i * t * c, plane_gradients + (first + i) * size);
}

/* sums[column] = sum of rows, `stride` apart, for the columns from `first` to `end`. */
static void sum_rows(const float *x, size_t rows, size_t stride, size_t first, size_t end,
                     float *sums)
{
    memset(sums + first, 0, (end - first) * sizeof *sums);
    for (size_t i = 0; i < rows; i++)
        for (size_t c = first; c < end; c++)
            sums[c] += x[i * stride + c];
}

void resnet_pool_back_to_weights(struct resnet_pool *pool, size_t member, size_t members,
                                 const float *feature_gradients)
{
    const size_t c = pool->channels, t = tokens_of(pool), h = pool->heads, d = head_size(pool);
    const size_t n = pool->batch, e = pool->features;
    for (size_t head = crew_share(h, member, members); head < crew_share(h, member + 1, members);
         head++) {
        const size_t rows = head * d * c;
        multiply(d, c, n, 1, transposed(pool->value_gradients + head * d, c),
                 plain(pool->mixed + head * c, h * c), 0, pool->value.weight->gradient + rows, c);
        multiply(d, c, n, 1, transposed(pool->queries + head * d, c),
                 plain(pool->asked_gradients + head * c, h * c), 0,
                 pool->key.weight->gradient + rows, c);
        multiply(d, c, n, 1, transposed(pool->query_gradients + head * d, c),
                 plain(pool->tokens, t * c), 0, pool->query.weight->gradient + rows, c);
    }
    const size_t first = crew_share(e, member, members), end = crew_share(e, member + 1, members);
    if (end > first)
        multiply(end - first, c, n, 1, transposed(feature_gradients + first, e),
                 plain(pool->values, c), 0, pool->out.weight->gradient + first * c, c);
    sum_rows(feature_gradients, n, e, first, end, pool->out.bias->gradient);
    const size_t from = crew_share(c, member, members), to = crew_share(c, member + 1, members);
    sum_rows(pool->value_gradients, n, c, from, to, pool->value.bias->gradient);
    sum_rows(pool->query_gradients, n, c, from, to, pool->query.bias->gradient);
    /* A softmax does not see what is added to all of its scores: keys' biases learn nothing. */
    memset(pool->key.bias->gradient + from, 0, (to - from) * sizeof(float));
    if (pool->positions)
        sum_rows(pool->token_gradients, n, t * c, crew_share(t, member, members) * c,
                 crew_share(t, member + 1, members) * c, pool->positions->gradient);
}
