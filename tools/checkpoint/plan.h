/*
 * plan.h - what a model file will hold: for each of its tensors, the part of the checkpoint that it
 * is made from.  A plan is made from names and shapes alone; the numbers are read when it is
 * carried out, one tensor at a time.
 *
 * Functions that add to a plan report failure once, in the plan: later ones then do nothing, so
 * that a run of them needs one check.
 */
#ifndef QUALICLIP_PLAN_H
#define QUALICLIP_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "naming.h"
#include "published_config.h"

/* The four vectors of a BatchNorm, each of as many numbers as the convolution has outputs. */
struct batch_norm {
    struct view gain, bias, mean, variance;
};

enum plan_kind {
    PLAN_COPY,          /* the numbers of `view` */
    PLAN_FOLDED_WEIGHT, /* the same, each output times what its BatchNorm scales it by */
    PLAN_FOLDED_BIAS    /* what the BatchNorm adds; `view` is its bias */
};

struct plan_item {
    char name[64]; /* in the model file */
    enum plan_kind kind;
    bool is_matrix; /* may be stored in a smaller type */
    struct view view;
    struct batch_norm norm;
};

struct plan {
    struct checkpoint *checkpoint;
    const struct naming *naming;
    const struct published_config *config; /* what is told beside the checkpoint; may be NULL */
    char *message;
    bool failed;
    struct plan_item *items;
    size_t count, capacity;
};

void plan_free(struct plan *plan);

/* The number of elements that the item writes. */
uint64_t plan_item_count(const struct plan_item *item);

/* Fails the plan with "FILE: ..." unless the number is within the limits. */
void plan_check_range(struct plan *plan, const char *what, uint64_t number, uint64_t least,
                      uint64_t most);

/* Shape of a tensor that must be there, without using it up; false: the plan has failed. */
bool plan_shape(struct plan *plan, const char *name, unsigned dimensions, uint64_t *shape);

/* Each checks the source's shape, as PyTorch writes it.  `to` is the name in the model file. */
void plan_vector(struct plan *plan, const char *to, const char *from, uint64_t size);
void plan_table(struct plan *plan, const char *to, const char *from, uint64_t rows,
                uint64_t columns); /* embeddings: never stored smaller */
void plan_matrix(struct plan *plan, const char *to, const char *from, uint64_t outputs,
                 uint64_t inputs);
void plan_transposed_matrix(struct plan *plan, const char *to, const char *from, uint64_t outputs,
                            uint64_t inputs); /* stored as (inputs, outputs) */

/* FROM.weight, FROM.bias -> TO.weight, TO.bias. */
void plan_linear(struct plan *plan, const char *to, const char *from, uint64_t outputs,
                 uint64_t inputs);
void plan_norm(struct plan *plan, const char *to, const char *from, uint64_t size);

/* Part `index` of `parts` that are stacked in the weight and the bias named: q, k or v. */
void plan_linear_part(struct plan *plan, const char *to, const char *from_weight,
                      const char *from_bias, unsigned index, unsigned parts, uint64_t size);

/* A convolution without bias as it is: (outputs, inputs, kernel, kernel). */
void plan_patches(struct plan *plan, const char *to, const char *from, uint64_t outputs,
                  uint64_t inputs, uint64_t kernel);

/* CONV.weight with the BatchNorm NORM folded in, inputs last -> TO.weight, TO.bias. */
void plan_convolution(struct plan *plan, const char *to, const char *conv, const char *norm,
                      uint64_t outputs, uint64_t inputs, uint64_t kernel);

#endif
