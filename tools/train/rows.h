/*
 * rows.h - what a transformer does to each row of numbers, and the way back: LayerNorm, GELU,
 * softmax; sums of columns.
 *
 * Rows follow each other without a gap unless a stride is given.  Knows nothing of towers.
 */
#ifndef QUALICLIP_TRAIN_ROWS_H
#define QUALICLIP_TRAIN_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#define NORM_EPSILON 1e-5f

/* x += bias, for each row. */
void rows_add(float *x, size_t rows, size_t width, const float *bias);

/*
 * LayerNorm.  Where `late` is not NULL it is added to x first, in place: the bias of the product
 * that left x.  Kept for the way back: `normal`, which is (x - mean) * inverse, and `inverse`, one
 * number a row, which is 1 / sqrt(variance + NORM_EPSILON).
 */
struct norm {
    const float *gain, *bias; /* width each */
    float *normal, *inverse;
};
void rows_norm(const struct norm *norm, float *x, size_t rows, size_t width, const float *late,
               float *out);

/*
 * The way back through LayerNorm: `change` is the gradient of its output and becomes that of x.
 * Adds to gain_gradient and bias_gradient; writes the output of rows_norm() anew.
 */
void rows_norm_back(const struct norm *norm, float *change, size_t rows, size_t width,
                    float *gain_gradient, float *bias_gradient, float *out);

/* out = GELU(x + bias); x keeps the sum.  Exact (erf) or x * sigmoid(1.702 x). */
void rows_gelu(float *x, size_t rows, size_t width, const float *bias, bool exact, float *out);

/* `change`: gradient of the output, becomes that of x (which has its bias).  out = GELU(x). */
void rows_gelu_back(const float *x, float *change, size_t count, bool exact, float *out);

/* Each row becomes exp(x) divided by its sum. */
void rows_softmax(float *x, size_t rows, size_t width);

/* `change`: gradient of the softmax `y`, becomes that of what it was taken of, times `scale`. */
void rows_softmax_back(const float *y, float *change, size_t rows, size_t width, float scale);

/* sums[c] = sum of column c, over rows `stride` apart. */
void rows_sum(const float *x, size_t rows, size_t stride, size_t width, float *sums);

#endif
