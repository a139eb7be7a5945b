/*
 * attention_pool.h - how the ResNet's last stage becomes a feature: one query, all positions.
 */
#ifndef QUALICLIP_ATTENTION_POOL_H
#define QUALICLIP_ATTENTION_POOL_H

#include "layers.h"

/* Floats of the workspace `pool` and bytes of scratch for up to `tokens` tokens. */
size_t attention_pool_floats(const struct resnet *resnet, size_t tokens);
size_t attention_pool_scratch(const struct resnet *resnet, const kernel_set *kernels,
                              size_t tokens);

/*
 * `tokens` has `count` rows of resnet->channels floats, the mean of the others first; writes
 * resnet->out.weight.outputs floats to `feature`.
 */
void attention_pool(const struct resnet *resnet, const struct layers *layers, float *pool,
                    float *tokens, size_t count, float *feature);

#endif
