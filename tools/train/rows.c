/*
 * rows.c - plain loops that compilers turn into vectors (-fopenmp-simd: directives, no threads).
 *
 * Compiled for several CPUs where the compiler can choose among them at run time.  Sums are split
 * over the lanes of a vector, so their bits are those of a CPU.
 */
#include "rows.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "clones.h"

/* Not what vectors.h has: another target would be other instructions, and other sums. */
#define FOR_EACH_CPU CLONES("avx512f")

/* ------------------------------------------------------------------------------------ functions */

/* e^x to 2 ulp, for x from -87 to 88; beyond, that of the bound. */
static inline float exponential(float x)
{
    const float to_integer = 12582912.0f; /* 1.5 * 2^23: what is added to it loses its fraction */
    x = x > -87.0f ? x : -87.0f;
    x = x < 88.0f ? x : 88.0f;
    const float power = (x * 1.44269504f + to_integer) - to_integer;
    const float rest = (x - power * 0.693359375f) + power * 2.12194440e-4f;
    float sum = 1.9875691500e-4f;
    sum = sum * rest + 1.3981999507e-3f;
    sum = sum * rest + 8.3334519073e-3f;
    sum = sum * rest + 4.1665795894e-2f;
    sum = sum * rest + 1.6666665459e-1f;
    sum = sum * rest + 5.0000001201e-1f;
    sum = sum * rest * rest + rest + 1.0f;
    const int32_t bits = ((int32_t)power + 127) * (1 << 23);
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return sum * scale;
}

/*
 * GELU's factor and the density that its derivative needs: Phi(x), phi(x) of the normal
 * distribution.  Phi(-|x|) = phi-like exponential times a polynomial in 1 / (1 + 0.33 |x|), fitted
 * to 3e-9 (minimax, by weighted least squares).
 */
static inline float normal_share(float x, float *density)
{
    const float size = fabsf(x), bell = exponential(-0.5f * x * x);
    const float t = 1.0f / (1.0f + 0.33f * size);
    float sum = 0.0445464488f;
    sum = sum * t - 0.215883172f;
    sum = sum * t + 0.322116361f;
    sum = sum * t - 0.0799709071f;
    sum = sum * t + 0.175733686f;
    sum = sum * t + 0.121033821f;
    sum = sum * t + 0.132423766f;
    const float tail = sum * t * bell;
    *density = 0.398942280f * bell;
    return x < 0.0f ? tail : 1.0f - tail;
}

static inline float sigmoid(float x)
{
    return 1.0f / (1.0f + exponential(-x));
}

/* ------------------------------------------------------------------------------------ LayerNorm */

FOR_EACH_CPU
void rows_add(float *x, size_t rows, size_t width, const float *bias)
{
    for (size_t row = 0; row < rows; row++, x += width) {
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            x[c] += bias[c];
    }
}

FOR_EACH_CPU
void rows_norm(const struct norm *norm, float *x, size_t rows, size_t width, const float *late,
               float *out)
{
    const float *gain = norm->gain, *bias = norm->bias;
    for (size_t row = 0; row < rows; row++, x += width, out += width) {
        float sum = 0, squares = 0;
        if (late) {
#pragma omp simd reduction(+ : sum)
            for (size_t c = 0; c < width; c++) {
                x[c] += late[c];
                sum += x[c];
            }
        } else {
#pragma omp simd reduction(+ : sum)
            for (size_t c = 0; c < width; c++)
                sum += x[c];
        }
        const float mean = sum / (float)width;
#pragma omp simd reduction(+ : squares)
        for (size_t c = 0; c < width; c++)
            squares += (x[c] - mean) * (x[c] - mean);
        const float inverse = 1.0f / sqrtf(squares / (float)width + NORM_EPSILON);
        float *normal = norm->normal + row * width;
#pragma omp simd
        for (size_t c = 0; c < width; c++) {
            normal[c] = (x[c] - mean) * inverse;
            out[c] = normal[c] * gain[c] + bias[c];
        }
        norm->inverse[row] = inverse;
    }
}

FOR_EACH_CPU
void rows_norm_back(const struct norm *norm, float *change, size_t rows, size_t width,
                    float *gain_gradient, float *bias_gradient, float *out)
{
    const float *gain = norm->gain, *bias = norm->bias, *normal = norm->normal;
    for (size_t row = 0; row < rows; row++, change += width, out += width, normal += width) {
        float sum = 0, along = 0;
#pragma omp simd reduction(+ : sum, along)
        for (size_t c = 0; c < width; c++) {
            const float scaled = change[c] * gain[c];
            sum += scaled;
            along += scaled * normal[c];
            gain_gradient[c] += change[c] * normal[c];
            bias_gradient[c] += change[c];
        }
        const float mean = sum / (float)width, slope = along / (float)width;
        const float inverse = norm->inverse[row];
#pragma omp simd
        for (size_t c = 0; c < width; c++) {
            change[c] = (change[c] * gain[c] - mean - slope * normal[c]) * inverse;
            out[c] = normal[c] * gain[c] + bias[c];
        }
    }
}

/* ----------------------------------------------------------------------------------------- GELU */

FOR_EACH_CPU
static void quick_gelu(float *x, size_t rows, size_t width, const float *bias, float *out)
{
    for (size_t row = 0; row < rows; row++, x += width, out += width) {
#pragma omp simd
        for (size_t c = 0; c < width; c++) {
            const float input = x[c] + bias[c];
            x[c] = input;
            out[c] = input * sigmoid(1.702f * input);
        }
    }
}

FOR_EACH_CPU
static void exact_gelu(float *x, size_t rows, size_t width, const float *bias, float *out)
{
    for (size_t row = 0; row < rows; row++, x += width, out += width) {
#pragma omp simd
        for (size_t c = 0; c < width; c++) {
            float density;
            const float input = x[c] + bias[c];
            x[c] = input;
            out[c] = input * normal_share(input, &density);
        }
    }
}

void rows_gelu(float *x, size_t rows, size_t width, const float *bias, bool exact, float *out)
{
    (exact ? exact_gelu : quick_gelu)(x, rows, width, bias, out);
}

FOR_EACH_CPU
static void quick_gelu_back(const float *x, float *change, size_t count, float *out)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        const float share = sigmoid(1.702f * x[i]), value = x[i] * share;
        change[i] *= share + 1.702f * value * (1.0f - share);
        out[i] = value;
    }
}

FOR_EACH_CPU
static void exact_gelu_back(const float *x, float *change, size_t count, float *out)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        float density;
        const float share = normal_share(x[i], &density);
        change[i] *= share + x[i] * density;
        out[i] = x[i] * share;
    }
}

void rows_gelu_back(const float *x, float *change, size_t count, bool exact, float *out)
{
    (exact ? exact_gelu_back : quick_gelu_back)(x, change, count, out);
}

/* ----------------------------------------------------------------------------- softmax, columns */

/* Lane by lane, since compilers leave the order of comparisons as it is. */
static inline float largest(const float *x, size_t count)
{
    enum { LANES = 16 };
    float lanes[LANES], most = x[0];
    size_t c = 0;
    for (size_t l = 0; l < LANES; l++)
        lanes[l] = most;
    for (; c + LANES <= count; c += LANES) {
#pragma omp simd
        for (size_t l = 0; l < LANES; l++)
            lanes[l] = x[c + l] > lanes[l] ? x[c + l] : lanes[l];
    }
    for (; c < count; c++)
        most = x[c] > most ? x[c] : most;
    for (size_t l = 0; l < LANES; l++)
        most = lanes[l] > most ? lanes[l] : most;
    return most;
}

FOR_EACH_CPU
void rows_softmax(float *x, size_t rows, size_t width)
{
    for (size_t row = 0; row < rows; row++, x += width) {
        const float most = largest(x, width);
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t c = 0; c < width; c++) {
            x[c] = exponential(x[c] - most);
            sum += x[c];
        }
        const float share = 1.0f / sum;
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            x[c] *= share;
    }
}

FOR_EACH_CPU
void rows_softmax_back(const float *y, float *change, size_t rows, size_t width, float scale)
{
    for (size_t row = 0; row < rows; row++, y += width, change += width) {
        float along = 0;
#pragma omp simd reduction(+ : along)
        for (size_t c = 0; c < width; c++)
            along += y[c] * change[c];
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            change[c] = scale * y[c] * (change[c] - along);
    }
}

FOR_EACH_CPU
void rows_sum(const float *x, size_t rows, size_t stride, size_t width, float *sums)
{
    memset(sums, 0, width * sizeof *sums);
    for (size_t row = 0; row < rows; row++, x += stride) {
#pragma omp simd
        for (size_t c = 0; c < width; c++)
            sums[c] += x[c];
    }
}
