/*
 * picture_target.h - the bytes of an image file: decoded, and looked at as a tower looks at it.
 */
#ifndef QUALICLIP_FUZZ_PICTURE_TARGET_H
#define QUALICLIP_FUZZ_PICTURE_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* Returns whether a picture came out. */
int read_picture(const uint8_t *data, size_t size);

#endif
