/*
 * recipe.h - what is done with an image and its features until there is a score: a model file's own
 * recipe, and the one a scorer uses after its caller asked for another profile, prompts or
 * settings.
 */
#ifndef QUALICLIP_RECIPE_H
#define QUALICLIP_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profiles.h"
#include "qualiclip.h"
#include "status.h"

enum prompt_source {
    PROMPTS_OF_MODEL,   /* stored in the file */
    PROMPTS_OF_PROFILE, /* encoded by the model's text tower */
    PROMPTS_OF_CALLER
};

struct recipe {
    const char *profile; /* its name; "" where the file gives none */
    enum prompt_source source;
    enum prompt_set prompts;
    qc_readout readout;
    size_t text_count, output_count; /* rows of `features`; pairs, levels or texts */
    const float *features;           /* text_count x feature; of a pair, the positive one first */
    char *const *names;              /* of the outputs */
    float logit_scale, temperature;
    qc_positions positions;
    qc_size_rule size_rule;
    uint32_t size_pixels;
    bool low_level;
    float minimum, maximum; /* of the score */
};

struct qc_model;

/* All but features and names, where they are not the model's. */
qc_status recipe_resolve(struct recipe *recipe, const struct qc_model *model,
                         const qc_scorer_options *options, struct message *message);

/* QC_RECIPE_SIZE bytes for qc_result.recipe. */
void recipe_describe(const struct recipe *recipe, const qc_scorer_options *options,
                     size_t feature_size, char *text);

/* "native", "crop224", "long=512", "tiles": as the model file and the command line write it. */
#define SIZE_RULE_TEXT 24
void size_rule_text(qc_size_rule rule, uint32_t pixels, char text[SIZE_RULE_TEXT]);
bool size_rule_parse(const char *text, qc_size_rule *rule, uint32_t *pixels);
const char *positions_text(qc_positions positions);

#endif
