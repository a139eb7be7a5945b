/*
 * leftovers.h - what a checkpoint holds beside the image tower.  Nothing is passed over unless it
 * is known to be of no use: a name that nobody expected may be one that was misunderstood.
 */
#ifndef QUALICLIP_LEFTOVERS_H
#define QUALICLIP_LEFTOVERS_H

#include "checkpoint.h"
#include "naming.h"

/* Marks names that begin so and were not used as used: they are known, and `why` says why not. */
void set_aside(struct checkpoint *checkpoint, const char *prefix, const char *why,
               void (*note)(void *context, const char *line), void *context);

/*
 * takes_text: the text tower was taken, and nothing of it may be left.  False: an unknown name is
 * left, and `message` tells which.  `note` may be NULL.
 */
bool pass_over_leftovers(const struct checkpoint *checkpoint, const struct naming *naming,
                         bool takes_text, bool allow_unknown,
                         void (*note)(void *context, const char *line), void *context,
                         char *message);

#endif
