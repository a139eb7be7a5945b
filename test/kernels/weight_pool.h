/*
 * weight_pool.h - for timing: weights that come from memory, as in a whole model, not from a cache.
 */
#ifndef QUALICLIP_TEST_WEIGHT_POOL_H
#define QUALICLIP_TEST_WEIGHT_POOL_H

#include "kernels/product.h"

/* A product whose weights are others at each call. */
struct pooled_product {
    gemm_call call;
    const kernel_set *set;
    float *scratch;
    size_t matrix, at; /* floats */
};

/* Its weights are packed; with call.packed = NULL afterwards, they are not.  p stays in use. */
struct pooled_product pool_product(const struct product *p, const kernel_set *set);
void compute_pooled(void *pooled_product);

#endif
