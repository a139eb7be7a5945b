/*
 * begin.h - what a run begins with: the shape of a tower by its name or from a file, and its first
 * weights.
 */
#ifndef QUALICLIP_TRAIN_BEGIN_H
#define QUALICLIP_TRAIN_BEGIN_H

#include "qualiclip.h"
#include "state.h"

/*
 * Random numbers; what training saved; a converted model; a checkpoint as others publish theirs; the
 * teacher's layers, one block of each stage.
 */
enum beginning_kind {
    BEGIN_FROM_SCRATCH,
    BEGIN_WITH_STATE,
    BEGIN_WITH_MODEL,
    BEGIN_WITH_CHECKPOINT,
    BEGIN_WITH_TEACHER
};

enum prompts_choice { PROMPTS_BY_BEGINNING, PROMPTS_FIXED, PROMPTS_LEARN };

/* What may be asked of a beginning. */
struct begin_wishes {
    enum prompts_choice prompts;
    bool fine_tunes;        /* prompts that a model or a checkpoint has are fixed, if not chosen */
    const char *activation; /* of a checkpoint: gelu or quick_gelu; NULL: what the file tells */
    const char *teacher;    /* its model file, or built-in; NULL: there is none */
    qc_positions positions; /* of a checkpoint: none or grid; 0: as convert would have them */
};

struct beginning {
    enum beginning_kind kind;
    const char *path; /* of the file; NULL: the built-in model */
    struct tower_shape shape;
    uint32_t texts;
    bool has_prompts; /* else they are random numbers */
    bool prompts_learn;
    double logit_scale;
};

/* What `init` seems to be: "nano", "vit-tiny", "shallow", or by the file's first look. */
enum beginning_kind begin_kind(const char *init);

/*
 * False: `message` (QC_MESSAGE_SIZE bytes) says why.  The model that will be written at
 * `model_path` may not overwrite the checkpoint.
 */
bool begin_find(struct beginning *beginning, const char *init, const struct begin_wishes *wishes,
                const char *model_path, char *message);

/* The first weights; the averages begin as they are. */
bool begin_fill(const struct beginning *beginning, struct student *student, uint64_t seed,
                char *message);

#endif
