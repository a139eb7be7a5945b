/*
 * held_out.h - photos kept aside, at all levels of all degradations: how well a model file ranks
 * them.
 */
#ifndef QUALICLIP_TRAIN_HELD_OUT_H
#define QUALICLIP_TRAIN_HELD_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "degrade.h"

struct held_out {
    size_t photos;
    uint32_t side;
    unsigned char *pixels;  /* photos x (1 + types x levels) x side x side x 3 */
    double *teacher_scores; /* of all of them; NULL: there is no teacher */
};

/* As evaluate/degradation_summary.h defines them, of levels 1 to 5. */
struct held_out_result {
    double within, across;
    enum degradation weakest;
    double weakest_within;
    double pristine, worst; /* median scores of pristine photos, and of level 5 */
    double like_teacher;    /* rank correlation with the teacher's scores; NaN: there is none */
};

/* Bytes that a photo takes. */
size_t held_out_bytes(uint32_t side);

/*
 * Reads and degrades; those that cannot be read, or are smaller than side x side, are complained
 * about.  A photo is the largest square about its centre, scaled down (evaluate/fit_photo.h).  Any
 * number of workers, threads that do it, gives the same.
 */
void held_out_load(struct held_out *held_out, const char *const *paths, size_t count, uint32_t side,
                   uint32_t workers);
void held_out_free(struct held_out *held_out);

/* The teacher's scores, which results are then compared with; a model_path of NULL: built in. */
bool held_out_ask_teacher(struct held_out *held_out, const char *model_path, uint32_t threads,
                          char *message);

/* Scores all with the model file; false: `message` (QC_MESSAGE_SIZE) says why. */
bool held_out_judge(const struct held_out *held_out, const char *model_path, uint32_t threads,
                    struct held_out_result *result, char *message);

#endif
