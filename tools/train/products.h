/*
 * products.h - products of matrices, row by row in memory, on one thread.
 *
 * A matrix is where it begins and how far apart its rows are, so parts of larger ones are matrices
 * too.  Each size is below 2^31; one of 0 makes nothing.
 */
#ifndef QUALICLIP_TRAIN_PRODUCTS_H
#define QUALICLIP_TRAIN_PRODUCTS_H

#include <stddef.h>

struct operand {
    const float *data;
    size_t stride;
};

struct outcome {
    float *data;
    size_t stride;
    float keep; /* what is there already counts so much; 0: it is not read */
};

/* out (rows x columns) = keep * out + scale * a b, over `depth`. */
struct product_size {
    size_t rows, columns, depth;
};

/* b as it is (depth x columns): gradients on their way down, a (rows x outputs) by weights. */
void product(struct product_size size, float scale, struct operand a, struct operand b,
             struct outcome out);

/* b transposed (columns x depth): a layer, a (rows x inputs) by weights (outputs x inputs). */
void product_transposed(struct product_size size, float scale, struct operand a, struct operand b,
                        struct outcome out);

/* a transposed (depth x rows): gradients of weights, sums over rows of activations. */
void product_of_columns(struct product_size size, float scale, struct operand a, struct operand b,
                        struct outcome out);

#endif
