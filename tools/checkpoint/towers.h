/*
 * towers.h - which tower a checkpoint holds, its sizes, and the plan of its tensors: the names of
 * OpenAI's CLIP on one side, those of docs/model-file.md on the other.
 */
#ifndef QUALICLIP_TOWERS_H
#define QUALICLIP_TOWERS_H

#include "plan.h"

struct tower {
    bool is_resnet;
    uint32_t width, layers, heads, patch_size, mlp_width, feature_size;
    uint32_t grid;      /* positions a side; 0: none are stored */
    uint32_t blocks[4]; /* ResNet: bottlenecks of each stage */
};

/* Finds out what the checkpoint holds and plans its tensors; false: plan->message says why. */
bool plan_tower(struct plan *plan, struct tower *tower);

/* Block `index` of a transformer: FROM.resblocks.N.* -> TO.blk.N.* */
void plan_transformer_block(struct plan *plan, const char *to_tower, const char *from_tower,
                            unsigned index, uint64_t width, uint64_t mlp_width);

/* Of one kind each; for plan_tower(). */
void plan_vit(struct plan *plan, struct tower *tower);
void plan_resnet(struct plan *plan, struct tower *tower);

/* Positions a side of a table of 1 + grid * grid rows; fails the plan if they are not a square. */
uint32_t plan_grid(struct plan *plan, const char *name, uint64_t rows);

#endif
