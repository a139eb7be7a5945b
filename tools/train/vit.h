/*
 * vit.h - the insides of the ViT that learns: what its files share.
 *
 * Tokens of all images follow each other as rows.  Where only the class token leaves the tower, the
 * last block has one query an image, and what follows its attention is computed for that alone.
 */
#ifndef QUALICLIP_TRAIN_VIT_H
#define QUALICLIP_TRAIN_VIT_H

#include "crew.h"
#include "rows.h"
#include "tower.h"

struct learned {
    float *values, *gradient;
};

struct vit_linear {
    struct learned weight, bias;
};

struct vit_norm {
    struct learned gain, bias;
    float *normal, *inverse; /* kept for the way back, see rows.h */
};

/* Queries, and keys with the values behind them; in all blocks but the last in the same rows. */
struct vit_heads {
    float *queries, *keys;
    size_t query_stride, key_stride;
};

struct vit_block {
    size_t queries; /* of an image: its tokens, or 1 */
    struct vit_norm norm1, norm2;
    struct vit_linear in, out, fc, projection;
    /* Kept for the way back: */
    struct vit_heads heads;
    float *shares;   /* image, head, query, token: softmax */
    float *attended; /* a row a query; `width` */
    float *middle;   /* a row a query; before GELU, 4 `width` */
};

/* Sums over a member's images, of which the gradients of LayerNorms are made. */
enum vit_sums { SUM_GAIN1, SUM_BIAS1, SUM_GAIN2, SUM_BIAS2, SUM_GAIN, SUM_BIAS, SUM_COUNT };

struct vit {
    struct tower tower;
    struct crew *crew;
    size_t width, heads, layers, feature, batch;
    size_t patches; /* of an image; its tokens are one more */
    size_t tokens, rows;
    size_t leaving;      /* of an image: its class token, or all */
    size_t patch_values; /* 3 colours */
    float *memory;       /* all of the floats */
    char (*names)[64];

    struct learned patch_embedding, class_embedding, positions, projection;
    struct vit_norm norm_pre, norm_post;
    struct vit_block *blocks;

    /* Forward, kept: a row a token (the class token's zero), a row a token that leaves. */
    float *pixels, *last_normed;
    /* Forward: the stream of tokens, and of class tokens where they alone are left at the end. */
    float *stream, *class_stream;
    /* Made in both directions: outputs of a block's LayerNorms, and of its GELU. */
    float *normed1, *normed2, *hidden;

    /* Backward: gradients of the stream above a block, between its halves, and below it. */
    const float *feature_gradients;
    float *above, *between, *below;
    float *hidden_change, *attended_change;
    struct vit_heads heads_change; /* of the block at hand, laid out as its heads */
    float *heads_change_memory;
    float *share_changes; /* member, query, token */
    float *sums;          /* member, enum vit_sums, `width` */
};

/* Some images that follow each other. */
struct span {
    size_t first, count;
};

/* The span of images that is a member's share. */
struct span vit_share(const struct vit *vit, size_t member, size_t members);

/*
 * Takes the memory of a tower whose sizes are set, names its parameters (all 0) and lays out the
 * rest for so many members of the crew; false without memory enough.
 */
bool train_vit_plan(struct vit *vit, size_t members);

/* tower_operations */
void train_vit_forward(struct tower *tower, const float *pixels, float *features, bool training);
void train_vit_backward(struct tower *tower, const float *feature_gradients);

/* What attention does with a span's images.  Backward writes heads_change. */
void vit_attention(const struct vit *vit, const struct vit_block *block, struct span span);
void vit_attention_back(const struct vit *vit, const struct vit_block *block, struct span span,
                        float *share_changes);

#endif
