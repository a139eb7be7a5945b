/*
 * model_load.h - how the parts of a model are taken out of its file.  Internal to model*.c.
 *
 * A failure is remembered in the loader and turns every later call into one that does nothing and
 * returns NULL or zeros, so that a tower is loaded by a plain list of calls with one check.
 */
#ifndef QUALICLIP_MODEL_LOAD_H
#define QUALICLIP_MODEL_LOAD_H

#include "log.h"
#include "model.h"

/* Numbers that no real model reaches; they keep every product of sizes far from overflow. */
#define MAX_WIDTH        16384
#define MAX_LAYERS       256
#define MAX_PATCH_SIZE   1024
#define MAX_IMAGE_SIZE   65536
#define MAX_STAGE_BLOCKS 64
#define MAX_RESNET_WIDTH 512
#define STAGES           4

struct loader {
    struct qc_model *model;
    struct message *message;
    struct listener listener; /* hears what is decided */
    size_t packed_bytes;      /* of weights that were packed */
    qc_status status;                       /* of the first failure */
    bool skip_numbers;                      /* whether they are finite is not looked at */
    uint64_t matrix_numbers[NUMBER_I8 + 1]; /* how many were loaded as matrices, by number_type */

    /* Tensors whose numbers are still to be looked at: see check_numbers(). */
    const void **unchecked; /* struct gguf_tensor */
    size_t unchecked_count;
};

/* Slowest first, as in docs/model-file.md; 1 beyond the last. */
struct shape {
    uint64_t sizes[GGUF_MAX_DIMENSIONS];
};

struct tensor_name {
    char text[64];
};
struct tensor_name tensor_name(const char *format, ...) PRINTF_LIKE(1, 2);

/* Remembers a failure of the model file: "<origin>: <sentence>". */
void loader_fail(struct loader *loader, qc_status status, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Zeroed memory that lives as long as the model. */
void *loader_allocate(struct loader *loader, size_t count, size_t size);

/* A copy of text as a C string that is valid UTF-8 and has no control characters. */
char *loader_copy_text(struct loader *loader, struct gguf_text text);

bool text_is(struct gguf_text text, const char *expected);

/* Tensors.  Each is checked: there, of this shape, of a type we can use; and finite, later. */
bool loader_has(const struct loader *loader, const char *name);
struct matrix load_matrix(struct loader *loader, const char *name, struct shape shape);
/* One that may be stored in 8 bits or packed (large_matrices.h). */
struct matrix load_large_matrix(struct loader *loader, const char *name, struct shape shape);
const float *load_floats(struct loader *loader, const char *name, struct shape shape);
const double *load_doubles(struct loader *loader, const char *name, struct shape shape);
const float *load_vector(struct loader *loader, const char *name, size_t size);
struct linear load_linear(struct loader *loader, const char *stem, size_t outputs, size_t inputs);
struct norm load_norm(struct loader *loader, const char *stem, size_t size);

/* Block `index` of the image tower ('v') or the text tower ('t'): both are built of the same. */
void load_transformer_block(struct loader *loader, struct vit_block *block, char tower,
                            size_t index, size_t width, size_t mlp_width);

/* A whole number in [least, most]; `otherwise` where the key is missing; if 0, it must be there. */
size_t load_size(struct loader *loader, const char *key, uint32_t otherwise, uint32_t least,
                 uint32_t most);

/* A positional embedding, or NULL if there is none; then *grid is 0. */
const float *load_positions(struct loader *loader, const char *name, size_t patch_size,
                            size_t width, size_t *grid);

/* What each file fills in. */
void load_vit(struct loader *loader);       /* model_vit.c */
void load_resnet(struct loader *loader);    /* model_resnet.c */
void load_low_level(struct loader *loader); /* model_low_level.c: required by profile grepq */
void load_recipe(struct loader *loader);    /* model_recipe.c: prompts, scale, pixels, names */

/* Text tower and vocabulary, if any (model_text.c); in a build with TEXT=no they are passed over.
 */
#ifdef QUALICLIP_TEXT
void load_text_tower(struct loader *loader);
#else
static inline void load_text_tower(struct loader *loader)
{
    (void)loader;
}
#endif

/*
 * Reads the whole file once: looks at the numbers of all tensors that were loaded, and returns the
 * file's hash (model_numbers.c).
 */
uint64_t check_numbers(struct loader *loader);

/* Whether packing copies large matrices, so that their pages in the file are not needed. */
bool packs_anew(const struct qc_model *model);

/* Packs the weights of the image towers, all of which are loaded (model_pack.c). */
void pack_model(struct loader *loader);

/* Tells the caller's log what was decided (model_log.c). */
void tell_opened(const struct loader *loader, const qc_model_options *options);

#endif
