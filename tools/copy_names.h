/*
 * copy_names.h - where the copies of an image go: its own name, below the folder that was asked for.
 *
 * Images that were found by walking a folder keep the folders between it and them, so that two
 * photos of one name do not meet.
 */
#ifndef QUALICLIP_COPY_NAMES_H
#define QUALICLIP_COPY_NAMES_H

#include <stdbool.h>

#include "inputs.h"

/* An image's name without its ending, after the folders between; to be freed. */
char *copy_stem(const struct input *input);

/* A folder, with those above it, as mkdir -p makes it; false with errno. */
bool make_directory(const char *path);

/* The folders of DIRECTORY/STEM; false with errno. */
bool make_directories_of(const char *directory, const char *stem);

#endif
