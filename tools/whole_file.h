/*
 * whole_file.h - a file that is there as a whole or not at all.
 */
#ifndef QUALICLIP_WHOLE_FILE_H
#define QUALICLIP_WHOLE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes under another name and renames; what is no regular file (a pipe, a device) is written as
 * it is.  False, once complained about, if that fails; then nothing of it is left.
 */
bool whole_file_write(const char *path, const void *data, size_t size);

#endif
