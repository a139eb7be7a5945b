/*
 * scoring.h - the recipe that a model file will name: a profile's, with what the user wants
 * otherwise, and where its prompts come from.
 */
#ifndef QUALICLIP_SCORING_H
#define QUALICLIP_SCORING_H

#include "../../lib/profiles.h"
#include "conversion.h"

enum prompts_origin {
    PROMPTS_NONE,   /* the model will embed, and score by prompts that it is given then */
    PROMPTS_STORED, /* the checkpoint has their features */
    PROMPTS_OWN,    /* the user's, to be encoded */
    PROMPTS_ENCODED /* the profile's, to be encoded */
};

struct scoring {
    const char *name;              /* of the profile, in the file */
    const struct profile *profile; /* whose settings are used; never NULL */
    enum prompts_origin origin;
    qc_readout readout;
    size_t text_count, output_count; /* PROMPTS_STORED: unknown, 0 */
    float temperature;
    qc_positions positions; /* none, grid or flat */
    qc_size_rule size_rule;
    uint32_t size_pixels;
};

/*
 * has_stored: the checkpoint has the features of prompts; has_positions: its image tower has
 * positional embeddings.  False: `message` says which wishes cannot be met.
 */
bool settle_scoring(struct scoring *scoring, const struct conversion *conversion, bool has_stored,
                    bool has_positions, char *message);

/* The name of an output: a pair, a level or a text. */
void scoring_output_name(const struct scoring *scoring, size_t index, char name[PROMPT_TEXT_SIZE]);

#endif
