/*
 * begin.h - what a run begins with: the shape of a tower by its name or from a file, and its first
 * weights.
 */
#ifndef QUALICLIP_TRAIN_BEGIN_H
#define QUALICLIP_TRAIN_BEGIN_H

#include "state.h"

enum beginning_kind { BEGIN_FROM_SCRATCH, BEGIN_WITH_STATE, BEGIN_WITH_MODEL };

struct beginning {
    enum beginning_kind kind;
    const char *path; /* of the file */
    struct tower_shape shape;
    uint32_t texts;
    bool prompts_learn;
    double logit_scale; /* 0: the recipe's */
};

/*
 * "nano", "vit-tiny", a file of training or a model file; false: `message` (QC_MESSAGE_SIZE bytes)
 * says why.
 */
bool begin_find(struct beginning *beginning, const char *init, char *message);

/* The first weights; the averages begin as they are. */
bool begin_fill(const struct beginning *beginning, struct student *student, uint64_t seed,
                char *message);

#endif
