/*
 * png_file.h - writes PNG files; the library only reads them.
 */
#ifndef QUALICLIP_PNG_FILE_H
#define QUALICLIP_PNG_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "qualiclip.h"

/* Whether this build has libpng. */
bool png_file_available(void);

/*
 * RGB, eight bits, rows without gaps.  The file appears when it is complete.  False and why not in
 * `message` (QC_MESSAGE_SIZE bytes).
 */
bool png_file_write(const char *path, const uint8_t *pixels, uint32_t width, uint32_t height,
                    char *message);

#endif
