/*
 * conversion.h - a checkpoint in, a model file out.  Writes no file but that one, prints nothing.
 */
#ifndef QUALICLIP_CONVERSION_H
#define QUALICLIP_CONVERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "plan_write.h"
#include "qualiclip.h"
#include "towers.h"

struct conversion {
    const char *checkpoint_path, *model_path; /* the former may be a directory: see source.h */
    enum gguf_tensor_type type; /* of matrices and convolutions: f32 (0), f16 or bf16 */
    const char *profile; /* NULL: by what the checkpoint has */
    const char *name;    /* NULL: the checkpoint's file name */
    const char *license; /* NULL: none is written */
    const char *vocabulary; /* see vocabulary.h; NULL: the text tower is dropped, unless the
                               checkpoint is a directory that has one */
    const char *activation; /* "gelu" or "quick_gelu"; NULL: what the checkpoint tells */
    const qc_prompt_pair *prompts; /* instead of the checkpoint's; every one with a name */
    size_t prompt_count;           /* 0: as in the checkpoint */
    bool allow_unknown;  /* pass over names that are not known */

    void (*note)(void *context, const char *line); /* what was read and dropped; may be NULL */
    plan_progress *progress;                       /* may be NULL */
    /* Writes the unit features of the prompts by the unfinished model; false: message says why. */
    bool (*encode)(void *context, const char *path, float *features, char *message);
    /* Looks at the finished file before it takes its place; false: message says why.  May be NULL.
     */
    bool (*verify)(void *context, const char *path, char *message);
    void *context;
};

struct conversion_result {
    struct tower tower;
    const char *profile; /* a constant or the conversion's */
    uint64_t pair_count, tensor_count, number_count, file_size;
};

/*
 * False: `message` (QC_MESSAGE_SIZE) says why, and whatever was at model_path is as it was.  The
 * same checkpoint and options always give the same bytes.
 */
bool convert_checkpoint(const struct conversion *conversion, struct conversion_result *result,
                        char *message);

#endif
