/*
 * contest_report.c - all images as points, then the pairs with their pictures.
 */
#include "contest_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "correlation.h"
#include "page.h"
#include "svg.h"
#include "thumbnail.h"

enum { points_most = 4000 }; /* drawn, evenly from all */

static void find_range(const double *values, size_t count, double *least, double *most)
{
    *least = *most = values[0];
    for (size_t i = 1; i < count; i++) {
        *least = fmin(*least, values[i]);
        *most = fmax(*most, values[i]);
    }
    svg_round_range(least, most, 5);
}

/* The second model's score over the first's; the images of a pair are joined by a line. */
static void add_scatter(struct markup *page, const struct contest *contest)
{
    struct svg_plot plot = {64, 24, 400, 400, 0, 1, 0, 1};
    const size_t step = contest->count / points_most + 1;
    char text[128];
    find_range(contest->scores[0], contest->count, &plot.x_least, &plot.x_most);
    find_range(contest->scores[1], contest->count, &plot.y_least, &plot.y_most);
    snprintf(text, sizeof text, "%s against %s", contest->titles[1], contest->titles[0]);
    svg_begin(page, 490, 480, text, false);
    svg_axes(page, &plot, 5, 5, contest->titles[0], contest->titles[1]);
    for (size_t i = 0; i < contest->count; i += step)
        svg_point(page, svg_plot_x(&plot, contest->scores[0][i]),
                  svg_plot_y(&plot, contest->scores[1][i]), "series6");
    for (size_t i = 0; i < contest->bout_count; i++) {
        const struct bout *bout = &contest->bouts[i];
        const char *class = bout->defender ? "series1" : "series0";
        double x[2], y[2];
        for (size_t part = 0; part < 2; part++) {
            x[part] = svg_plot_x(&plot, contest->scores[0][bout->images[part]]);
            y[part] = svg_plot_y(&plot, contest->scores[1][bout->images[part]]);
            svg_mark(page, x[part], y[part], bout->defender, class);
        }
        svg_line(page, x[0], y[0], x[1], y[1], class);
    }
    svg_end(page);
}

static void add_overview(struct markup *page, const struct contest *contest)
{
    char text[160];
    page_section(page, "gmad-overview", "Overview", NULL);
    markup_add(page, "<p>%zu images that both have scored; rank correlation %.3f.</p>\n",
               contest->count, spearman(contest->scores[0], contest->scores[1], contest->count));
    markup_add(page, "<figure>");
    add_scatter(page, contest);
    markup_add(page, "<figcaption>");
    snprintf(text, sizeof text, "Blue: %s defends; orange: %s defends.", contest->titles[0],
             contest->titles[1]);
    markup_text(page, text);
    markup_add(page, "</figcaption></figure>\n");
    page_section_end(page);
}

static void add_image(struct markup *page, const struct contest *contest, const struct bout *bout,
                      size_t part)
{
    const size_t image = bout->images[part];
    const char *path = contest->pictures ? contest->pictures[image] : NULL;
    markup_add(page, "<figure>");
    if (path)
        add_thumbnail(page, path, 360, 270, contest->names[image]);
    markup_add(page, "<figcaption>");
    for (size_t model = 0; model < 2; model++) {
        const bool attacks = model != bout->defender;
        markup_add(page, attacks ? "<b>%.4f " : "%.4f ", contest->scores[model][image]);
        markup_text(page, contest->titles[model]);
        markup_add(page, attacks ? "</b><br>" : "<br>");
    }
    markup_text(page, contest->names[image]);
    markup_add(page, "</figcaption></figure>\n");
}

static void add_role(struct markup *page, const struct contest *contest, size_t defender)
{
    char text[160], level[32];
    snprintf(text, sizeof text, "%s defends, %s attacks", contest->titles[defender],
             contest->titles[1 - defender]);
    page_section(page, defender ? "gmad-second" : "gmad-first", text,
                 "The defender finds the two of a pair (nearly) equal, the attacker the left one "
                 "better. If it is not, the attacker is wrong, else the defender.");
    for (size_t i = 0; i < contest->bout_count; i++) {
        const struct bout *bout = &contest->bouts[i];
        if (bout->defender != defender)
            continue;
        contest_level(contest, bout->level, level);
        level[0] = (char)(level[0] >= 'a' ? level[0] - 'a' + 'A' : level[0]);
        markup_add(page, "<h3>%s", level);
        if (contest->pairs > 1)
            markup_add(page, ", pair %zu", bout->rank);
        markup_add(page, "</h3>\n<div class=\"pair\">\n");
        add_image(page, contest, bout, 0);
        add_image(page, contest, bout, 1);
        markup_add(page, "</div>\n");
    }
    page_section_end(page);
}

bool write_contest_report(const struct contest *contest, const struct page_file *file)
{
    static const char title[] = "Where two models disagree most";
    struct markup page = {0};
    page_begin(&page, title);
    add_overview(&page, contest);
    add_role(&page, contest, 0);
    add_role(&page, contest, 1);
    const bool written = page_write(&page, title, file);
    markup_free(&page);
    return written;
}
