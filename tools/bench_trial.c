/*
 * bench_trial.c - opens what is measured, and calls it.
 */
#include "bench_trial.h"

#include <stdio.h>
#include <stdlib.h>

#include "memory.h"

qc_model *trial_open(const struct bench *bench, const struct bench_subject *subject, char *message)
{
    qc_model *model;
    qc_model_options options;
    qc_model_options_init(&options);
    options.kernels = subject->kernels;
    options.precision = subject->precision;
    options.message = message;
    options.message_size = QC_MESSAGE_SIZE;
    message[0] = '\0';
    const qc_status status = qc_model_open(&model, bench->model_path, &options);
    if (status != QC_OK && !message[0])
        snprintf(message, QC_MESSAGE_SIZE, "%s", qc_status_string(status));
    return status == QC_OK ? model : NULL;
}

bool trial_start(struct trial *trial, const qc_model *model, const qc_model_info *info,
                 const qc_image *image, uint32_t batch, uint32_t threads, char *message)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = image->width;
    options.max_height = image->height;
    options.max_batch = batch;
    options.threads = threads;
    options.message = message;
    options.message_size = QC_MESSAGE_SIZE;
    message[0] = '\0';
    *trial = (struct trial){.model = model, .info = info, .batch = batch};
    const qc_status status = qc_scorer_create(&trial->scorer, model, &options);
    if (status != QC_OK) {
        if (!message[0])
            snprintf(message, QC_MESSAGE_SIZE, "%s", qc_status_string(status));
        return false;
    }
    trial->images = reallocate(NULL, batch, sizeof *trial->images);
    trial->results = reallocate(NULL, batch, sizeof *trial->results);
    trial->feature = reallocate(NULL, info->feature_size, sizeof *trial->feature);
    for (uint32_t i = 0; i < batch; i++)
        trial->images[i] = *image;
    return true;
}

bool trial_call(const struct trial *trial, size_t count)
{
    if (trial->info->pair_count)
        return qc_score_batch(trial->scorer, trial->images, count, trial->results) == QC_OK;
    for (size_t i = 0; i < count; i++)
        if (qc_embed(trial->scorer, &trial->images[i], trial->feature) != QC_OK)
            return false;
    return true;
}

void trial_end(struct trial *trial)
{
    qc_scorer_destroy(trial->scorer);
    free(trial->images);
    free(trial->results);
    free(trial->feature);
}
