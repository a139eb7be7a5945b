/*
 * convert_trained.h - the converter, for a checkpoint that training wrote.  Apart from export.h
 * because training and converting both speak of towers.
 */
#ifndef QUALICLIP_TRAIN_CONVERT_TRAINED_H
#define QUALICLIP_TRAIN_CONVERT_TRAINED_H

#include <stdbool.h>

struct trained_model {
    const char *checkpoint_path, *model_path;
    const char *activation;     /* of a ViT; NULL for a ResNet */
    const char *name, *license; /* or NULL */
    bool full;                  /* f32 instead of f16 */
    bool takes_positions;       /* else they are left out */
};

bool convert_trained(const struct trained_model *model, char *message);

#endif
