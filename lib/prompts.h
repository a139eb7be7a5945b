/*
 * prompts.h - the prompts of a scorer that its model does not store: the caller's own, or those of
 * a profile that was asked for by its name.  Features, names and a hash.
 */
#ifndef QUALICLIP_PROMPTS_H
#define QUALICLIP_PROMPTS_H

#include "arena.h"
#include "model.h"

/* The number of prompts and their flags alone. */
qc_status prompts_check_count(const qc_scorer_options *options, struct message *message);

/* The caller's prompts, which a recipe was resolved with. */
qc_status prompts_check(const struct recipe *recipe, const qc_model *model,
                        const qc_scorer_options *options, struct message *message);

/* Makes room for features and names where they are not the model's; prompts_fill() fills it in. */
void prompts_plan(struct recipe *recipe, const qc_model *model, const qc_scorer_options *options,
                  struct arena *arena);
/* Takes over what a scorer with the same prompts has; false if they are not the same. */
bool prompts_copy(struct recipe *recipe, const struct recipe *from, size_t feature_size);
qc_status prompts_fill(struct recipe *recipe, const qc_model *model,
                       const qc_scorer_options *options, struct message *message);

/* "xxh64:" and 16 digits, of the caller's texts, or of the features where there are no texts. */
#define PROMPTS_HASH_SIZE 24
void prompts_hash(const qc_scorer_options *options, size_t feature_size,
                  char text[PROMPTS_HASH_SIZE]);

#endif
