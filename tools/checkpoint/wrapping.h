/*
 * wrapping.h - the names that a checkpoint's tensors go by here: OpenAI's, whatever the program
 * that saved them wrapped around them.  Names alone; no tensor is looked at.
 */
#ifndef QUALICLIP_WRAPPING_H
#define QUALICLIP_WRAPPING_H

#include "checkpoint.h"

/* What a tensor is called that is all of its file. */
#define LONE_TENSOR "ctx"

/*
 * Fills in the checkpoint's entries, sorted by name, and `nesting` from its container's root: looks
 * into dicts such as "state_dict", takes prefixes such as "module." off, puts "visual." before the
 * names of an image tower that is alone.  False: `message` says why.
 */
bool unwrap_entries(struct checkpoint *checkpoint, char *message);

/* Told one line of what was done. */
typedef void note_line(void *context, const char *line);

/* Tells what was read and in which ways names were changed. */
void note_names(const struct checkpoint *checkpoint, note_line *note, void *context);

#endif
