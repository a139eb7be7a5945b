/*
 * photo_lists.h - which photos are meant: files, folders, and lists of files.
 */
#ifndef QUALICLIP_TRAIN_PHOTO_LISTS_H
#define QUALICLIP_TRAIN_PHOTO_LISTS_H

#include <stdbool.h>

#include "inputs.h"

/*
 * Appends what the argument names: a photo, a folder that is walked, or a text file (.txt) of
 * paths, one a line up to a TAB, # beginning a comment.  False: complained that the list cannot be
 * read.
 */
bool photo_list_add(struct input_list *list, const char *argument);

/* Takes the files of `others` out of the list, whatever they are called there. */
void photo_list_subtract(struct input_list *list, const struct input_list *others);

#endif
