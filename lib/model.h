/*
 * model.h - an open model: typed, checked views of the tensors in a model file.
 *
 * Immutable after open.  Matrices stay in the file's type, and in its memory unless
 * they are packed for the kernels (model_pack.c); vectors (biases, gains,
 * embeddings) are f32 in the file or widened once at open.  Nothing here computes a score.
 */
#ifndef QUALICLIP_MODEL_H
#define QUALICLIP_MODEL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "gguf.h"
#include "kernels.h"
#include "recipe.h"
#include "status.h"

/* What numbers of that type in a file are to the kernels; false: the library cannot use them. */
bool number_type_of(enum gguf_tensor_type stored, number_type *type);

/* outputs x inputs numbers, the inputs of one output contiguous. */
struct matrix {
    const void *data;    /* NULL: packed alone */
    const float *scales; /* of data of I8: one for each output */
    number_type type;
    size_t outputs, inputs;
    const void *packed; /* the same as pack_weights() lays them out, or NULL */
    bool rounds_rows;   /* what they are multiplied with is rounded to their type beforehand */
    const struct matrix *next; /* which the tower reads after this one, if that is known */
};

struct linear {
    struct matrix weight;
    const float *bias; /* weight.outputs floats, or NULL */
};

struct norm {
    const float *gain, *bias;
};

struct vit_block {
    struct norm norm1, norm2;
    struct linear query, key, value, out;
    struct linear fc1, fc2; /* width -> mlp_width -> width */
};

struct vit {
    size_t width, mlp_width, layers, heads, patch_size, grid; /* grid: patches a side in training */
    float epsilon;
    activation activation;
    struct matrix patch_embedding;   /* width x (3 * patch * patch), inputs ordered (c, y, x) */
    const float *class_embedding;    /* width */
    const float *position_embedding; /* (1 + grid * grid) x width, or NULL */
    struct norm pre_norm, post_norm;
    struct vit_block *blocks;
    struct matrix projection; /* feature x width */
};

/* A convolution with its BatchNorm folded in; inputs ordered (y, x, c). */
struct convolution {
    struct linear linear;
    size_t kernel_size; /* odd; the padding is half of it */
    size_t channels;    /* in; linear.weight.inputs = kernel_size^2 * channels */

    /* NULL, or 3x3 weights transformed for tiles of side x side pixels (kernels.h). */
    const float *winograd;
    size_t side;
};

struct bottleneck {
    struct convolution conv1, conv2, conv3;
    struct convolution shortcut; /* without outputs: the identity */
    bool halves;                 /* 2x2 average pooling after conv2 and before the shortcut */
};

struct resnet {
    size_t width, channels, heads,
        grid; /* channels: of the last stage; grid: 0 without positions */
    size_t block_count;
    struct convolution stem[3]; /* the first with stride 2 */
    struct bottleneck *blocks;
    const float *position_embedding; /* (1 + grid * grid) x channels, or NULL */
    struct linear query, key, value, out;
    const void *packed_keys; /* each head's keys, transposed and packed, or NULL */
};

/* Two 3x3 convolutions, the first with a stride, and a way past them. */
struct basic_block {
    struct convolution conv1, conv2;
    struct convolution shortcut; /* 1x1 with the stride; without outputs: the identity */
    size_t stride;
};

#define RESNET18_BLOCKS 8

/* torchvision's ResNet-18 over small patches, with two linear layers in its classifier's place. */
struct resnet18 {
    size_t width, feature_size; /* width: channels behind the stem; 8 times as many at the end */
    struct convolution stem;    /* 7x7, stride 2 */
    struct basic_block blocks[RESNET18_BLOCKS];
    struct linear hidden, out;
};

/* What GRepQ compares with: an encoder of patches, and how it sees patches of pristine photos. */
struct low_level {
    struct resnet18 encoder;
    const double *pristine_mean, *pristine_covariance; /* feature_size; feature_size squared */
};

/* NULL until a text is encoded for the first time; see model_tokenizer.c. */
struct shared_tokenizer {
    _Atomic(struct tokenizer *) made;
};

/* Texts to features; its blocks are those of a ViT, with causal attention. */
struct text_tower {
    size_t width, mlp_width, layers, heads, context_length, token_count;
    float epsilon;
    activation activation;
    struct matrix token_embedding;   /* token_count x width */
    const float *position_embedding; /* context_length x width */
    struct vit_block *blocks;
    struct norm final_norm;
    struct matrix projection;                 /* feature x width */
    const struct gguf_value *tokens, *merges; /* the vocabulary: strings, or NULL */
    struct shared_tokenizer *tokenizer;
};

struct qc_model {
    const kernel_set *kernels;
    qc_tower tower;
    union {
        struct vit vit;
        struct resnet resnet;
    };
    bool has_text;
    struct text_tower text;
    bool has_low_level;
    struct low_level low_level;
    size_t feature_size;
    float image_mean[3], image_std[3];

    struct recipe recipe; /* as the file says */

    qc_model_info info; /* strings owned by the model */

    struct gguf gguf;
    const void *data;
    size_t size;
    bool mapped;
    bool only_checked;            /* what was read may leave memory again */
    number_type large_type;       /* of large matrices in the file */
    bool is_packed;               /* they are panels there */
    bool packs_resnet, packs_vit; /* what is packed if the kernels want it so */
    qc_precision precision;       /* never the default */
    struct memory memory;         /* the model itself and all it owns */
};

#endif
