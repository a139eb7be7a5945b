/*
 * resnet_pool.h - attention pooling that learns: the mean of all positions asks, all positions and
 * their mean answer.
 *
 * With one query a head, keys and values of the tokens are never formed: q.(W x) is (W'q).x, and a
 * weighted mean of W x is W times the weighted mean of x.
 */
#ifndef QUALICLIP_TRAIN_RESNET_POOL_H
#define QUALICLIP_TRAIN_RESNET_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "tower.h"

struct linear_parameters {
    struct tower_parameter *weight, *bias;
};

struct resnet_pool {
    struct tower_parameter *positions; /* NULL: none */
    struct linear_parameters query, key, value, out;
    size_t batch, height, width, channels, heads, features;
    size_t block; /* channels of a block of the tensor that is pooled (planes.h) */
    /* For each image: */
    float *tokens;  /* mean and positions x channels */
    float *queries; /* channels                      */
    float *asked;   /* heads x channels: what a token is multiplied with */
    float *weights; /* heads x tokens                */
    float *mixed;   /* heads x channels: means of tokens */
    float *values;  /* channels                      */
    /* Their gradients; of `weights`: before the softmax. */
    float *token_gradients, *query_gradients, *asked_gradients, *weight_gradients, *mixed_gradients,
        *value_gradients;
    float *memory;
};

/* The parameters and sizes are set by the caller.  False: no memory. */
bool resnet_pool_create(struct resnet_pool *pool);
void resnet_pool_destroy(struct resnet_pool *pool);

/* Images `first` to `end` of a batch; `planes` in blocks of channels, all images'. */
void resnet_pool_forward(struct resnet_pool *pool, size_t first, size_t end, const float *planes,
                         float *features);

/* After forward() of the same images: the gradient of `planes`. */
void resnet_pool_back(struct resnet_pool *pool, size_t first, size_t end,
                      const float *feature_gradients, float *plane_gradients);

/* After back() of all images: a member's share of the parameters' gradients. */
void resnet_pool_back_to_weights(struct resnet_pool *pool, size_t member, size_t members,
                                 const float *feature_gradients);

#endif
