/*
 * pictures.h - an image by its name on the command line: a file, a pipe, or "-", standard input.
 */
#ifndef QUALICLIP_PICTURES_H
#define QUALICLIP_PICTURES_H

#include "qualiclip.h"

/* The decoded picture, or NULL and why not in `message` (QC_MESSAGE_SIZE bytes). */
qc_picture *picture_open(const char *path, char *message);

#endif
