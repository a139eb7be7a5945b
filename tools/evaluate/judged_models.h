/*
 * judged_models.h - open models that score many small images side by side, a scorer for each
 * worker.
 */
#ifndef QUALICLIP_JUDGED_MODELS_H
#define QUALICLIP_JUDGED_MODELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qualiclip.h"

enum { judged_models_max = 2 };

struct judged_model {
    const char *path; /* NULL: built in */
    char name[64];    /* for a table's head, unlike the others' */
    qc_model *model;
    qc_model_info info;
    qc_scorer **scorers; /* one for each worker, made when it is first used */
};

struct judged_models {
    size_t count;
    struct judged_model items[judged_models_max];
    uint32_t side, batch; /* of the images, and how many at once */
    size_t workers;
};

/* Paths, side, batch and workers are set; false, once complained about, if a model cannot be used.
 */
bool judged_models_open(struct judged_models *models);
void judged_models_close(struct judged_models *models);

/*
 * Square images of R, G, B that follow each other, on a worker's own thread.  Scores are mapped
 * onto [0, 1] where the model's range is another.  False and why not (QC_MESSAGE_SIZE bytes).
 */
bool judged_models_score(struct judged_models *models, size_t worker, size_t model,
                         const uint8_t *images, size_t count, double *scores, char *message);

#endif
