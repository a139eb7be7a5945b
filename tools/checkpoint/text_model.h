/*
 * text_model.h - a model file that can encode texts and nothing else: what prompts are encoded with
 * before there is a model that stores them.
 */
#ifndef QUALICLIP_TEXT_MODEL_H
#define QUALICLIP_TEXT_MODEL_H

#include "plan_write.h"
#include "text_tower.h"
#include "vocabulary.h"

/* The text tower and the vocabulary in their keys; no tokens in `vocabulary`: without one. */
void put_text(struct gguf_writer *writer, const struct text_tower_sizes *sizes,
              uint32_t feature_size, const struct vocabulary_files *vocabulary);

/* In f32, whatever the model will be stored in.  False: `message` says why; no file is left. */
bool write_text_model(const char *path, const struct plan *plan,
                      const struct text_tower_sizes *sizes, bool is_gelu, uint32_t feature_size,
                      const struct vocabulary_files *vocabulary, plan_progress *progress,
                      void *context, char *message);

#endif
