/*
 * model_names.h - where a converted model has a parameter of a tower: CLIP's names to those of
 * docs/model-file.md.
 */
#ifndef QUALICLIP_TRAIN_MODEL_NAMES_H
#define QUALICLIP_TRAIN_MODEL_NAMES_H

#include <stdbool.h>

enum model_layout {
    LAYOUT_SAME,
    LAYOUT_TRANSPOSED,    /* a matrix */
    LAYOUT_CHANNELS_LAST, /* outputs, y, x, inputs instead of outputs, inputs, y, x */
    LAYOUT_THIRDS         /* queries, keys, values: three tensors, one after the other */
};

struct model_place {
    char names[3][64]; /* the second and third where the layout has them */
    enum model_layout layout;
};

/* False for a name that no converted model has: BatchNorm's, which is folded. */
bool model_place_of_vit(const char *parameter, struct model_place *place);
bool model_place_of_resnet(const char *parameter, struct model_place *place);

#endif
