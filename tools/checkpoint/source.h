/*
 * source.h - where a checkpoint lies: a file, an index of files, or a directory as it is published.
 */
#ifndef QUALICLIP_SOURCE_H
#define QUALICLIP_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "checkpoint.h"

/* The file to open: `path` itself, or the one in that directory; to be freed.  NULL: message. */
char *source_file(const char *path, char *message);

/* Whether `path` is a directory with the vocabulary that vocabulary_read() takes from one. */
bool source_has_vocabulary(const char *path);

/* What a model made from it is called: a file's name without its extension, a directory's name. */
void source_name(const char *path, char *name, size_t size);

/* Whether writing to `path` would overwrite a file that the checkpoint is read from. */
bool source_contains(const struct checkpoint *checkpoint, const char *path);

#endif
