/*
 * recipe.h - all numbers that decide what is learned: batches, losses, optimiser.  The same recipe,
 * photos and seed give the same model.
 */
#ifndef QUALICLIP_TRAIN_RECIPE_H
#define QUALICLIP_TRAIN_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "degrade.h"

/* What a batch consists of. */
struct batch_recipe {
    uint32_t photos;       /* a step; each gives two overlapping crops, each of those six images */
    uint32_t crop;         /* pixels a side                                                     */
    uint32_t strange;      /* images a step that are no photos: flat colours and noise           */
    bool between;          /* levels between the published ones, too                             */
    bool choose_detail;    /* pass over crops a quarter of which has hardly any                  */
    double without_regard; /* share of noise, compression and tone crops that is not chosen      */
    double stored;         /* share of the series that are stored as JPEG of good quality        */
    double compound;       /* ... that begin with a photo that is degraded already, otherwise    */
    double whole;          /* share of the crops that see a whole photo, or nearly               */
    double type_weights[degradation_count]; /* how often each type is drawn                      */
    uint64_t seed;
};

struct loss_recipe {
    double consistency, positive, negative; /* weights of the paper's three losses               */
    double consistency_margin, rank_margin;
    bool margin_grows;      /* the margin times the root of the difference in badness           */
    double pristine_margin; /* times this against the pristine crop; 0: which is not ranked      */
    double across;          /* weight of the ranking between photos ...                          */
    double across_from;     /* ... of images whose badness differs by so much                    */
    double calibration;     /* weight of the regression of the score ...                         */
    double pristine_score, worst_score; /* ... which falls from the one to the other             */
    double strange_score;               /* of what is no photo                                   */
    double auxiliary;       /* weight of the head that names type and level, at the start ...    */
    double auxiliary_until; /* ... fading to nothing over this share of the steps                */
    double teacher_score, teacher_feature; /* weights of what a teacher says                     */
    double teacher_tokens; /* ... of the cells of its map, to a ViT's patches; see below          */
};

/* A weight that is settled once both towers are known: if what it is for fits, or else 0. */
#define TOKENS_IF_THEY_FIT (-1.0)

struct recipe {
    struct batch_recipe batch;
    struct loss_recipe loss;
    uint64_t steps, warm_up;
    double learning_rate, weight_decay, gradient_limit;
    double average; /* decay of the weights' running mean; 0: the last weights are the model    */
    double logit_scale;
};

/* Small towers from random numbers; and converted checkpoints, with the settings of the paper. */
void recipe_from_scratch(struct recipe *recipe);
void recipe_fine_tune(struct recipe *recipe);

/* Changes a recipe to one that follows a teacher: scores are the teacher's, ranking losses stay. */
void recipe_distil(struct recipe *recipe);

/* ... and begins with the teacher's layers: they are not to be lost, and know types and levels. */
void recipe_inherit(struct recipe *recipe);
void recipe_settle_tokens(struct recipe *recipe, bool fit);

enum recipe_kind { RECIPE_COUNT, RECIPE_BIG_COUNT, RECIPE_SWITCH, RECIPE_NUMBER };

/* Each number of a recipe by its name: an option of the command line, and what a file records. */
struct recipe_field {
    const char *name;
    enum recipe_kind kind; /* uint32_t, uint64_t, bool, double */
    size_t offset;
    double least, most;
    const char *meaning;
    bool late; /* files of before do not record it: then it is 0 */
};

extern const struct recipe_field recipe_fields[];
extern const size_t recipe_field_count;

double recipe_get(const struct recipe *recipe, const struct recipe_field *field);
void recipe_set(struct recipe *recipe, const struct recipe_field *field, double value);
bool recipe_allows(const struct recipe_field *field, double value);

#define RECIPE_TYPE_WEIGHT_MOST 1e6

/*
 * As so many words, and back; to the bit.  Late fields are the last words, so that of an older
 * record the first recipe_words_of_before() are enough, and zeros.
 */
size_t recipe_words(void);
size_t recipe_words_of_before(void);
void recipe_record(const struct recipe *recipe, uint64_t *words);

/* ... false and why not in `message` (QC_MESSAGE_SIZE bytes) where no such recipe can be made. */
bool recipe_recall(struct recipe *recipe, const uint64_t *words, char *message);

#endif
