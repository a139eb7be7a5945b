/*
 * gguf_format.h - the numbers that the GGUF format fixes, shared by the library's reader
 * and the tools' writer, and the names of our own keys.  No code.
 *
 * Source of the format: the GGUF specification of the ggml project.
 */
#ifndef QUALICLIP_GGUF_FORMAT_H
#define QUALICLIP_GGUF_FORMAT_H

#define GGUF_MAGIC "GGUF"
#define GGUF_VERSION 3        /* of the files that we write */
#define GGUF_OLDEST_VERSION 2 /* the same layout; version 1 had other lengths */
#define GGUF_DEFAULT_ALIGNMENT 32
#define GGUF_OUR_ALIGNMENT 64
#define GGUF_MAX_DIMENSIONS 4

enum gguf_value_type {
    GGUF_UINT8 = 0, GGUF_INT8 = 1, GGUF_UINT16 = 2, GGUF_INT16 = 3, GGUF_UINT32 = 4,
    GGUF_INT32 = 5, GGUF_FLOAT32 = 6, GGUF_BOOL = 7, GGUF_STRING = 8, GGUF_ARRAY = 9,
    GGUF_UINT64 = 10, GGUF_INT64 = 11, GGUF_FLOAT64 = 12
};

enum gguf_tensor_type { GGML_F32 = 0, GGML_F16 = 1, GGML_I8 = 24, GGML_F64 = 28, GGML_BF16 = 30 };

/* Keys.  The first group is clip.cpp's, the second ours. */
#define KEY_ARCHITECTURE "general.architecture" /* string "clip" */
#define KEY_ALIGNMENT "general.alignment"       /* u32 */
#define KEY_NAME "general.name"
#define KEY_LICENSE "general.license"
#define KEY_HAS_VISION "clip.has_vision_encoder" /* bool */
#define KEY_HAS_PROJECTOR "clip.has_llava_projector" /* bool: it feeds a language model */
#define KEY_PROJECTOR_TYPE "clip.projector_type"     /* string: likewise, newer */
#define KEY_IMAGE_SIZE "clip.vision.image_size"  /* u32, here and below unless said */
#define KEY_PATCH_SIZE "clip.vision.patch_size"
#define KEY_WIDTH "clip.vision.embedding_length"
#define KEY_MLP_WIDTH "clip.vision.feed_forward_length"
#define KEY_LAYERS "clip.vision.block_count"
#define KEY_PROJECTION "clip.vision.projection_dim" /* size of the feature */
#define KEY_HEADS "clip.vision.attention.head_count"
#define KEY_EPSILON "clip.vision.attention.layer_norm_epsilon" /* f32 */
#define KEY_USE_GELU "clip.use_gelu"                           /* bool; false: QuickGELU */
#define KEY_IMAGE_MEAN "clip.vision.image_mean"                /* f32[3] */
#define KEY_IMAGE_STD "clip.vision.image_std"                  /* f32[3] */

#define KEY_HAS_TEXT "clip.has_text_encoder" /* bool; default false */
#define KEY_TEXT_CONTEXT "clip.text.context_length"
#define KEY_TEXT_WIDTH "clip.text.embedding_length"
#define KEY_TEXT_MLP_WIDTH "clip.text.feed_forward_length"
#define KEY_TEXT_LAYERS "clip.text.block_count"
#define KEY_TEXT_PROJECTION "clip.text.projection_dim"
#define KEY_TEXT_HEADS "clip.text.attention.head_count"
#define KEY_TEXT_EPSILON "clip.text.attention.layer_norm_epsilon" /* f32 */
#define KEY_TOKENS "tokenizer.ggml.tokens" /* string[tokens] */
#define KEY_MERGES "tokenizer.ggml.merges" /* string[merges]: "left right" */

#define KEY_TOWER "qualiclip.tower"                   /* string "vit" or "resnet"; default "vit" */
#define KEY_STAGE_BLOCKS "qualiclip.resnet.blocks"    /* u32[4]: bottlenecks of each stage */
#define KEY_LOW_LEVEL "qualiclip.low_level"           /* string "resnet18"; absent: there is none */
#define KEY_LOW_LEVEL_WIDTH "qualiclip.low_level.width" /* channels behind its stem */
#define KEY_LOW_LEVEL_PROJECTION "qualiclip.low_level.projection_dim" /* size of its feature */
#define KEY_LOW_LEVEL_SOURCE "qualiclip.low_level.source.file"
#define KEY_LOW_LEVEL_SOURCE_HASH "qualiclip.low_level.source.xxh64"
#define KEY_PRISTINE_PHOTOS "qualiclip.low_level.pristine.photos"   /* how many */
#define KEY_PRISTINE_PATCHES "qualiclip.low_level.pristine.patches" /* how many were kept */
#define KEY_PACKED "qualiclip.packed" /* u32: the layout of panels; absent: there are none */
#define KEY_PROFILE "qualiclip.profile"               /* string */
#define KEY_POSITIONS "qualiclip.positions" /* string "none", "grid" or "flat"; default "grid" */
#define KEY_READOUT "qualiclip.readout" /* string "pairs", "levels" or "texts"; default "pairs" */
#define KEY_SIZE "qualiclip.size"       /* string "native", "cropN", "long=N", "tiles" */
#define KEY_LOGIT_SCALE "qualiclip.logit_scale"       /* f32: the factor, not its logarithm */
#define KEY_TEMPERATURE "qualiclip.temperature"       /* f32; default 1 */
#define KEY_PAIR_NAMES "qualiclip.pairs.names"        /* string[pairs] */
#define KEY_SOURCE "qualiclip.source.file"            /* string: base name of the checkpoint */
#define KEY_SOURCE_HASH "qualiclip.source.xxh64"      /* string: 16 hexadecimal digits */
#define KEY_TEXT_SOURCE "qualiclip.text.source.file" /* where the text tower came from, if not  */
#define KEY_TEXT_SOURCE_HASH "qualiclip.text.source.xxh64" /* out of the same checkpoint */
#define KEY_CONTEXT_SOURCE "qualiclip.context.source.file" /* likewise learned contexts */
#define KEY_CONTEXT_SOURCE_HASH "qualiclip.context.source.xxh64"
#define KEY_CONVERTER "qualiclip.converter"           /* string: "qualiclip 0.1.0" */

#endif
