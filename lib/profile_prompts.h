/*
 * profile_prompts.h - the prompts of the scoring recipes that are known by name, as texts and as
 * CLIP's token ids, so that a checkpoint can be given its prompts without a vocabulary.
 */
#ifndef QUALICLIP_PROFILE_PROMPTS_H
#define QUALICLIP_PROFILE_PROMPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum prompt_set {
    PROMPTS_ANY, /* none of its own: whatever the caller asks for */
    PROMPTS_QUALICLIP,
    PROMPTS_CLIP_IQA,
    PROMPTS_CLIP_IQA_PYIQA,
    PROMPTS_GREPQ,
    PROMPTS_LIQE,
    PROMPTS_LIQE_MIX,
    /* Each text stands in the midst of context vectors that were learned: not for the asking. */
    PROMPTS_QUALICLIP_PLUS,
    PROMPTS_CLIP_IQA_PLUS
};

#define PROMPT_TEXT_SIZE  160 /* bytes that any of the texts and names fits in */
#define PROMPT_TOKENS_MAX 32  /* start and end token included */

/* Quality levels, the worst first: the outputs of the sets that are read out as levels. */
#define PROMPT_LEVELS 5

/* Texts of a set: positive, negative, positive, ...; for levels, those of the worst first. */
size_t prompt_count(enum prompt_set set);
void prompt_text(enum prompt_set set, size_t index, char text[PROMPT_TEXT_SIZE]);

/* Pairs or levels, and what they are called. */
size_t prompt_output_count(enum prompt_set set);
void prompt_output_name(enum prompt_set set, size_t index, char name[PROMPT_TEXT_SIZE]);

/* Whether the texts alone are not the prompts: context vectors belong to them. */
bool prompts_are_learned(enum prompt_set set);

/* The ids of a text, start and end token included; returns their number. */
size_t prompt_tokens(enum prompt_set set, size_t index, uint32_t ids[PROMPT_TOKENS_MAX]);

#endif
