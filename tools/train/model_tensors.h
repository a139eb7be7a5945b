/*
 * model_tensors.h - tensors of a model file as floats.
 */
#ifndef QUALICLIP_TRAIN_MODEL_TENSORS_H
#define QUALICLIP_TRAIN_MODEL_TENSORS_H

#include <stdbool.h>

#include "../../lib/gguf.h"

/* `count` numbers, all finite, of a tensor of f32, f16 or bf16; false: `message` says why not. */
bool model_numbers(const struct gguf *gguf, const char *name, size_t count, float *numbers,
                   char *message);

#endif
