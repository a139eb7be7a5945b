/*
 * published_model.h - a whole CLIP of a few numbers as a safetensors file, under the names of those
 * who publish such files.
 */
#ifndef QUALICLIP_FUZZ_PUBLISHED_MODEL_H
#define QUALICLIP_FUZZ_PUBLISHED_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a config must say of it, if it says it. */
enum {
    PUBLISHED_WIDTH = 4,
    PUBLISHED_MLP = 8,
    PUBLISHED_PATCH = 2,
    PUBLISHED_FEATURE = 2,
    PUBLISHED_TOKENS = 520,
    PUBLISHED_CONTEXT = 4
};

struct published_model {
    bool is_open_clip; /* else transformers' names */
    bool has_image, has_text;
    const char *type; /* "F32", ... */
};

/* The header, without its length; to be freed.  *data_size: bytes that follow it in a file. */
char *published_header(const struct published_model *model, size_t *data_size);

/* A file of a header and data that repeats a pattern; to be freed. */
uint8_t *safetensors_of(const void *header, size_t header_size, size_t data_size, size_t *size);

#endif
