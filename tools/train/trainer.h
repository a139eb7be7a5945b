/*
 * trainer.h - one step of training after another: pixels, features, losses, gradients, weights.
 *
 * Knows neither files nor terminals, nor where batches come from.
 */
#ifndef QUALICLIP_TRAIN_TRAINER_H
#define QUALICLIP_TRAIN_TRAINER_H

#include "adamw.h"
#include "alignment.h"
#include "batch.h"
#include "losses.h"
#include "recipe.h"
#include "student.h"

struct trainer {
    const struct recipe *recipe;
    struct student *student;
    struct adamw *optimiser;
    uint64_t step; /* steps done */
    struct alignment alignment;
    float *features, *feature_gradients; /* of the whole batch, whoever has its pixels */
    struct batch whole;                  /* labels and lessons of all processes; no pixels */
    size_t *image_counts;                /* of each process */
};

struct step_report {
    struct losses losses;
    double learning_rate, gradient_norm;
    bool finite; /* else nothing was changed */
};

void trainer_create(struct trainer *trainer, const struct recipe *recipe, struct student *student,
                    struct adamw *optimiser);
void trainer_free(struct trainer *trainer);

/*
 * Before the first step from random numbers: the mean feature of the batch becomes zero, or else
 * all cosines begin near one, and little is learned for hundreds of steps.
 */
void trainer_centre(struct trainer *trainer, const struct batch *batch);

void trainer_step(struct trainer *trainer, const struct batch *batch, struct step_report *report);

/* Rises during the warm-up, then falls as half a cosine, to nothing. */
double learning_rate_at(const struct recipe *recipe, uint64_t step);

#endif
