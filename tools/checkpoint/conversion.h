/*
 * conversion.h - a checkpoint in, a model file out.  Writes no file but that one, and one beside it
 * while prompts are encoded; prints nothing.
 */
#ifndef QUALICLIP_CONVERSION_H
#define QUALICLIP_CONVERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "plan_write.h"
#include "pristine.h"
#include "qualiclip.h"
#include "towers.h"

/* Whether the model keeps the text tower. */
enum text_choice {
    TEXT_IF_USEFUL, /* with a vocabulary, or where the model has no prompts of its own */
    TEXT_KEPT,
    TEXT_DROPPED
};

struct conversion {
    const char *checkpoint_path, *model_path; /* the former may be a directory: see source.h */
    const char *text_path;      /* a checkpoint to take the text tower from; NULL: the same */
    const char *context_path;   /* learned contexts; NULL: in the checkpoint, where needed */
    enum gguf_tensor_type type; /* of matrices and convolutions: f32 (0), f16, bf16, or i8: q8 */
    bool packed;                /* large matrices as panels: see repack.h */
    const char *profile;        /* NULL: by what the checkpoint has */
    const char *name;           /* NULL: the checkpoint's file name */
    const char *license;        /* NULL: none is written */
    const char *vocabulary;     /* see vocabulary.h; NULL: of a directory that has one, or none */
    const char *activation;     /* "gelu" or "quick_gelu"; NULL: what the checkpoint tells */
    enum text_choice text;
    const qc_prompt_pair *prompts; /* instead of the profile's; every one with a name */
    size_t prompt_count;           /* 0: the profile's */
    bool truncate;                 /* cut prompts that are too long */
    qc_size_rule size_rule;        /* 0 in any of these: the profile's */
    uint32_t size_pixels;
    qc_positions positions;
    float temperature;
    const char *low_level_path;      /* GRepQ's second checkpoint; NULL: none */
    const struct pristine *pristine; /* what goes with it */
    uint32_t threads;                /* that look at pristine patches; 1 or more */
    bool allow_unknown;              /* pass over names that are not known */

    void (*note)(void *context, const char *line); /* what was read and dropped; may be NULL */
    plan_progress *progress;                       /* may be NULL */
    /* Looks at the finished file before it takes its place; false: message says why.  May be NULL.
     */
    bool (*verify)(void *context, const char *path, char *message);
    void *context;
};

struct conversion_result {
    struct tower tower;
    const char *profile; /* a constant or the conversion's */
    qc_readout readout;
    bool keeps_text;
    uint64_t pair_count, tensor_count, number_count, file_size; /* pairs, levels or texts */
};

/*
 * False: `message` (QC_MESSAGE_SIZE) says why, and whatever was at model_path is as it was.  The
 * same checkpoint and options give the same bytes, on machines with the same kernels (prompts that
 * are encoded).
 */
bool convert_checkpoint(const struct conversion *conversion, struct conversion_result *result,
                        char *message);

/*
 * The same of a model file, whose large matrices take the form of conversion->type (0: as they are)
 * and ->packed; of the other settings those of the files and verify() alone are looked at.
 */
bool convert_model(const struct conversion *conversion, uint64_t *file_size, char *message);

#endif
