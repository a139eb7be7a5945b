/*
 * degradation_figure.c - panels side by side under one legend.
 */
#include "degradation_figure.h"

#include <math.h>
#include <stdio.h>

#include "svg.h"

static const double margin = 64, panel_width = 400, panel_height = 320, gap = 60;

/* Where each group's name begins, in rows; those that were not tried are left out. */
struct legend {
    double x[degradation_group_count], y[degradation_group_count], bottom;
};

static struct legend place_legend(const struct judgement *judgement, double width)
{
    struct legend legend;
    double x = margin, y = 82;
    for (size_t group = 0; group < degradation_group_count; group++) {
        const double needed = 34 + svg_text_width(degradation_group_titles[group], 13);
        legend.x[group] = NAN;
        if (isnan(judgement->summaries[0].curves[group][0]))
            continue;
        if (x > margin && x + needed > width - 16) {
            x = margin;
            y += 22;
        }
        legend.x[group] = x;
        legend.y[group] = y;
        x += needed + 16;
    }
    legend.bottom = y;
    return legend;
}

/* Names of the groups with their lines. */
static void draw_legend(struct markup *svg, const struct legend *legend)
{
    for (size_t group = 0; group < degradation_group_count; group++) {
        char class[16];
        if (isnan(legend->x[group]))
            continue;
        snprintf(class, sizeof class, "series%zu", group);
        const double x = legend->x[group], y = legend->y[group] - 4;
        svg_line(svg, x, y, x + 24, y, class);
        svg_mark(svg, x + 12, y, group, class);
        svg_text(svg, x + 30, legend->y[group], degradation_group_titles[group],
                 (struct svg_font){.size = 13});
    }
}

static void draw_panel(struct markup *svg, const struct judgement *judgement, size_t model,
                       double left, double top, bool first)
{
    const struct trial_summary *summary = &judgement->summaries[model];
    const struct svg_plot plot = {left, top, panel_width, panel_height, 0, 1, 0, 1};
    svg_text(svg, plot.left, plot.top - 12, judgement->models->items[model].name,
             (struct svg_font){.size = 15, .bold = true});
    svg_axes(svg, &plot, 5, 5, "intensity of the degradation", first ? "mean score" : NULL);
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

/* The panels of `count` models from `first` on, side by side. */
static void draw(struct markup *svg, const struct judgement *judgement, size_t first, size_t count,
                 bool alone)
{
    const double width = margin + (double)count * panel_width + (double)(count - 1) * gap + 24;
    const struct legend legend = place_legend(judgement, width);
    const double top = legend.bottom + 46;
    const size_t photos = degradation_trial_scored(judgement->trial);
    char text[128];
    svg_begin(svg, width, top + panel_height + 56,
              "Mean score against the intensity of degradations, by group", alone);
    svg_text(svg, margin, 32, "Mean score against intensity",
             (struct svg_font){.size = 19, .bold = true});
    snprintf(text, sizeof text, "%zu photo%s of %u × %u", photos, photos == 1 ? "" : "s",
             (unsigned)judgement->setup->side, (unsigned)judgement->setup->side);
    svg_text(svg, margin, 52, text, (struct svg_font){.size = 13, .soft = true});
    draw_legend(svg, &legend);
    for (size_t i = 0; i < count; i++)
        draw_panel(svg, judgement, first + i, margin + (double)i * (panel_width + gap), top,
                   i == 0);
    svg_end(svg);
}

void draw_degradation_panel(struct markup *page, const struct judgement *judgement, size_t model)
{
    draw(page, judgement, model, 1, false);
}

bool write_degradation_figure(const struct judgement *judgement, const char *path)
{
    struct markup svg = {0};
    draw(&svg, judgement, 0, judgement->models->count, true);
    const bool written = markup_write(&svg, path);
    markup_free(&svg);
    return written;
}
