/*
 * picture_rows.h - the rows of a picture, decoded as a tower asks for them.
 */
#ifndef QUALICLIP_PICTURE_ROWS_H
#define QUALICLIP_PICTURE_ROWS_H

#include "picture.h"
#include "tower.h"

struct picture_rows {
    struct row_stream stream; /* the first: its functions are given it alone */
    qc_picture *picture;
    struct message *message; /* what is said if the stream fails */
    void *decoder;
    uint8_t *window; /* rows first ... end - 1, in order */
    uint32_t room, first, end;
};

/* For a picture that is not decoded and not interlaced.  Allocates while it runs. */
void picture_rows_begin(struct picture_rows *rows, qc_picture *picture, struct message *message);

/* Frees all; the picture can be used anew. */
void picture_rows_end(struct picture_rows *rows);

#endif
