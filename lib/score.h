/*
 * score.h - from a feature to a score: cosines, pairs of opposite prompts, their mean.
 */
#ifndef QUALICLIP_SCORE_H
#define QUALICLIP_SCORE_H

#include <stdbool.h>
#include <stddef.h>

/* Divides by the L2 norm, in place; false if the feature is not finite or has no direction. */
bool unit_length(float *feature, size_t size);

/*
 * probabilities[i] = sigmoid((s+ - s-) * logit_scale / temperature), the two-way softmax of pair i
 * written so that it cannot overflow; s are dot products of the unit feature with rows 2i and
 * 2i + 1 of `prompts`.  Returns the mean.  Source: models.md's profile table after CLIP-IQA
 * (arXiv 2207.12396) and QualiCLIP (arXiv 2403.11176).
 */
float score_pairs(const float *feature, size_t size, const float *prompts, size_t pair_count,
                  float logit_scale, float temperature, float *probabilities);

#endif
