/*
 * activation.h - which of CLIP's two activations the transformers of a checkpoint were trained
 * with.
 */
#ifndef QUALICLIP_ACTIVATION_H
#define QUALICLIP_ACTIVATION_H

#include "naming.h"
#include "published_config.h"

struct activation_question {
    const char *demanded; /* by the user: "gelu" or "quick_gelu"; NULL: nothing is */
    const struct checkpoint *checkpoint;
    const struct naming *naming;
    const struct published_config *config;
    bool is_text; /* of the text tower; else of the ViT */
};

struct activation_answer {
    bool is_gelu; /* the exact one; else QuickGELU */
    const char *reason;
};

/* False: it cannot be told; `message` says so. */
bool find_activation(const struct activation_question *question, struct activation_answer *answer,
                     char *message);

#endif
