/*
 * degradation_trial.h - the scores of photos and of all their degradations, by one or more models.
 *
 * Degrades and counts; what a photo and a model are is left to the caller, so that tests can be
 * both.
 */
#ifndef QUALICLIP_DEGRADATION_TRIAL_H
#define QUALICLIP_DEGRADATION_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "degrade.h"
#include "qualiclip.h"

enum { trial_steps = degradation_levels + 1 }; /* the pristine photo, and levels 1 to 5 */

struct degradation_trial {
    size_t models, photos;
    bool tried[degradation_count]; /* which types */
    double *scores;                /* in [0, 1]; NaN: there is none */
};

/*
 * What a trial needs of the world.  Called from several threads at once, but never by two of the
 * same worker.  Messages are QC_MESSAGE_SIZE bytes.
 */
struct trial_world {
    /* A square photo of `side` pixels, whose memory passes over; false and why not. */
    bool (*load)(void *context, size_t photo, struct photo *loaded, char *message);

    /* Scores images that follow each other, R, G, B of 8 bits; false and why not. */
    bool (*score)(void *context, size_t worker, size_t model, const uint8_t *images, size_t count,
                  double *scores, char *message);

    /* On the calling thread: what could not be scored, and how many images are through. */
    void (*failed)(void *context, size_t photo, const char *message);
    void (*progress)(void *context, size_t images);
    void *context;
};

struct trial_setup {
    uint32_t side;
    uint64_t seed; /* of photo 0; the next one's is one more */
    size_t workers;
};

/* All scores NaN, no type tried yet. */
void degradation_trial_open(struct degradation_trial *trial, size_t models, size_t photos);
void degradation_trial_close(struct degradation_trial *trial);

/* How many types are tried, how many images that makes of so many photos, how many photos have a
 * score.
 */
size_t degradation_trial_types(const struct degradation_trial *trial);
size_t degradation_trial_images(const struct degradation_trial *trial, size_t photos);
size_t degradation_trial_scored(const struct degradation_trial *trial);

/* Step 0 is the pristine photo, whatever the type. */
double degradation_trial_score(const struct degradation_trial *trial, size_t model, size_t photo,
                               enum degradation type, size_t step);

/* Fills in all scores; false if any is missing. */
bool degradation_trial_run(struct degradation_trial *trial, const struct trial_setup *setup,
                           const struct trial_world *world);

#endif
