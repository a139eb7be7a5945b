/*
 * convert_file.h - everything that can be done with a checkpoint file: all its tensors are read,
 * and it is converted.
 */
#ifndef QUALICLIP_FUZZ_CONVERT_FILE_H
#define QUALICLIP_FUZZ_CONVERT_FILE_H

#include <stdbool.h>

/*
 * The bits of `variant` choose the conversion's options.  Returns whether a model came out; if not,
 * `message` (QC_MESSAGE_SIZE) says why.
 */
bool convert_file(const char *path, unsigned variant, char *message);

#endif
