/*
 * pictures.h - an image by its name on the command line: a file, a pipe, or "-", standard input.
 */
#ifndef QUALICLIP_PICTURES_H
#define QUALICLIP_PICTURES_H

#include <stdbool.h>

#include "qualiclip.h"

struct opened_picture {
    qc_picture *picture;
    unsigned char *data; /* the file's bytes, where they came from a stream */
};

/*
 * Opens a picture, or decodes it at once; false and why not in `message` (QC_MESSAGE_SIZE bytes).
 * scaled_for: as in qc_picture_options.
 */
bool picture_open(struct opened_picture *opened, const char *path, bool decode, uint32_t scaled_for,
                  char *message);
void picture_close(struct opened_picture *opened);

/* Takes the path off the beginning of what the library says of a picture. */
void picture_tidy(char *message, const char *path);

#endif
