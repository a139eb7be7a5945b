/*
 * thumbnail.h - a picture's file as a few thousand bytes that a page can hold.
 */
#ifndef QUALICLIP_THUMBNAIL_H
#define QUALICLIP_THUMBNAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "markup.h"

/*
 * Adds <img> with the picture within width x height pixels as a data: URI, JPEG or, where the build
 * has no libjpeg, PNG.  One that cannot be read is a grey box that says so.  `alternative` is what
 * a reader is told who cannot see it.
 */
void add_thumbnail(struct markup *page, const char *path, uint32_t width, uint32_t height,
                   const char *alternative);

#endif
