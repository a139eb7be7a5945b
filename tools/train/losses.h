/*
 * losses.h - what training minimises, as functions of the cosines of a batch: values, and gradients
 * that are added to those of the alignment.
 */
#ifndef QUALICLIP_TRAIN_LOSSES_H
#define QUALICLIP_TRAIN_LOSSES_H

#include "alignment.h"
#include "batch.h"
#include "recipe.h"
#include "tower.h"

/* Each a mean over what it compares, before its weight. */
enum loss_term {
    LOSS_CONSISTENCY, /* the two crops of a stage agree                  */
    LOSS_POSITIVE,    /* the worse, the further from the positive prompt */
    LOSS_NEGATIVE,    /* ... and the nearer to the negative one          */
    LOSS_ACROSS,      /* much worse than another photo: a lower score    */
    LOSS_CALIBRATION, /* the score falls evenly with the badness         */
    LOSS_AUXILIARY,   /* type and level are named                        */
    LOSS_TEACHER,     /* score and feature are the teacher's             */
    LOSS_TOKENS,      /* patches show what its map shows there           */
    loss_term_count
};

extern const char *const loss_term_names[loss_term_count];

struct losses {
    double terms[loss_term_count];
    double total; /* weighted */
};

/* Adds to `losses`, which begins as zeros. */
void ranking_losses(struct alignment *alignment, const struct batch *batch,
                    const struct loss_recipe *recipe, struct losses *losses);
void score_losses(struct alignment *alignment, const struct batch *batch,
                  const struct loss_recipe *recipe, double logit_scale, struct losses *losses);

/*
 * The distance of a ViT's patches from the cells of the teacher's map, a mean over the images of
 * the whole batch of which this adds up the share; writes tower->tokens.gradients.
 */
double token_loss(const struct tower *tower, const struct batch *batch, double weight);

/* The margin by which images whose badness differs by `difference` > 0 must differ. */
double rank_margin(const struct loss_recipe *recipe, double difference);

/* The score that calibration wants; of two degradations the product of both. */
double wanted_score(const struct loss_recipe *recipe, const struct image_label *label);

/* The badness, by that score, of an image whatever series it is in. */
double whole_badness(const struct loss_recipe *recipe, const struct image_label *label);

#endif
