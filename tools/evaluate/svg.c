/*
 * svg.c - shapes, text and axes in SVG 1.1 with a style sheet.
 */
#include "svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/*
 * The series' colours are Okabe and Ito's, which colour-blind readers can tell apart, darkened
 * where white needs it.
 */
static const char style[] =
    ".fig{font-family:Helvetica,Arial,'DejaVu Sans',sans-serif}"
    ".fig text{fill:#22262b}.fig text.soft{fill:#5b626b}"
    ".fig .paper{fill:#ffffff}.fig .ink{stroke:#22262b;stroke-width:1.2;fill:none}"
    ".fig .faint{stroke:#e1e4e8;stroke-width:1}.fig .dashed{stroke:#5b626b;stroke-width:1.4;"
    "stroke-dasharray:5 4;fill:none}"
    ".fig .series0{stroke:#0072b2;fill:#0072b2}.fig .series1{stroke:#d55e00;fill:#d55e00}"
    ".fig .series2{stroke:#00845f;fill:#00845f}.fig .series3{stroke:#b5588f;fill:#b5588f}"
    ".fig .series4{stroke:#b07d00;fill:#b07d00}.fig .series5{stroke:#3d9bd6;fill:#3d9bd6}"
    ".fig .series6{stroke:#6b7280;fill:#6b7280}"
    ".fig polyline,.fig line{fill:none!important;stroke-linejoin:round}.fig "
    "[class^=series]{stroke-width:2}"
    ".fig .mark{stroke:none}.fig .point{stroke:none;fill-opacity:.55}"
    ".fig .fill0{fill:#0072b2;fill-opacity:.55}.fig .fill1{fill:#d55e00;fill-opacity:.55}"
    "@media (prefers-color-scheme:dark){"
    ".fig text{fill:#e6e8eb}.fig text.soft{fill:#a2a9b2}.fig .paper{fill:#16191d}"
    ".fig .ink{stroke:#e6e8eb}.fig .faint{stroke:#30363d}.fig .dashed{stroke:#a2a9b2}"
    ".fig .series0{stroke:#58a6e8;fill:#58a6e8}.fig .series1{stroke:#f08a4b;fill:#f08a4b}"
    ".fig .series2{stroke:#3fc7a0;fill:#3fc7a0}.fig .series3{stroke:#e08fc0;fill:#e08fc0}"
    ".fig .series4{stroke:#e3b341;fill:#e3b341}.fig .series5{stroke:#9bd0f5;fill:#9bd0f5}"
    ".fig .series6{stroke:#a2a9b2;fill:#a2a9b2}"
    ".fig .fill0{fill:#58a6e8}.fig .fill1{fill:#f08a4b}}";

const char *svg_style(void)
{
    return style;
}

void svg_begin(struct markup *svg, double width, double height, const char *title, bool alone)
{
    markup_add(svg,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"fig\" viewBox=\"0 0 %g %g\" "
               "role=\"img\" width=\"%g\" height=\"%g\">\n<title>",
               width, height, width, height);
    markup_text(svg, title);
    markup_add(svg, "</title>\n");
    if (alone) {
        markup_add(svg, "<style>%s</style>\n", style);
        svg_rectangle(svg, 0, 0, width, height, "paper");
    }
}

void svg_end(struct markup *svg)
{
    markup_add(svg, "</svg>\n");
}

void svg_line(struct markup *svg, double x1, double y1, double x2, double y2, const char *class)
{
    markup_add(svg, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class,
               x1, y1, x2, y2);
}

void svg_rectangle(struct markup *svg, double x, double y, double width, double height,
                   const char *class)
{
    markup_add(svg, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
               class, x, y, width, height);
}

void svg_polyline(struct markup *svg, const double *x, const double *y, size_t count,
                  const char *class)
{
    bool open = false;
    for (size_t i = 0; i <= count; i++) {
        const bool finite = i < count && isfinite(x[i]) && isfinite(y[i]);
        if (finite && !open)
            markup_add(svg, "<polyline class=\"%s\" points=\"", class);
        if (finite)
            markup_add(svg, "%s%.1f,%.1f", open ? " " : "", x[i], y[i]);
        if (!finite && open)
            markup_add(svg, "\"/>\n");
        open = finite;
    }
}

void svg_mark(struct markup *svg, double x, double y, size_t shape, const char *class)
{
    /* Corners of about equal areas; an empty list is a circle. */
    static const struct {
        int count;
        double corners[12][2];
    } shapes[svg_shapes] = {
        {0, {{0}}},
        {4, {{-3.4, -3.4}, {3.4, -3.4}, {3.4, 3.4}, {-3.4, 3.4}}},
        {3, {{0, -4.8}, {4.4, 3.3}, {-4.4, 3.3}}},
        {4, {{0, -5}, {5, 0}, {0, 5}, {-5, 0}}},
        {3, {{0, 4.8}, {4.4, -3.3}, {-4.4, -3.3}}},
        {12,
         {{-1.5, -4.5},
          {1.5, -4.5},
          {1.5, -1.5},
          {4.5, -1.5},
          {4.5, 1.5},
          {1.5, 1.5},
          {1.5, 4.5},
          {-1.5, 4.5},
          {-1.5, 1.5},
          {-4.5, 1.5},
          {-4.5, -1.5},
          {-1.5, -1.5}}},
        {6, {{-2.3, -4}, {2.3, -4}, {4.6, 0}, {2.3, 4}, {-2.3, 4}, {-4.6, 0}}},
    };
    if (!isfinite(x) || !isfinite(y))
        return;
    shape %= svg_shapes;
    if (shapes[shape].count == 0) {
        markup_add(svg, "<circle class=\"mark %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", class, x,
                   y);
        return;
    }
    markup_add(svg, "<polygon class=\"mark %s\" points=\"", class);
    for (int i = 0; i < shapes[shape].count; i++)
        markup_add(svg, "%s%.1f,%.1f", i ? " " : "", x + shapes[shape].corners[i][0],
                   y + shapes[shape].corners[i][1]);
    markup_add(svg, "\"/>\n");
}

void svg_point(struct markup *svg, double x, double y, const char *class)
{
    markup_add(svg, "<circle class=\"point %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\"/>\n", class, x,
               y);
}

void svg_text(struct markup *svg, double x, double y, const char *text, struct svg_font font)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    markup_add(svg, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%g\" text-anchor=\"%s\"%s%s", x, y,
               font.size, anchors[font.anchor], font.bold ? " font-weight=\"bold\"" : "",
               font.soft ? " class=\"soft\"" : "");
    if (font.upwards)
        markup_add(svg, " transform=\"rotate(-90 %.1f %.1f)\"", x, y);
    markup_add(svg, ">");
    markup_text(svg, text);
    markup_add(svg, "</text>\n");
}

double svg_text_width(const char *text, double size)
{
    size_t characters = 0;
    for (; *text; text++)
        characters += ((unsigned char)*text & 0xc0) != 0x80;
    return 0.56 * size * (double)characters;
}

/* ---------------------------------------------------------------------------------------- plots */

double svg_plot_x(const struct svg_plot *plot, double x)
{
    return plot->left + plot->width * (x - plot->x_least) / (plot->x_most - plot->x_least);
}

double svg_plot_y(const struct svg_plot *plot, double y)
{
    return plot->top + plot->height * (plot->y_most - y) / (plot->y_most - plot->y_least);
}

/* 1, 2 or 5 times a power of ten, about a part of the range. */
static double round_step(double range, int ticks)
{
    const double rough = range / ticks, power = pow(10, floor(log10(rough)));
    const double ratio = rough / power;
    return power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10);
}

void svg_round_range(double *least, double *most, int ticks)
{
    /* Numbers that a double can hardly tell apart have no round ones between them. */
    if (!(*most - *least > 1e-9 * fmax(fabs(*least), fabs(*most)))) {
        const double margin = fabs(*least) > 0 ? 0.1 * fabs(*least) : 1;
        *least -= margin;
        *most += margin;
    }
    const double step = round_step(*most - *least, ticks);
    *least = step * floor(*least / step + 1e-9);
    *most = step * ceil(*most / step - 1e-9);
}

enum { ticks_most = 40 };

/* "0.25": as many digits as the step needs. */
static void describe_tick(char *text, size_t size, double value, double step)
{
    const int digits = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
    snprintf(text, size, "%.*f", digits, fabs(value) < 1e-9 * step ? 0.0 : value);
}

void svg_axes(struct markup *svg, const struct svg_plot *plot, int x_ticks, int y_ticks,
              const char *x_name, const char *y_name)
{
    const double bottom = plot->top + plot->height, right = plot->left + plot->width;
    const double x_step = round_step(plot->x_most - plot->x_least, x_ticks);
    const double y_step = round_step(plot->y_most - plot->y_least, y_ticks);
    const double first_x = ceil(plot->x_least / x_step - 1e-9);
    const double first_y = ceil(plot->y_least / y_step - 1e-9);
    char text[32];
    for (int i = 0; i < ticks_most && (first_y + i) * y_step <= plot->y_most + 1e-9 * y_step; i++) {
        const double value = (first_y + i) * y_step, y = svg_plot_y(plot, value);
        svg_line(svg, plot->left, y, right, y, "faint");
        describe_tick(text, sizeof text, value, y_step);
        svg_text(svg, plot->left - 8, y + 4, text,
                 (struct svg_font){.size = 12, .anchor = SVG_END, .soft = true});
    }
    for (int i = 0; i < ticks_most && (first_x + i) * x_step <= plot->x_most + 1e-9 * x_step; i++) {
        const double value = (first_x + i) * x_step, x = svg_plot_x(plot, value);
        svg_line(svg, x, plot->top, x, bottom, "faint");
        describe_tick(text, sizeof text, value, x_step);
        svg_text(svg, x, bottom + 18, text,
                 (struct svg_font){.size = 12, .anchor = SVG_MIDDLE, .soft = true});
    }
    svg_line(svg, plot->left, bottom, right, bottom, "ink");
    if (x_name)
        svg_text(svg, plot->left + plot->width / 2, bottom + 40, x_name,
                 (struct svg_font){.size = 13, .anchor = SVG_MIDDLE});
    if (y_name)
        svg_text(svg, plot->left - 44, plot->top + plot->height / 2, y_name,
                 (struct svg_font){.size = 13, .anchor = SVG_MIDDLE, .upwards = true});
}
