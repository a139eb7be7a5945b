/*
 * bench_trial.h - a model and a scorer while they are measured, in the process that calls.
 */
#ifndef QUALICLIP_BENCH_TRIAL_H
#define QUALICLIP_BENCH_TRIAL_H

#include "bench.h"

struct trial {
    const qc_model *model;
    const qc_model_info *info;
    qc_scorer *scorer;
    qc_image *images;
    qc_result *results;
    float *feature;
    uint32_t batch;
};

/* Both leave the reason in `message` (QC_MESSAGE_SIZE bytes) where they return NULL or false. */
qc_model *trial_open(const struct bench *bench, const struct bench_subject *subject, char *message);
bool trial_start(struct trial *trial, const qc_model *model, const qc_model_info *info,
                 const qc_image *image, uint32_t batch, uint32_t threads, char *message);

/* Scores the first `count` images, or embeds them where the model has nothing to compare with. */
bool trial_call(const struct trial *trial, size_t count);

void trial_end(struct trial *trial);

#endif
