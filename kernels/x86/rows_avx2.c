/*
 * rows_avx2.c - what is computed row by row: LayerNorm, softmax, activations, pooling, means.
 *
 * Sums over a row run in lanes that are joined at its end: another order than the reference's, and
 * a smaller error.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include <math.h>

#include "x86/avx2.h"
#include "x86/vector_avx2.h"

/* The sum of x[c] - shift, or of its square, over a row; four vectors of lanes hide the latency. */
static ALWAYS_INLINE TARGET_AVX2 float sum_of_row(const float *x, size_t columns, float shift,
                                                  bool squared)
{
    const __m256 shifts = _mm256_set1_ps(shift);
    __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                      _mm256_setzero_ps()};

    size_t c = 0;
    for (; c + 32 <= columns; c += 32) {
        for (size_t i = 0; i < 4; i++) {
            __m256 v = _mm256_sub_ps(_mm256_loadu_ps(x + c + 8 * i), shifts);
            sums[i] = squared ? _mm256_fmadd_ps(v, v, sums[i]) : _mm256_add_ps(sums[i], v);
        }
    }
    for (; c < columns; c += 8) {
        __m256 v = _mm256_sub_ps(load_lanes(x + c, columns - c), shifts);
        v = keep_lanes(v, columns - c, 0);
        sums[0] = squared ? _mm256_fmadd_ps(v, v, sums[0]) : _mm256_add_ps(sums[0], v);
    }
    __m256 sum = _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3]));
    return sum_of_lanes(sum);
}

TARGET_AVX2 void avx2_layernorm(float *out, size_t out_stride, const float *in, size_t in_stride,
                                size_t rows, size_t columns, const float *gain, const float *bias,
                                float epsilon)
{
    for (size_t r = 0; r < rows; r++, in += in_stride, out += out_stride) {
        float mean = sum_of_row(in, columns, 0, false) / (float)columns;
        float variance = sum_of_row(in, columns, mean, true) / (float)columns;
        const __m256 means = _mm256_set1_ps(mean);
        const __m256 scales = _mm256_set1_ps(1 / sqrtf(variance + epsilon));

        for (size_t c = 0; c < columns; c += 8) {
            size_t left = columns - c;
            __m256 v = _mm256_sub_ps(load_lanes(in + c, left), means);
            v = _mm256_mul_ps(v, scales);
            v = _mm256_fmadd_ps(v, load_lanes(gain + c, left), load_lanes(bias + c, left));
            store_lanes(out + c, left, v);
        }
    }
}

static ALWAYS_INLINE TARGET_AVX2 float largest_of_row(const float *x, size_t columns)
{
    __m256 largest = _mm256_set1_ps(-INFINITY);
    for (size_t c = 0; c < columns; c += 8) {
        __m256 v = keep_lanes(load_lanes(x + c, columns - c), columns - c, -INFINITY);
        largest = _mm256_max_ps(largest, v);
    }
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(largest), _mm256_extractf128_ps(largest, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/* See the reference for why the largest is subtracted before scaling. */
TARGET_AVX2 void avx2_softmax(float *x, size_t stride, size_t rows, size_t columns, float scale)
{
    const __m256 scales = _mm256_set1_ps(scale);

    for (size_t r = 0; r < rows; r++, x += stride) {
        const __m256 largest = _mm256_set1_ps(largest_of_row(x, columns));
        __m256 lane_sums = _mm256_setzero_ps();
        for (size_t c = 0; c < columns; c += 8) {
            size_t left = columns - c;
            __m256 v = _mm256_sub_ps(load_lanes(x + c, left), largest);
            v = exp_of(_mm256_mul_ps(v, scales));
            store_lanes(x + c, left, v);
            lane_sums = _mm256_add_ps(lane_sums, keep_lanes(v, left, 0));
        }
        const __m256 sum = _mm256_set1_ps(sum_of_lanes(lane_sums));
        for (size_t c = 0; c < columns; c += 8)
            store_lanes(x + c, columns - c, _mm256_div_ps(load_lanes(x + c, columns - c), sum));
    }
}

static ALWAYS_INLINE TARGET_AVX2 void activate_as(float *x, size_t count, activation kind)
{
    for (size_t i = 0; i < count; i += 8)
        store_lanes(x + i, count - i, activation_of(load_lanes(x + i, count - i), kind));
}

TARGET_AVX2 void avx2_activate(float *x, size_t count, activation kind)
{
    switch (kind) {
    case ACTIVATION_NONE: break;
    case ACTIVATION_RELU: activate_as(x, count, ACTIVATION_RELU); break;
    case ACTIVATION_QUICK_GELU: activate_as(x, count, ACTIVATION_QUICK_GELU); break;
    case ACTIVATION_GELU: activate_as(x, count, ACTIVATION_GELU); break;
    }
}

TARGET_AVX2 void avx2_average_pool_row(float *out, const float *top, const float *bottom,
                                       size_t columns, size_t channels)
{
    const __m256 quarter = _mm256_set1_ps(0.25f);

    for (size_t p = 0; p < columns; p++, out += channels) {
        for (size_t c = 0; c < channels; c += 8) {
            size_t left = channels - c;
            __m256 above =
                _mm256_add_ps(load_lanes(top + c, left), load_lanes(top + channels + c, left));
            __m256 below = _mm256_add_ps(load_lanes(bottom + c, left),
                                         load_lanes(bottom + channels + c, left));
            store_lanes(out + c, left, _mm256_mul_ps(_mm256_add_ps(above, below), quarter));
        }
        top += 2 * channels;
        bottom += 2 * channels;
    }
}

/* Four vectors of columns at a time: each row gives two cache lines, each column one chain. */
TARGET_AVX2 void avx2_column_mean(float *out, const float *x, size_t stride, size_t rows,
                                  size_t columns)
{
    const __m256 count = _mm256_set1_ps((float)rows);
    size_t c = 0;

    for (; c + 32 <= columns; c += 32) {
        __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                          _mm256_setzero_ps()};
        for (size_t r = 0; r < rows; r++)
            for (size_t i = 0; i < 4; i++)
                sums[i] = _mm256_add_ps(sums[i], _mm256_loadu_ps(x + r * stride + c + 8 * i));
        for (size_t i = 0; i < 4; i++)
            _mm256_storeu_ps(out + c + 8 * i, _mm256_div_ps(sums[i], count));
    }
    for (; c < columns; c += 8) {
        __m256 sum = _mm256_setzero_ps();
        for (size_t r = 0; r < rows; r++)
            sum = _mm256_add_ps(sum, load_lanes(x + r * stride + c, columns - c));
        store_lanes(out + c, columns - c, _mm256_div_ps(sum, count));
    }
}

#else

typedef int rows_avx2_is_for_x86;

#endif
