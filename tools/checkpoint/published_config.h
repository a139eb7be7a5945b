/*
 * published_config.h - what config.json (transformers) or open_clip_config.json beside a checkpoint
 * says of the model that its tensors' shapes do not: the heads, the activation, epsilon.  What both
 * say is kept too, so that a file of another model is noticed.
 */
#ifndef QUALICLIP_PUBLISHED_CONFIG_H
#define QUALICLIP_PUBLISHED_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "naming.h"

/* A number that the file says, and what it is called there; NULL: it does not say. */
struct told {
    const char *field;
    uint64_t number;
};

enum told_activation { ACTIVATION_NOT_TOLD, ACTIVATION_TOLD_QUICK_GELU, ACTIVATION_TOLD_GELU };

struct told_tower {
    struct told width, mlp_width, layers, patch_size, image_size, token_count, context_length;
    struct told blocks[4];        /* of a ResNet, instead of `layers` */
    struct told heads, head_size; /* either of them */
    double epsilon;               /* 0: not told */
    enum told_activation activation;
};

struct published_config {
    char *path; /* NULL: there is no such file, and nothing is told */
    struct told feature_size;
    struct told_tower vision, text;
    char *pixels_path; /* which file tells the following; NULL: none */
    float mean[3], deviation[3];
};

/*
 * Reads the file of this kind in the directory of `path`, if there is one.  False: it is there, but
 * something is wrong with it; `message` says what, and nothing is left to free.
 */
bool published_config_read(struct published_config *config, const char *path, enum config_kind kind,
                           char *message);
void published_config_free(struct published_config *config);

#endif
