/*
 * rows.c - what is computed row by row: LayerNorm, softmax, activations, pooling, means.
 */
#include <math.h>

#include "reference/reference.h"

/* Two passes: the one-pass formula cancels where the mean is large against the deviation. */
void reference_layernorm(float *out, size_t out_stride, const float *in, size_t in_stride,
                         size_t rows, size_t columns, const float *gain, const float *bias,
                         float epsilon)
{
    for (size_t r = 0; r < rows; r++, in += in_stride, out += out_stride) {
        float sum = 0, squares = 0;
        for (size_t c = 0; c < columns; c++)
            sum += in[c];
        float mean = sum / (float)columns;
        for (size_t c = 0; c < columns; c++)
            squares += (in[c] - mean) * (in[c] - mean);
        float scale = 1 / sqrtf(squares / (float)columns + epsilon);
        for (size_t c = 0; c < columns; c++)
            out[c] = (in[c] - mean) * scale * gain[c] + bias[c];
    }
}

/*
 * Within these limits the result of expf() is neither 0 nor infinite, so that it has no reason to
 * set errno, which is the caller's.
 */
#define EXPONENT_LEAST -103.0f
#define EXPONENT_MOST  88.72f

/* exp(x) for x <= EXPONENT_MOST, or NaN. */
static float exponential(float x)
{
    return x < EXPONENT_LEAST ? 0 : expf(x);
}

/*
 * The largest is subtracted first, so no exponential exceeds 1 and their sum is at least 1; before
 * scaling, so that only a difference can overflow: to minus infinity, whose exponential is 0.
 */
void reference_softmax(float *x, size_t stride, size_t rows, size_t columns, float scale)
{
    for (size_t r = 0; r < rows; r++, x += stride) {
        float largest = -INFINITY, sum = 0;
        for (size_t c = 0; c < columns; c++)
            largest = x[c] > largest ? x[c] : largest;
        for (size_t c = 0; c < columns; c++) {
            x[c] = exponential((x[c] - largest) * scale);
            sum += x[c];
        }
        for (size_t c = 0; c < columns; c++)
            x[c] /= sum;
    }
}

static float quick_gelu(float x)
{
    const float exponent = -1.702f * x;
    return exponent > EXPONENT_MOST ? -0.0f : x / (1 + exponential(exponent));
}

/* erfc(z) is no normal number from 9.2 on. */
static float gelu(float x)
{
    const float z = x * -0.70710678f;
    return z > 9.19f ? -0.0f : x * (0.5f * erfcf(z));
}

/*
 * Where an exponential would overflow, the quotient is 0 as it should be.  ReLU lets NaN pass: it
 * must reach the result, where it is reported.
 */
float reference_activation_of(float x, activation kind)
{
    switch (kind) {
    case ACTIVATION_NONE: break;
    case ACTIVATION_RELU: return x < 0 ? 0 : x;
    case ACTIVATION_QUICK_GELU: return quick_gelu(x);
    case ACTIVATION_GELU: return gelu(x);
    }
    return x;
}

void reference_activate(float *x, size_t count, activation kind)
{
    for (size_t i = 0; i < count; i++)
        x[i] = reference_activation_of(x[i], kind);
}

void reference_average_pool_row(float *out, const float *top, const float *bottom, size_t columns,
                                size_t channels)
{
    for (size_t p = 0; p < columns; p++) {
        const float *a = top + 2 * p * channels, *b = a + channels;
        const float *c = bottom + 2 * p * channels, *d = c + channels;
        for (size_t i = 0; i < channels; i++)
            out[p * channels + i] = ((a[i] + b[i]) + (c[i] + d[i])) * 0.25f;
    }
}

void reference_column_mean(float *out, const float *x, size_t stride, size_t rows, size_t columns)
{
    for (size_t c = 0; c < columns; c++)
        out[c] = 0;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            out[c] += x[r * stride + c];
    for (size_t c = 0; c < columns; c++)
        out[c] /= (float)rows;
}
