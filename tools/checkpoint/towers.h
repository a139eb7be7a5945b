/*
 * towers.h - which tower a checkpoint holds, its sizes, and the plan of its tensors: the names of
 * naming.h on one side, those of docs/model-file.md on the other.
 */
#ifndef QUALICLIP_TOWERS_H
#define QUALICLIP_TOWERS_H

#include "plan.h"

struct tower {
    bool is_resnet;
    uint32_t width, layers, heads, patch_size, mlp_width, feature_size;
    uint32_t grid;      /* positions a side; 0: none are stored */
    uint32_t blocks[4]; /* ResNet: bottlenecks of each stage */
    double epsilon;     /* ViT: of LayerNorm */
};

/*
 * Finds out what the checkpoint holds and plans its tensors; sets plan->naming unless it is set.
 * False: plan->message says why.
 */
bool plan_tower(struct plan *plan, struct tower *tower);

/* Block `index` of a transformer: FROM N.* -> TO.blk.N.* */
void plan_transformer_block(struct plan *plan, const char *to_tower, const char *from_blocks,
                            const struct block_names *names, unsigned index, uint64_t width,
                            uint64_t mlp_width);

/* A matrix without bias that is stored as (outputs, inputs) where it is linear, else transposed. */
void plan_projection(struct plan *plan, const char *to, const char *from, bool is_linear,
                     uint64_t outputs, uint64_t inputs);

/* What is told of the image tower; all of it may be untold. */
const struct told_tower *plan_told_vision(const struct plan *plan);

/* Fails the plan if another number is told than the tensors have. */
void plan_check_told(struct plan *plan, struct told told, uint64_t measured);

/* The heads that are told, else of 64 channels each; fails the plan if they cannot be. */
uint32_t plan_heads(struct plan *plan, const struct told_tower *told, uint32_t width);

/* A wrong number of heads would pass unnoticed: whether it is told, or the model is of a size that
 * OpenAI published.  False: plan->message says that it is not. */
bool plan_knows_heads(const struct plan *plan, const struct tower *tower);

/* Of one kind each; for plan_tower(). */
void plan_vit(struct plan *plan, struct tower *tower);
void plan_resnet(struct plan *plan, struct tower *tower);

/* Positions a side of a table of 1 + grid * grid rows; fails the plan if they are not a square. */
uint32_t plan_grid(struct plan *plan, const char *name, uint64_t rows);

#endif
