/*
 * contact_sheet.c - where the pictures and their scores stand.
 */
#include "contact_sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"
#include "canvas.h"
#include "diagnostics.h"
#include "fit_photo.h"
#include "pictures.h"
#include "png_file.h"

enum {
    box_width = 320, /* a picture's */
    box_height = 240,
    margin = 24,
    pair_gap = 10,
    role_gap = 44,
    letters = 2,  /* size of the text */
    caption = 70, /* the scores below a picture, and what parts the rows */
    row_title = 30,
    head = 44
};

static const uint32_t paper = 0xffffff, ink = 0x22262b, soft = 0x5b626b, empty = 0xd9dce0;

/* Cut to what fits into so many pixels. */
static void draw_words(struct canvas *canvas, int x, int y, int width, uint32_t color,
                       const char *text)
{
    char cut[192];
    snprintf(cut, sizeof cut, "%s", text);
    for (size_t length = strlen(cut); length && canvas_text_width(cut, letters) > width;)
        cut[--length] = '\0';
    canvas_text(canvas, x, y, letters, color, cut);
}

/* In the middle of its box; a grey box where there is none. */
static void draw_picture(struct canvas *canvas, int x, int y, const char *path)
{
    char message[QC_MESSAGE_SIZE];
    struct opened_picture opened;
    struct photo photo = {0};
    if (path && picture_open(&opened, path, true, 0, message)) {
        const qc_image view = qc_picture_view(opened.picture);
        shrink_photo(&view, box_width, box_height, &photo);
        picture_close(&opened);
    }
    if (!photo.pixels) {
        canvas_fill(canvas, x, y, box_width, box_height, empty);
        draw_words(canvas, x + 90, y + box_height / 2 - 8, box_width, soft, "no picture");
        return;
    }
    uint8_t *rgb = reallocate(NULL, photo.height, (size_t)3 * photo.width);
    photo_to_bytes(&photo, rgb);
    canvas_paste(canvas, x + (int)(box_width - photo.width) / 2,
                 y + (int)(box_height - photo.height) / 2, photo.width, photo.height, rgb,
                 photo.width, photo.height);
    free(rgb);
    free(photo.pixels);
}

static void draw_bout(struct canvas *canvas, const struct contest *contest, const struct bout *bout,
                      int x, int y)
{
    char text[192], level[32];
    contest_level(contest, bout->level, level);
    snprintf(text, sizeof text, contest->pairs > 1 ? "%s, pair %zu" : "%s", level, bout->rank);
    draw_words(canvas, x, y, 2 * box_width, soft, text);
    for (size_t part = 0; part < 2; part++) {
        const size_t image = bout->images[part];
        const int left = x + (int)part * (box_width + pair_gap), top = y + row_title;
        draw_picture(canvas, left, top, contest->pictures[image]);
        for (size_t model = 0; model < 2; model++) {
            const bool attacks = model != bout->defender;
            snprintf(text, sizeof text, "%.4f %s", contest->scores[model][image],
                     contest->titles[model]);
            draw_words(canvas, left, top + box_height + 6 + 22 * (int)(attacks ? 1 : 0), box_width,
                       attacks ? ink : soft, text);
        }
    }
}

bool write_contact_sheet(const struct contest *contest, const char *path)
{
    const int role_width = 2 * box_width + pair_gap, row = row_title + box_height + caption;
    size_t rows = 0, filled[2] = {0};
    struct canvas canvas;
    char message[QC_MESSAGE_SIZE], text[160];
    for (size_t i = 0; i < contest->bout_count; i++)
        rows =
            ++filled[contest->bouts[i].defender] > rows ? filled[contest->bouts[i].defender] : rows;
    if (rows > 1000 || !canvas_create(&canvas, 2 * margin + 2 * (uint32_t)role_width + role_gap,
                                      margin + head + (uint32_t)rows * (uint32_t)row, paper)) {
        complain("%s: too many pairs for one sheet: ask for fewer --pairs or --levels",
                 printable(path).text);
        return false;
    }
    filled[0] = filled[1] = 0;
    for (size_t role = 0; role < 2; role++) {
        snprintf(text, sizeof text, "%s defends, %s attacks", contest->titles[role],
                 contest->titles[1 - role]);
        draw_words(&canvas, margin + (int)role * (role_width + role_gap), margin, role_width, ink,
                   text);
    }
    for (size_t i = 0; i < contest->bout_count; i++) {
        const struct bout *bout = &contest->bouts[i];
        draw_bout(&canvas, contest, bout, margin + (int)bout->defender * (role_width + role_gap),
                  margin + head + (int)filled[bout->defender]++ * row);
    }
    const bool written = png_file_write(path, canvas.pixels, canvas.width, canvas.height, message);
    if (!written)
        complain_about(path, message);
    canvas_free(&canvas);
    return written;
}
