/*
 * score.h - from features to a score: cosines, logits, probabilities.
 */
#ifndef QUALICLIP_SCORE_H
#define QUALICLIP_SCORE_H

#include <stdbool.h>
#include <stddef.h>

#include "recipe.h"

/* Divides by the L2 norm, in place; false if the feature is not finite or has no direction. */
bool unit_length(float *feature, size_t size);

/* Adds the features of `views` views to the first; the direction is that of their mean. */
void sum_of_views(float *features, size_t views, size_t size);

/*
 * Reads a score out of an image's unit features, one for each of its views, by the recipe: logits
 * are dot products with the texts' features times logit_scale / temperature, averaged over views.
 *  - pairs: sigmoid(logit+ - logit-), the two-way softmax written so that it cannot overflow;
 *    the score is their mean.  CLIP-IQA (arXiv 2207.12396), QualiCLIP (arXiv 2403.11176).
 *  - levels: softmax over all texts, summed for each of the levels, whose texts follow each other;
 *    the score is the mean level, counted from 1.  LIQE (arXiv 2303.14968).
 *  - texts: softmax over the texts; the score is the first one's share.  CLIP (arXiv 2103.00020).
 * `logits` has room for recipe->text_count numbers, `probabilities` for output_count.
 */
float read_score(const struct recipe *recipe, const float *features, size_t views, size_t size,
                 double *logits, float *probabilities);

#endif
