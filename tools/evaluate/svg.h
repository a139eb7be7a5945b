/*
 * svg.h - drawings as SVG: the few shapes that figures are made of, and the axes around a plot.
 *
 * Colours are classes of a style sheet that follows the reader's light or dark mode.  A drawing is
 * written as a file of its own, or put into a page whose style includes svg_style().
 */
#ifndef QUALICLIP_SVG_H
#define QUALICLIP_SVG_H

#include "markup.h"

/* The rules that the classes below are drawn by. */
const char *svg_style(void);

/* Begins a drawing; `title` and `description` are for readers who cannot see it. */
void svg_begin(struct markup *svg, double width, double height, const char *title, bool alone);
void svg_end(struct markup *svg);

/*
 * Classes: "ink" and "faint" (lines, grids), "soft" (grey), "series0" ... "series6" (lines and dots
 * of that colour), "fill0", "fill1" (areas that may overlap).
 */
void svg_line(struct markup *svg, double x1, double y1, double x2, double y2, const char *class);
void svg_rectangle(struct markup *svg, double x, double y, double width, double height,
                   const char *class);

/* A line through points; ones that are not finite are left out and break it. */
void svg_polyline(struct markup *svg, const double *x, const double *y, size_t count,
                  const char *class);

/* One of seven shapes about a point, so that a series is known without its colour too. */
enum { svg_shapes = 7 };
void svg_mark(struct markup *svg, double x, double y, size_t shape, const char *class);

/* One of many, small and half transparent. */
void svg_point(struct markup *svg, double x, double y, const char *class);

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };
struct svg_font {
    double size;
    bool bold, soft; /* soft: grey */
    enum svg_anchor anchor;
    bool upwards; /* turned by 90 degrees */
};
void svg_text(struct markup *svg, double x, double y, const char *text, struct svg_font font);

/* How wide a text is, about: what there is room for must be known before it is drawn. */
double svg_text_width(const char *text, double size);

/* A rectangle in which numbers have places: y grows upwards. */
struct svg_plot {
    double left, top, width, height;
    double x_least, x_most, y_least, y_most;
};
double svg_plot_x(const struct svg_plot *plot, double x);
double svg_plot_y(const struct svg_plot *plot, double y);

/*
 * Grid, numbers and names of both axes, with about `x_ticks` and `y_ticks` round numbers.  A name
 * that is NULL is left out.
 */
void svg_axes(struct markup *svg, const struct svg_plot *plot, int x_ticks, int y_ticks,
              const char *x_name, const char *y_name);

/* Widens [*least, *most] to multiples of a round step, of which there are about `ticks`. */
void svg_round_range(double *least, double *most, int ticks);

#endif
