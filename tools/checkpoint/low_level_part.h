/*
 * low_level_part.h - GRepQ's second checkpoint, a ResNet-18 over patches: which tensors of a model
 * file it becomes, and the statistics of pristine patches that go with it.
 */
#ifndef QUALICLIP_LOW_LEVEL_PART_H
#define QUALICLIP_LOW_LEVEL_PART_H

#include "gguf_writer.h"
#include "plan.h"
#include "pristine.h"

struct low_level_part {
    uint32_t width, feature_size;
    uint64_t mean_place, covariance_place; /* in the file, once they are written */
};

/* The same tensors under other names, and what GRepQ does not use: names that begin so. */
#define LOW_LEVEL_ASIDE "encoder.base_model."

/* Finds out the sizes and plans the encoder's tensors; false: plan->message says why. */
bool plan_resnet18(struct plan *plan, struct low_level_part *part);

void put_low_level(struct gguf_writer *writer, const struct low_level_part *part,
                   const struct pristine *pristine);

/* The statistics' tensors, and zeros in their place. */
void declare_pristine(struct gguf_writer *writer, const struct low_level_part *part);
void write_blank_pristine(struct gguf_writer *writer, struct low_level_part *part);

/* Puts the statistics in their place in the file, which has been finished. */
bool fill_in_pristine(const struct low_level_part *part, const struct pristine *pristine,
                      const char *path, uint32_t threads, char *message);

#endif
