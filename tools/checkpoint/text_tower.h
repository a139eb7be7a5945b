/*
 * text_tower.h - the text tower of a checkpoint: its sizes, and the plan of its tensors.
 */
#ifndef QUALICLIP_TEXT_TOWER_H
#define QUALICLIP_TEXT_TOWER_H

#include "gguf_writer.h"
#include "plan.h"

struct text_tower_sizes {
    uint32_t width, layers, heads, mlp_width, context_length, token_count;
    double epsilon; /* of LayerNorm */
};

bool has_text_tower(const struct checkpoint *checkpoint, const struct naming *naming);

/* There must be one.  False: plan->message says why.  `feature_size` is the image tower's. */
bool plan_text_tower(struct plan *plan, struct text_tower_sizes *sizes, uint32_t feature_size);

/* Its keys in the model file. */
void put_text_tower(struct gguf_writer *writer, const struct text_tower_sizes *sizes,
                    uint32_t feature_size);

#endif
