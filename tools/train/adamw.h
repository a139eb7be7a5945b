/*
 * adamw.h - Adam with weight decay apart from the gradient, as PyTorch's AdamW.
 */
#ifndef QUALICLIP_TRAIN_ADAMW_H
#define QUALICLIP_TRAIN_ADAMW_H

#include "tower.h"

struct adamw {
    const struct tower_parameter *parameters; /* the caller's */
    size_t count;
    double weight_decay;
    float **first, **second; /* moments of each parameter; NULL: it does not learn */
    uint64_t steps;          /* done */
};

/* Those without a gradient are left alone. */
void adamw_create(struct adamw *adamw, const struct tower_parameter *parameters, size_t count,
                  double weight_decay);
void adamw_free(struct adamw *adamw);

void adamw_step(struct adamw *adamw, double learning_rate);

#endif
