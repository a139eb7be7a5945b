/*
 * product.h - for checks of gemm: a product of random shape details, its data between forbidden
 * pages, and what holds for every product.
 */
#ifndef QUALICLIP_TEST_PRODUCT_H
#define QUALICLIP_TEST_PRODUCT_H

#include <stdbool.h>

#include "guarded.h"
#include "kernels.h"

struct product {
    gemm_call call;
    struct guarded x, x_rows, weights, packed, rounded, bias, residual, out;
    bool in_place; /* the residual is what `out` holds */
};

/*
 * Strides, alignment, activation, bias, residual and the order of the weights are drawn at random;
 * with nine taps any row may be any tap's.  The call has no packed weights yet, but the product
 * has unless its weights are transposed.
 */
void make_product(struct product *p, number_type type, size_t rows, size_t outputs, size_t inputs,
                  size_t taps);

/*
 * The same for rows that `set` has rounded: plain rows, packed weights.  Weights of I8 are those of
 * p->weights, floats, quantised.
 */
void make_rounded_product(struct product *p, const kernel_set *set, number_type type, size_t rows,
                          size_t outputs, size_t inputs);
void free_product(struct product *p);

/* With scratch of its own, which holds nothing. */
void compute_product(const kernel_set *set, const gemm_call *call);

/* What lies between the rows of out is as it was. */
void check_padding(const struct product *p, const float *before);

/* Computes `call` by `set`, beginning with out as it was: the same bits as those in out. */
void check_same_bits(const struct product *p, const kernel_set *set, const gemm_call *call,
                     const float *before);

/* The same in pieces, rows and outputs cut at random places, as threads would. */
void check_pieces(const struct product *p, const kernel_set *set, const float *before);

float *copy_of(const struct guarded *memory);

/* A finite number of any type but I8, by the definition of its format. */
double number_value(const void *numbers, number_type type, size_t index);

double product_operations(const gemm_call *call);

#endif
