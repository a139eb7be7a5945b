/*
 * degradation_figure.c - panels side by side under one legend.
 */
#include "degradation_figure.h"

#include <math.h>
#include <stdio.h>

#include "svg.h"

static const double margin = 64, panel_width = 400, panel_height = 320, gap = 36, panel_top = 150;

/* Names of the groups with their lines, in rows; those that were not tried are left out. */
static void draw_legend(struct markup *svg, const struct judgement *judgement, double width)
{
    double x = margin, y = 82;
    for (size_t group = 0; group < degradation_group_count; group++) {
        const char *title = degradation_group_titles[group];
        if (isnan(judgement->summaries[0].curves[group][0]))
            continue;
        const double needed = 34 + svg_text_width(title, 13);
        if (x > margin && x + needed > width - 16) {
            x = margin;
            y += 22;
        }
        char class[16];
        snprintf(class, sizeof class, "series%zu", group);
        const double xs[2] = {x, x + 24}, ys[2] = {y - 4, y - 4};
        svg_polyline(svg, xs, ys, 2, class);
        svg_mark(svg, x + 12, y - 4, group, class);
        svg_text(svg, x + 30, y, title, (struct svg_font){.size = 13});
        x += needed + 16;
    }
}

static void draw_panel(struct markup *svg, const struct judgement *judgement, size_t model)
{
    const struct trial_summary *summary = &judgement->summaries[model];
    const struct svg_plot plot = {margin + (double)model * (panel_width + gap),
                                  panel_top,
                                  panel_width,
                                  panel_height,
                                  0,
                                  1,
                                  0,
                                  1};
    svg_text(svg, plot.left, plot.top - 12, judgement->models->items[model].name,
             (struct svg_font){.size = 15, .bold = true});
    svg_axes(svg, &plot, 5, 5, "intensity of the degradation", model == 0 ? "mean score" : NULL);
    for (size_t group = 0; group < degradation_group_count; group++) {
        double x[trial_steps], y[trial_steps];
        char class[16];
        snprintf(class, sizeof class, "series%zu", group);
        for (size_t i = 0; i < trial_steps; i++) {
            x[i] = svg_plot_x(&plot, (double)i / degradation_levels);
            y[i] = svg_plot_y(&plot, summary->curves[group][i]);
        }
        svg_polyline(svg, x, y, trial_steps, class);
        for (size_t i = 0; i < trial_steps; i++)
            svg_mark(svg, x[i], y[i], group, class);
    }
}

void draw_degradation_figure(struct markup *svg, const struct judgement *judgement, bool alone)
{
    const size_t models = judgement->models->count;
    const double width = margin + (double)models * panel_width + (double)(models - 1) * gap + 24;
    char text[128];
    svg_begin(svg, width, panel_top + panel_height + 56,
              "Mean score against the intensity of degradations, by group", alone);
    svg_text(svg, margin, 32, "Mean score against intensity",
             (struct svg_font){.size = 19, .bold = true});
    snprintf(text, sizeof text, "%zu photo%s of %u × %u", judgement->trial->photos,
             judgement->trial->photos == 1 ? "" : "s", (unsigned)judgement->setup->side,
             (unsigned)judgement->setup->side);
    svg_text(svg, margin, 52, text, (struct svg_font){.size = 13, .soft = true});
    draw_legend(svg, judgement, width);
    for (size_t model = 0; model < models; model++)
        draw_panel(svg, judgement, model);
    svg_end(svg);
}

bool write_degradation_figure(const struct judgement *judgement, const char *path)
{
    struct markup svg = {0};
    draw_degradation_figure(&svg, judgement, true);
    const bool written = markup_write(&svg, path);
    markup_free(&svg);
    return written;
}
