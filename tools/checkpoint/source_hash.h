/*
 * source_hash.h - which file exactly a model was converted from.
 */
#ifndef QUALICLIP_SOURCE_HASH_H
#define QUALICLIP_SOURCE_HASH_H

#include <stdbool.h>

#include "checkpoint.h"

enum { SOURCE_HASH_SIZE = 17 };

/* XXH64 of a whole file as 16 hexadecimal digits. */
bool hash_file(const char *path, char digits[SOURCE_HASH_SIZE], char *message);

/*
 * Of a checkpoint: its file's; where it consists of several, XXH64 of the lines "DIGITS NAME\n" of
 * each, in the order of their names.
 */
bool hash_checkpoint(const struct checkpoint *checkpoint, char digits[SOURCE_HASH_SIZE],
                     char *message);

#endif
