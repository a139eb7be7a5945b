/*
 * checkpoint_file.h - a checkpoint in the forms that are published (torch.save, TorchScript,
 * safetensors, a directory) as the beginning of training: its sizes as the converter reads them
 * off, and its numbers, BatchNorm's statistics among them.
 *
 * Apart from begin.h because training and converting both speak of towers.
 */
#ifndef QUALICLIP_TRAIN_CHECKPOINT_FILE_H
#define QUALICLIP_TRAIN_CHECKPOINT_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "qualiclip.h"
#include "tensor_file.h"

/* The features of QualiCLIP's prompts: of checkpoint_file_measure()'s texts, so many rows. */
#define CHECKPOINT_PROMPTS "prompts_features"

/* What the file may leave open. */
struct checkpoint_wishes {
    const char *activation; /* gelu or quick_gelu; NULL: what the file tells */
    qc_positions positions; /* none or grid; 0: as convert would have them */
    const char *model_path; /* which may not be the checkpoint */
};

struct checkpoint_sizes {
    bool is_resnet;
    uint32_t width, feature, heads;
    uint32_t blocks[4];     /* ResNet */
    uint32_t layers, patch; /* ViT */
    bool exact_gelu;        /* ViT */
    uint32_t grid;          /* 0: without positions */
    uint32_t texts;         /* 0: no prompts are stored */
    double logit_scale;
};

/* Whether it can be read as a checkpoint and has a tensor of the name. */
bool checkpoint_file_has(const char *path, const char *name);

/*
 * Both: false: `message` (QC_MESSAGE_SIZE bytes) names the file, and the tensor that is not as it
 * has to be.  Tensors that are filled in have the names of OpenAI's CLIP ("visual.conv1.weight").
 */
bool checkpoint_file_measure(const char *path, const struct checkpoint_wishes *wishes,
                             struct checkpoint_sizes *sizes, char *message);
bool checkpoint_file_fill(const char *path, const struct named_tensor *tensors, size_t count,
                          char *message);

#endif
