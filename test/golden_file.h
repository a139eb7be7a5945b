/*
 * golden_file.h - the files under test/golden/images, for the tests of reading pictures.
 */
#ifndef TEST_GOLDEN_FILE_H
#define TEST_GOLDEN_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "qualiclip.h"

#define GOLDEN_DIRECTORY "test/golden/images/"
#define GOLDEN_MAX       128

/* A line of manifest.txt, with the pixels that it stands for. */
struct golden {
    char name[64];
    unsigned channels, width, height;
    uint8_t *pixels;
};

/* All files of the manifest; fails the test where one is missing.  Returns how many there are. */
size_t golden_list(struct golden list[GOLDEN_MAX]);
void golden_list_free(struct golden *list, size_t count);

/* A whole file, to be freed; `name` is relative to GOLDEN_DIRECTORY. */
uint8_t *golden_read(const char *name, size_t *size);

/* Whether this build has the decoder for the file, by the name's ending. */
int golden_is_readable(const char *name);

/* Frees the picture, which must have these pixels. */
void golden_compare(qc_picture *picture, const struct golden *golden);

#endif
