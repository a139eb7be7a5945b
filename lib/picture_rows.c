/*
 * picture_rows.c - a window of decoded rows that moves down a picture.
 *
 * A row is decoded into the place where the first layer reads it, and there is no other copy.
 */
#include "picture_rows.h"

#include <stdlib.h>
#include <string.h>

/* Rows that the window holds beside those that are asked for: a band's first row is the last one's
 * last. */
#define SPARE_ROWS 2

static qc_status make_room(struct picture_rows *rows, uint32_t count)
{
    const qc_picture *picture = rows->picture;
    if (count <= rows->room)
        return QC_OK;
    const uint32_t room = count + SPARE_ROWS;
    uint8_t *window = NULL;
    if (room <= PTRDIFF_MAX / picture->stride)
        window = realloc(rows->window, room * picture->stride);
    if (!window)
        return fail(rows->message, QC_ERROR_MEMORY, "%s: no memory for %lu rows of %lu pixels",
                    picture->encoded.name, (unsigned long)room,
                    (unsigned long)picture->header.width);
    rows->window = window;
    rows->room = room;
    return QC_OK;
}

/* Row `first` becomes the window's first. */
static void forget(struct picture_rows *rows, uint32_t first)
{
    const size_t stride = rows->picture->stride;
    if (rows->window && first > rows->first)
        memmove(rows->window, rows->window + (first - rows->first) * stride,
                (rows->end - first) * stride);
    rows->first = first;
}

static qc_status read_rows(struct picture_rows *rows, uint32_t end)
{
    const qc_picture *picture = rows->picture;
    qc_status status = QC_OK;
    if (!rows->decoder)
        status = picture_begin(rows->picture, &rows->decoder, rows->message);
    if (!status)
        status = make_room(rows, end - rows->first);
    if (!status && end > rows->end)
        status = picture->codec->read(rows->decoder,
                                      rows->window + (rows->end - rows->first) * picture->stride,
                                      picture->stride, end - rows->end);
    return status;
}

static bool provide(struct row_stream *stream, uint32_t first, uint32_t end)
{
    struct picture_rows *rows = (struct picture_rows *)stream;
    if (stream->status)
        return false;
    forget(rows, first);
    stream->status = read_rows(rows, end);
    if (stream->status)
        return false;
    rows->end = end;
    stream->image->planes[0] = rows->window;
    stream->image->strides[0] = (ptrdiff_t)rows->picture->stride;
    stream->image->top = 0u - first; /* rows are counted on from it, modulo 2^32 */
    return true;
}

void picture_rows_begin(struct picture_rows *rows, qc_picture *picture, struct message *message)
{
    *rows = (struct picture_rows){
        .stream = {.provide = provide}, .picture = picture, .message = message};
}

void picture_rows_end(struct picture_rows *rows)
{
    if (rows->decoder)
        rows->picture->codec->close(rows->decoder);
    free(rows->window);
}
