/*
 * canvas.c - filling, lettering and pasting.  Files are written by png_file.c.
 */
#include "canvas.h"

#include <stdlib.h>
#include <string.h>

#include "font.h"
#include "memory.h"

static const uint64_t most_bytes = UINT64_C(1) << 30;

bool canvas_create(struct canvas *canvas, uint32_t width, uint32_t height, uint32_t color)
{
    const uint64_t pixels = (uint64_t)width * height;
    if (pixels == 0 || pixels > most_bytes / 3 || width > INT32_MAX || height > INT32_MAX)
        return false;
    *canvas = (struct canvas){width, height, allocate(3 * (size_t)pixels)};
    canvas_fill(canvas, 0, 0, (int)width, (int)height, color);
    return true;
}

void canvas_free(struct canvas *canvas)
{
    free(canvas->pixels);
    *canvas = (struct canvas){0};
}

/* Cuts [*from, *from + *length) to [0, limit). */
static void cut(int64_t *from, int64_t *to, int64_t limit)
{
    *from = *from < 0 ? 0 : *from;
    *to = *to > limit ? limit : *to;
}

void canvas_fill(struct canvas *canvas, int x, int y, int width, int height, uint32_t color)
{
    const uint8_t values[3] = {color >> 16 & 0xff, color >> 8 & 0xff, color & 0xff};
    int64_t left = x, top = y, right = left + width, bottom = top + height;
    cut(&left, &right, canvas->width);
    cut(&top, &bottom, canvas->height);
    for (int64_t row = top; row < bottom; row++)
        for (int64_t column = left; column < right; column++)
            memcpy(canvas->pixels + 3 * ((size_t)row * canvas->width + (size_t)column), values, 3);
}

void canvas_text(struct canvas *canvas, int x, int y, int size, uint32_t color, const char *text)
{
    for (; *text; text++, x += font_advance * size)
        for (int row = 0; row < font_height; row++)
            for (int column = 0; column < font_width; column++)
                if (font_dot(*text, column, row))
                    canvas_fill(canvas, x + column * size, y + row * size, size, size, color);
}

int canvas_text_width(const char *text, int size)
{
    const int letters = (int)strlen(text);
    return letters ? (letters * font_advance - (font_advance - font_width)) * size : 0;
}

int canvas_text_height(int size)
{
    return font_height * size;
}

/* The photo's pixels that pixel `index` of `length` covers, of `from` in all: at least one. */
static void covered(uint32_t index, uint32_t length, uint32_t from, uint32_t *first, uint32_t *end)
{
    *first = (uint32_t)((uint64_t)index * from / length);
    *end = (uint32_t)(((uint64_t)index + 1) * from / length);
    *end = *end > *first ? *end : *first + 1;
}

void canvas_paste(struct canvas *canvas, int x, int y, uint32_t width, uint32_t height,
                  const uint8_t *photo, uint32_t photo_width, uint32_t photo_height)
{
    for (uint32_t row = 0; row < height; row++)
        for (uint32_t column = 0; column < width; column++) {
            const int64_t to_x = (int64_t)x + column, to_y = (int64_t)y + row;
            if (to_x < 0 || to_y < 0 || to_x >= canvas->width || to_y >= canvas->height)
                continue;
            uint32_t left, right, top, bottom;
            covered(column, width, photo_width, &left, &right);
            covered(row, height, photo_height, &top, &bottom);
            const uint64_t count = (uint64_t)(right - left) * (bottom - top);
            uint64_t sums[3] = {0};
            for (size_t i = top; i < bottom; i++)
                for (size_t j = left; j < right; j++)
                    for (int c = 0; c < 3; c++)
                        sums[c] += photo[3 * (i * photo_width + j) + c];
            uint8_t *to = canvas->pixels + 3 * ((size_t)to_y * canvas->width + (size_t)to_x);
            for (int c = 0; c < 3; c++)
                to[c] = (uint8_t)((sums[c] + count / 2) / count);
        }
}

void canvas_fit(uint32_t photo_width, uint32_t photo_height, uint32_t box_width,
                uint32_t box_height, uint32_t *width, uint32_t *height)
{
    const uint64_t across = (uint64_t)photo_width * box_height;
    const uint64_t down = (uint64_t)photo_height * box_width;
    *width = photo_width;
    *height = photo_height;
    if (photo_width <= box_width && photo_height <= box_height)
        return;
    if (across > down) { /* wider than the box */
        *width = box_width;
        *height = (uint32_t)(down / photo_width);
    } else {
        *height = box_height;
        *width = (uint32_t)(across / photo_height);
    }
    *width = *width ? *width : 1;
    *height = *height ? *height : 1;
}
