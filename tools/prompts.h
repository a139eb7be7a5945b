/*
 * prompts.h - a prompts file: one pair of opposite texts a line, positive TAB negative [TAB name],
 * or one text a line where an image is compared with each for itself.  Empty lines and lines that
 * begin with # are passed over.
 */
#ifndef QUALICLIP_TOOLS_PROMPTS_H
#define QUALICLIP_TOOLS_PROMPTS_H

#include <stdbool.h>
#include <stddef.h>

#include "qualiclip.h"

struct prompt_list {
    qc_prompt_pair pairs[QC_PAIRS_MAX]; /* every one has a name */
    size_t count;
    char *text;
    char *names; /* those that the file does not give */
    float *features;
};

/*
 * Pairs, or where `single` texts: text [TAB name].  False: `message` (QC_MESSAGE_SIZE) names the
 * file and the line; nothing is left to free.
 */
bool prompts_read(struct prompt_list *list, const char *path, bool single, char *message);

/* Adds a text that stands alone, which must outlive the list; false: there are too many. */
bool prompts_add_text(struct prompt_list *list, const char *text);

/* Has the model encode the texts, once for any number of scorers.  False: message says why. */
bool prompts_encode(struct prompt_list *list, const qc_model *model, bool truncate, char *message);

void prompts_free(struct prompt_list *list);

#endif
