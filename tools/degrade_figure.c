/*
 * degrade_figure.c - where everything stands in the figure, and the words in it.
 */
#include "degrade_figure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "canvas.h"
#include "memory.h"
#include "png_file.h"

enum {
    cell_width = 200, /* at most */
    cell_height = 150,
    margin = 16,
    gap = 8, /* between cells */
    large = 2,
    small = 1, /* sizes of letters */
};

static const uint32_t paper = 0xffffff, ink = 0x202020, pale = 0x707070, rule = 0xc0c0c0;

struct degrade_figure {
    struct canvas canvas;
    uint32_t width, height; /* of the image */
    uint32_t left, top;     /* the part of it that is shown */
    uint32_t shown_width, shown_height;
    uint32_t cell_width, cell_height;
    int labels; /* the width of the first column, with its gap */
    size_t columns;
    int levels[degradation_levels];
    size_t rows;
    struct row {
        enum degradation type;
        int y; /* of its cells; of its group's heading above, where it is the first */
        bool first_of_group;
    } row[degradation_count];
};

static int text_line(int size)
{
    return canvas_text_height(size) + gap;
}

/* What is shown of the image, and at which size. */
static void choose_cells(struct degrade_figure *figure, bool centre)
{
    figure->shown_width = figure->width;
    figure->shown_height = figure->height;
    if (centre) {
        figure->shown_width = figure->width < cell_width ? figure->width : cell_width;
        figure->shown_height = figure->height < cell_height ? figure->height : cell_height;
    }
    figure->left = (figure->width - figure->shown_width) / 2;
    figure->top = (figure->height - figure->shown_height) / 2;
    canvas_fit(figure->shown_width, figure->shown_height, cell_width, cell_height,
               &figure->cell_width, &figure->cell_height);
}

/* A row is as high as its cells, or as the words beside them. */
static int row_height(const struct degrade_figure *figure)
{
    const int height = (int)figure->cell_height;
    return height > canvas_text_height(large) ? height : canvas_text_height(large);
}

static int column_width(const struct degrade_figure *figure)
{
    enum { narrowest = 96 }; /* "original" in large letters */
    const int width = (int)figure->cell_width;
    return (width > narrowest ? width : narrowest) + gap;
}

/* The upper left corner of a cell; column 0 is the original. */
static void cell_place(const struct degrade_figure *figure, size_t row, size_t column, int *x,
                       int *y)
{
    *x = margin + figure->labels + (int)column * column_width(figure);
    *y = figure->row[row].y;
}

/* Returns the height of the whole. */
static int arrange_rows(struct degrade_figure *figure, const bool *types)
{
    int y = margin + 2 * text_line(large);
    for (int type = 0; type < degradation_count; type++) {
        const struct degradation_kind *kind = &degradation_kinds[type];
        const int widest = canvas_text_width(kind->title, large) + 2 * gap;
        if (!types[type])
            continue;
        struct row *row = &figure->row[figure->rows];
        row->type = (enum degradation)type;
        row->first_of_group =
            figure->rows == 0 || degradation_kinds[row[-1].type].group != kind->group;
        if (row->first_of_group)
            y += text_line(large) + gap;
        row->y = y;
        y += row_height(figure) + text_line(small) + gap;
        figure->labels = widest > figure->labels ? widest : figure->labels;
        figure->rows++;
    }
    return y + margin;
}

static void paste(struct degrade_figure *figure, size_t row, size_t column, const uint8_t *pixels)
{
    int x, y;
    cell_place(figure, row, column, &x, &y);
    /* Only whole images are scaled: of a part, each pixel stands for itself. */
    if (figure->shown_width == figure->width && figure->shown_height == figure->height) {
        canvas_paste(&figure->canvas, x, y, figure->cell_width, figure->cell_height, pixels,
                     figure->width, figure->height);
        return;
    }
    for (uint32_t line = 0; line < figure->shown_height; line++) {
        const size_t first = (size_t)(figure->top + line) * figure->width + figure->left;
        canvas_paste(&figure->canvas, x, y + (int)line, figure->shown_width, 1, pixels + 3 * first,
                     figure->shown_width, 1);
    }
}

static void letter_heading(struct degrade_figure *figure, const struct figure_subject *subject,
                           bool centre)
{
    char text[512];
    snprintf(text, sizeof text, "%s  %" PRIu32 " x %" PRIu32 "%s  seed %" PRIu64, subject->name,
             subject->width, subject->height, centre ? ", its centre" : "", subject->seed);
    canvas_text(&figure->canvas, margin, margin, small, pale, text);
    int x, y = margin + text_line(large);
    for (size_t column = 0; column <= figure->columns; column++) {
        x = margin + figure->labels + (int)column * column_width(figure);
        snprintf(text, sizeof text, column ? "level %d" : "original",
                 column ? figure->levels[column - 1] : 0);
        canvas_text(&figure->canvas, x, y, large, ink, text);
    }
}

/* A row's name, its group's where it is the first, and the strengths under the cells. */
static void letter_row(struct degrade_figure *figure, size_t index)
{
    const struct row *row = &figure->row[index];
    const struct degradation_kind *kind = &degradation_kinds[row->type];
    struct canvas *canvas = &figure->canvas;
    if (row->first_of_group) {
        const int y = row->y - text_line(large) - gap / 2;
        canvas_fill(canvas, margin, y, (int)canvas->width - 2 * margin, 1, rule);
        canvas_text(canvas, margin, y + gap, large, pale, degradation_group_titles[kind->group]);
    }
    const int middle = row->y + (row_height(figure) - canvas_text_height(large)) / 2;
    canvas_text(canvas, margin, middle, large, ink, kind->title);
    for (size_t column = 1; column <= figure->columns; column++) {
        int x, y;
        char text[32];
        cell_place(figure, index, column, &x, &y);
        snprintf(text, sizeof text, "%g", kind->strength[figure->levels[column - 1] - 1]);
        canvas_text(canvas, x, y + (int)figure->cell_height + gap / 2, small, pale, text);
    }
}

struct degrade_figure *degrade_figure_open(const struct figure_subject *subject, const bool *types,
                                           const bool *levels, bool centre)
{
    struct degrade_figure *figure = allocate(sizeof *figure);
    *figure = (struct degrade_figure){.width = subject->width, .height = subject->height};
    choose_cells(figure, centre);
    for (int level = 1; level <= degradation_levels; level++)
        if (levels[level - 1])
            figure->levels[figure->columns++] = level;
    const int height = arrange_rows(figure, types);
    const int width =
        2 * margin + figure->labels + (int)(figure->columns + 1) * column_width(figure) - gap;
    /* A few thousand pixels in each direction: never too large. */
    (void)canvas_create(&figure->canvas, (uint32_t)width, (uint32_t)height, paper);
    letter_heading(figure, subject, centre);
    for (size_t row = 0; row < figure->rows; row++) {
        letter_row(figure, row);
        paste(figure, row, 0, subject->pixels);
    }
    return figure;
}

void degrade_figure_add(struct degrade_figure *figure, size_t copy, const uint8_t *pixels)
{
    paste(figure, copy / figure->columns, 1 + copy % figure->columns, pixels);
}

bool degrade_figure_write(const struct degrade_figure *figure, const char *path, char *message)
{
    return png_file_write(path, figure->canvas.pixels, figure->canvas.width, figure->canvas.height,
                          message);
}

void degrade_figure_close(struct degrade_figure *figure)
{
    canvas_free(&figure->canvas);
    free(figure);
}
