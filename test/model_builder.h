/*
 * model_builder.h - small but complete model files for tests, of any dimensions, with weights that
 * depend on the tensor's name and the seed alone.
 *
 *     struct tiny_vit_options options = tiny_vit_options();
 *     options.type = GGML_F16;
 *     write_tiny_vit(path, &options);
 *
 * A failure to write fails the running test.
 */
#ifndef QUALICLIP_MODEL_BUILDER_H
#define QUALICLIP_MODEL_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "../lib/gguf_format.h"

/* What is to be wrong with a file, for tests of the reader; what is NULL is left right. */
struct model_faults {
    const char *omit;     /* this tensor is not there */
    const char *twice;    /* ... is there twice */
    const char *misshape; /* ... has one more element in its slowest dimension */
    const char *flatten;  /* ... has its elements in one dimension */
    const char *poison;   /* ... ends with poison_value */
    float poison_value;
    const char *retype; /* ... has this type; the numbers are zeros */
    enum gguf_tensor_type type;

    const char *omit_key;
    const char *u32_key; /* this key has that value instead */
    uint32_t u32_value;
    const char *f32_key;
    float f32_value;
    const char *string_key;
    const char *string_value;
    const char *bool_key;
    bool bool_value;
};

struct tiny_vit_options {
    uint32_t width, mlp_width, layers, heads, patch_size;
    uint32_t grid; /* patches a side in training; 0: no positional embeddings */
    uint32_t feature_size;
    uint32_t pairs; /* 0: no prompts */
    enum gguf_tensor_type type, vector_type; /* f32, f16 or bf16: of matrices, of all else */
    enum gguf_tensor_type rounding; /* every number is first rounded to this type */
    bool gelu;             /* instead of QuickGELU */
    const char *positions; /* "none", "grid"; NULL: the file does not tell */
    float logit_scale, temperature; /* 0: the file does not tell */
    bool as_clip_cpp; /* as clip.cpp writes them: no keys of ours, no prompts */
    uint64_t seed;
    const struct model_faults *faults; /* NULL: none */
};

/* width 64, MLP 128, 2 layers, 2 heads, patch 8, grid 3, feature 16, 2 pairs, f32. */
struct tiny_vit_options tiny_vit_options(void);
void write_tiny_vit(const char *path, const struct tiny_vit_options *options);

struct tiny_resnet_options {
    uint32_t width;  /* even; 32 * width channels at the end */
    uint32_t heads;  /* 0: the file does not tell, heads have 64 channels */
    uint32_t blocks[4];
    uint32_t grid; /* positions a side in training; 0: no positional embeddings */
    uint32_t feature_size;
    uint32_t pairs;
    enum gguf_tensor_type type, vector_type, rounding;
    const char *positions;
    float logit_scale, temperature;
    uint32_t low_level_width; /* 0: no low-level part; else the profile is grepq */
    uint32_t low_level_feature_size;
    uint64_t seed;
    const struct model_faults *faults;
};

/* width 4, heads 2, blocks 2 1 1 1, grid 2, feature 16, 2 pairs, f32. */
struct tiny_resnet_options tiny_resnet_options(void);
void write_tiny_resnet(const char *path, const struct tiny_resnet_options *options);

#endif
