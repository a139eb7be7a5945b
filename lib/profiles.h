/*
 * profiles.h - the scoring recipes that are known by name: what turns features into the number that
 * another program gives.  A table, shared with the converter.  Reads no file and no model.
 */
#ifndef QUALICLIP_PROFILES_H
#define QUALICLIP_PROFILES_H

#include <stdbool.h>
#include <stddef.h>

#include "profile_prompts.h"
#include "qualiclip.h"

#define PROFILE_CUSTOM "custom" /* the caller's own prompts under no other name */

struct profile {
    const char *name;
    enum prompt_set prompts;
    qc_readout readout;
    float logit_scale; /* factor on the cosines; 0: the checkpoint's own */
    float temperature;
    qc_size_rule size;
    bool positions; /* used where the model has them: grid */
    bool low_level; /* GRepQ's second half is added */
    float minimum, maximum; /* of the score */
};

/* NULL beyond the last. */
const struct profile *profile_at(size_t index);

/* NULL: not a name that is known. */
const struct profile *profile_find(const char *name);

#endif
