/*
 * written_file.h - a file that appears under its name only once it is complete.
 *
 * Until then its contents are in a file beside it, which goes if anything fails.
 */
#ifndef QUALICLIP_WRITTEN_FILE_H
#define QUALICLIP_WRITTEN_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "qualiclip.h"

struct written_file {
    FILE *stream; /* to be written to, not to be closed */
    char *path, *temporary;
};

/*
 * Whether opening is likely to succeed, before long work whose end is that file; nothing is made.
 * `message` has QC_MESSAGE_SIZE bytes; false and why not.
 */
bool written_file_can_open(const char *path, char *message);

/* `message` as above. */
bool written_file_open(struct written_file *file, const char *path, char *message);

/* Ends the file.  With `good`, and if all could be written, it takes its place; else it goes. */
bool written_file_close(struct written_file *file, bool good, char *message);

#endif
