/*
 * leftovers.h - what a checkpoint holds beside the image tower.  Nothing is passed over unless it
 * is known to be of no use: a name that nobody expected may be one that was misunderstood.
 */
#ifndef QUALICLIP_LEFTOVERS_H
#define QUALICLIP_LEFTOVERS_H

#include "checkpoint.h"
#include "naming.h"

/* keeps_text: the text tower goes into the model, so that nothing of it may be left.  False: an
 * unknown name is left, and `message` tells which.  `note` may be NULL. */
bool pass_over_leftovers(const struct checkpoint *checkpoint, const struct naming *naming,
                         bool keeps_text, bool allow_unknown,
                         void (*note)(void *context, const char *line), void *context,
                         char *message);

#endif
