/*
 * vit_group.h - some images of a batch on their way through the layers of a vision transformer.
 *
 * Rows of all of them share a product; attention alone keeps images apart.  The layers run on all
 * threads, or where vit.c has a group for each thread, on the calling one.
 */
#ifndef QUALICLIP_VIT_GROUP_H
#define QUALICLIP_VIT_GROUP_H

#include "tower.h"

/* Queries that one attention task handles: enough to reuse its packed keys, few enough for L2. */
#define ATTENTION_QUERIES 96

struct vit_group {
    const struct vit *vit;
    const struct layers *layers;
    size_t count;           /* of images */
    const size_t *segments; /* count + 1: where each one's rows begin */
    struct rows tokens;
    struct rows normed, hidden; /* lent: nothing stays there from one of these calls to the next */
    unsigned char *rounded;     /* likewise */
};

/* Tokens of the input's images from `first` on, in front of the first block. */
void vit_embed(const struct vit_group *group, const struct tower_input *input, size_t first);

/* A block but for the last one. */
void vit_block_forward(const struct vit_group *group, const struct vit_block *block);

/* The second half of a block: tokens += out(normed), where attention left what it saw;
 * tokens += mlp(norm2(tokens)). */
void vit_branches_forward(const struct vit_group *group, const struct vit_block *block);

/*
 * The last block looks at all tokens, but the class tokens alone go on.  `class_group` has one row
 * for each image of a batch: their queries; then attention over the tokens of some of the images,
 * to as many rows; then vit_branches_forward() of the class group.
 */
void vit_class_queries(const struct vit_group *class_group, const struct vit_block *block,
                       struct rows queries);
void vit_class_attention(const struct vit_group *group, const struct vit_block *block,
                         struct rows queries, const size_t *query_segments, struct rows attended);

#endif
