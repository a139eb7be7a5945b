/*
 * naming.h - the names under which, and the arrangement in which, a checkpoint holds CLIP's
 * tensors.
 *
 * Planners ask for a tensor by its part in the model, a field of these structs; what it is called
 * by OpenAI, OpenCLIP or transformers is written here and nowhere else.
 */
#ifndef QUALICLIP_NAMING_H
#define QUALICLIP_NAMING_H

#include <stdbool.h>

#include "checkpoint.h"

/* A block of a transformer, below "BLOCKS" N "."; each is a layer with .weight and .bias. */
struct block_names {
    const char *stacked;             /* q, k and v in one: STACKED_weight, STACKED_bias; or NULL */
    const char *query, *key, *value; /* where they are apart */
    const char *attention_output, *attention_norm, *mlp_norm, *mlp_input, *mlp_output;
};

struct vit_names {
    const char *patches, *class_embedding, *positions; /* tensors */
    const char *pre_norm, *post_norm;                  /* layers: .weight, .bias */
    const char *blocks;
    const char *projection;
    bool projection_is_linear; /* (outputs, inputs) as in nn.Linear; else (inputs, outputs) */
    const struct block_names *block;
};

struct text_names {
    const char *tokens, *positions;
    const char *final_norm;
    const char *blocks;
    const char *projection;
    bool projection_is_linear;
    const struct block_names *block;
    const char *const *all; /* its tensors; what ends in a dot begins a name; the last is NULL */
};

/* Which file beside the checkpoint describes the model. */
enum config_kind { CONFIG_TRANSFORMERS, CONFIG_OPEN_CLIP };

struct naming {
    const char *title;
    bool is_open_clip; /* certainly, not OpenAI's */
    enum config_kind config;
    struct vit_names vit; /* a ResNet has one set of names only */
    struct text_names text;
};

/* By the names that the checkpoint has; never NULL. */
const struct naming *find_naming(const struct checkpoint *checkpoint);

/* Whether the name belongs to a text tower. */
bool is_text_name(const struct naming *naming, const char *name);

/* Whether it is a buffer or a number that the files bring along and nothing needs. */
bool is_needless_name(const char *name);

#endif
