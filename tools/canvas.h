/*
 * canvas.h - figures of photos and words: an RGB picture, eight bits, that is drawn on.
 *
 * What falls outside is not drawn.  Colours are 0xrrggbb.  Memory as in memory.h.
 */
#ifndef QUALICLIP_CANVAS_H
#define QUALICLIP_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

struct canvas {
    uint32_t width, height;
    uint8_t *pixels; /* 3 * width * height, rows without gaps */
};

/* Of one colour; false if it would be empty, or take more than 1 GiB. */
bool canvas_create(struct canvas *canvas, uint32_t width, uint32_t height, uint32_t color);
void canvas_free(struct canvas *canvas);

void canvas_fill(struct canvas *canvas, int x, int y, int width, int height, uint32_t color);

/*
 * One line, (x, y) at its left and top, each dot of a letter `size` pixels wide: at size 1 a
 * letter takes 6 x 9 pixels.  Letters that are not ASCII come out as '?'.
 */
void canvas_text(struct canvas *canvas, int x, int y, int size, uint32_t color, const char *text);
int canvas_text_width(const char *text, int size);
int canvas_text_height(int size);

/* A photo (RGB, rows without gaps) scaled to width x height: each pixel the mean of what it covers.
 */
void canvas_paste(struct canvas *canvas, int x, int y, uint32_t width, uint32_t height,
                  const uint8_t *photo, uint32_t photo_width, uint32_t photo_height);

/* The largest size of the photo's shape that fits in the box; never larger than the photo. */
void canvas_fit(uint32_t photo_width, uint32_t photo_height, uint32_t box_width,
                uint32_t box_height, uint32_t *width, uint32_t *height);

#endif
