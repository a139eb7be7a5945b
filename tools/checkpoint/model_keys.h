/*
 * model_keys.h - everything in a model file that is not a tensor.
 */
#ifndef QUALICLIP_MODEL_KEYS_H
#define QUALICLIP_MODEL_KEYS_H

#include "job.h"

void put_model_keys(struct gguf_writer *writer, const struct job *job);

#endif
