/*
 * page.c - the style of all reports, and their building blocks.
 */
#include "page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "diagnostics.h"
#include "labels/table.h"
#include "qualiclip.h"
#include "svg.h"

static const char style[] =
    ":root{color-scheme:light dark;--ink:#22262b;--soft:#5b626b;--line:#d9dce0;--paper:#fff;"
    "--panel:#f6f7f9;--bad:#b3261e}"
    "@media (prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#a2a9b2;--line:#30363d;"
    "--paper:#16191d;--panel:#1e2227;--bad:#ff8a80}}"
    "*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);"
    "font:16px/1.5 Helvetica,Arial,'DejaVu Sans',sans-serif}"
    "main{max-width:64rem;margin:0 auto;padding:1.5rem 1rem 4rem}"
    "h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0}h2{font-size:1.2rem;margin:2.5rem 0 .5rem}"
    "h3{font-size:1rem;margin:1.2rem 0 .4rem}p{margin:.4rem 0 .8rem;max-width:46rem}"
    ".note{color:var(--soft)}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;"
    "font-size:.92rem}th,td{padding:.25rem .9rem .25rem 0;border-bottom:1px solid var(--line);"
    "text-align:right;vertical-align:middle}th:first-child,td:first-child{text-align:left}"
    "thead th{border-bottom:2px solid var(--soft);white-space:nowrap}"
    "td.weak{color:var(--bad);font-weight:bold}tr.sum td{font-weight:bold}"
    "td.name{overflow-wrap:anywhere;max-width:26rem}"
    "img,.missing{border-radius:3px;max-width:100%;height:auto;vertical-align:middle}"
    ".missing{display:inline-flex;width:96px;height:96px;align-items:center;justify-content:center;"
    "background:var(--line);color:var(--soft);font-size:.8rem}"
    "svg{max-width:100%;height:auto}"
    "figure{margin:0 0 1.2rem}figcaption{font-size:.85rem;color:var(--soft);"
    "overflow-wrap:anywhere}"
    ".row{display:flex;flex-wrap:wrap;gap:1rem}.row>*{flex:0 1 auto;min-width:0}"
    ".pair{display:flex;flex-wrap:wrap;gap:.8rem;background:var(--panel);border-radius:6px;"
    "padding:.8rem;margin:0 0 .8rem}.pair figure{margin:0;flex:1 1 13rem;min-width:0}"
    ".gallery{display:flex;flex-wrap:wrap;gap:.8rem}.gallery figure{width:9rem;margin:0}";

/* What every page of ours begins with, and where the next contents go. */
static const char first_words[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<!-- qualiclip: report -->\n";
static const char next_contents[] = "<!-- qualiclip: next contents -->\n";

void page_begin(struct markup *page, const char *title)
{
    markup_add(page, "<h1>");
    markup_text(page, title);
    markup_add(page, "</h1>\n");
}

static void add_head(struct markup *whole, const char *title)
{
    markup_add(whole,
               "%s<head>\n<meta charset=\"utf-8\">\n"
               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
               "img-src data:; style-src 'unsafe-inline'\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<title>",
               first_words);
    markup_text(whole, title);
    markup_add(whole, "</title>\n<style>%s</style>\n<style>%s</style>\n</head>\n<body>\n<main>\n",
               style, svg_style());
}

static void add_end(struct markup *whole)
{
    markup_add(whole, "%s<p class=\"note\">Made by qualiclip %s.</p>\n</main>\n</body>\n</html>\n",
               next_contents, qc_version());
}

/* The page that is there with more contents; text in it is escaped, so the mark is ours. */
static bool insert(struct markup *whole, const struct markup *page, const char *path)
{
    char message[TABLE_MESSAGE_SIZE];
    size_t size;
    char *old = table_read_file(path, &size, message);
    if (!old) {
        complain("%s", message);
        return false;
    }
    char *place =
        strncmp(old, first_words, strlen(first_words)) == 0 ? strstr(old, next_contents) : NULL;
    if (place) {
        const struct markup rest = {place, strlen(place), 0};
        const struct markup begin = {old, (size_t)(place - old), 0};
        markup_append(whole, &begin);
        markup_append(whole, page);
        markup_append(whole, &rest);
    } else {
        complain_about(path, "is no page that --html has written: nothing can be appended to it");
    }
    free(old);
    return place != NULL;
}

bool page_write(const struct markup *page, const char *title, const struct page_file *file)
{
    struct markup whole = {0};
    struct stat status;
    bool good = true;
    if (file->append && stat(file->path, &status) == 0) {
        good = insert(&whole, page, file->path);
    } else {
        add_head(&whole, title);
        markup_append(&whole, page);
        add_end(&whole);
    }
    good = good && markup_write(&whole, file->path);
    markup_free(&whole);
    return good;
}

void page_section(struct markup *page, const char *name, const char *heading, const char *note)
{
    markup_add(page, "<section id=\"%s\">\n<h2>", name);
    markup_text(page, heading);
    markup_add(page, "</h2>\n");
    if (note) {
        markup_add(page, "<p class=\"note\">");
        markup_text(page, note);
        markup_add(page, "</p>\n");
    }
}

void page_section_end(struct markup *page)
{
    markup_add(page, "</section>\n");
}

void page_table(struct markup *page, const char *const *head, size_t count)
{
    markup_add(page, "<div class=\"wide\"><table>\n<thead><tr>");
    for (size_t i = 0; i < count; i++) {
        markup_add(page, "<th scope=\"col\">");
        markup_text(page, head[i]);
        markup_add(page, "</th>");
    }
    markup_add(page, "</tr></thead>\n<tbody>\n");
}

void page_table_end(struct markup *page)
{
    markup_add(page, "</tbody>\n</table></div>\n");
}

void page_row(struct markup *page, const char *label)
{
    markup_add(page, "<tr><td class=\"name\">");
    markup_text(page, label);
    markup_add(page, "</td>");
}

void page_number(struct markup *page, double value, int digits)
{
    if (isnan(value))
        markup_add(page, "<td>&ndash;</td>");
    else
        markup_add(page, "<td>%.*f</td>", digits, value);
}

double without_sign_of_nothing(double value, int digits)
{
    return fabs(value) < 0.5 * pow(10, -digits) ? 0 : value;
}

void page_difference(struct markup *page, double value, int digits)
{
    if (isnan(value))
        markup_add(page, "<td>&ndash;</td>");
    else
        markup_add(page, "<td>%+.*f</td>", digits, without_sign_of_nothing(value, digits));
}

void page_row_end(struct markup *page)
{
    markup_add(page, "</tr>\n");
}

/* ------------------------------------------------------------------------------------ histogram */

enum { bins = 20 };

static double fill_bins(const struct histogram_series *series, double least, double most,
                        double *shares)
{
    double highest = 0;
    for (size_t i = 0; i < bins; i++)
        shares[i] = 0;
    for (size_t i = 0; i < series->count; i++) {
        const double place = bins * (series->values[i] - least) / (most - least);
        const size_t bin = !(place > 0) ? 0 : place >= bins ? bins - 1 : (size_t)place;
        shares[bin] += 100.0 / (double)series->count;
    }
    for (size_t i = 0; i < bins; i++)
        highest = fmax(highest, shares[i]);
    return highest;
}

void draw_histogram(struct markup *page, const char *title, const struct histogram_series *series,
                    size_t count, double least, double most, const char *x_name)
{
    double shares[2][bins], highest = 0, zero = 0;
    for (size_t i = 0; i < count; i++)
        highest = fmax(highest, fill_bins(&series[i], least, most, shares[i]));
    highest = fmax(highest, 1);
    svg_round_range(&zero, &highest, 4);
    const struct svg_plot plot = {56, 58, 400, 170, least, most, 0, highest};
    svg_begin(page, 470, 278, title, false);
    svg_text(page, plot.left, 22, title, (struct svg_font){.size = 15, .bold = true});
    double x = plot.left;
    for (size_t i = 0; i < count; i++) {
        svg_rectangle(page, x, 34, 12, 12, i ? "fill1" : "fill0");
        svg_text(page, x + 18, 45, series[i].name, (struct svg_font){.size = 13});
        x += 38 + svg_text_width(series[i].name, 13);
    }
    svg_axes(page, &plot, 5, 4, x_name, "% of images");
    for (size_t i = 0; i < count; i++) {
        for (size_t bin = 0; bin < bins; bin++) {
            const double top = svg_plot_y(&plot, shares[i][bin]);
            if (shares[i][bin] > 0)
                svg_rectangle(page, plot.left + plot.width * (double)bin / bins + 0.5, top,
                              plot.width / bins - 1, plot.top + plot.height - top,
                              i ? "fill1" : "fill0");
        }
    }
    svg_end(page);
}
