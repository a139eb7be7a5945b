/*
 * prompts.h - the caller's own pairs of prompts, as a scorer keeps them: features and names.
 */
#ifndef QUALICLIP_PROMPTS_H
#define QUALICLIP_PROMPTS_H

#include "arena.h"
#include "model.h"

/* What a scorer compares images with: the model's own, or the caller's. */
struct prompts {
    size_t count;
    const float *features; /* 2 * count x feature: positive, negative, ... */
    char *const *names;
};

qc_status prompts_check(const qc_model *model, const qc_scorer_options *options,
                        struct message *message);

/* The model's prompts, or room for the caller's, which prompts_fill() fills in. */
void prompts_plan(struct prompts *prompts, const qc_model *model, const qc_scorer_options *options,
                  struct arena *arena);
qc_status prompts_fill(struct prompts *prompts, const qc_model *model,
                       const qc_scorer_options *options, struct message *message);

#endif
