/*
 * degradation_report.c - figure, tables, spread of scores, photos.
 */
#include "degradation_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "degradation_figure.h"
#include "../memory.h"
#include "page.h"
#include "thumbnail.h"

enum { thumbnail_side = 96, photos_shown = 200 };

/* Below this a type counts as weak, and is marked. */
static const double weak = 0.65;

static void add_introduction(struct markup *page, const struct judgement *judgement)
{
    const struct degradation_trial *trial = judgement->trial;
    const size_t photos = degradation_trial_scored(trial);
    markup_add(
        page,
        "<p>%zu photos, cut and scaled to %u &times; %u pixels, each degraded in %zu ways and "
        "five steps: %zu images a model; seed %llu. Scores are from 0 (bad) to 1 (good).</p>"
        "\n<p class=\"note\">",
        photos, (unsigned)judgement->setup->side, (unsigned)judgement->setup->side,
        degradation_trial_types(trial), degradation_trial_images(trial, photos),
        (unsigned long long)judgement->setup->seed);
    for (size_t i = 0; i < judgement->models->count; i++) {
        markup_add(page, "%s", i ? "<br>" : "");
        markup_text(page, judgement->models->items[i].name);
        markup_add(page, ": ");
        markup_text(page, judgement->models->items[i].info.hash);
    }
    markup_add(page, "</p>\n");
}

/* The table's head: a label, the models, and the difference between two. */
static void begin_table(struct markup *page, const struct judgement *judgement, const char *label)
{
    const char *head[judged_models_max + 2] = {label};
    size_t count = 1;
    for (size_t i = 0; i < judgement->models->count; i++)
        head[count++] = judgement->models->items[i].name;
    if (judgement->models->count == 2)
        head[count++] = "difference";
    page_table(page, head, count);
}

/* The models' numbers, `field` bytes into their summaries. */
static void add_row(struct markup *page, const struct judgement *judgement, const char *label,
                    size_t field, double least)
{
    double values[judged_models_max];
    page_row(page, label);
    for (size_t i = 0; i < judgement->models->count; i++) {
        memcpy(&values[i], (const char *)&judgement->summaries[i] + field, sizeof *values);
        if (values[i] < least)
            markup_add(page, "<td class=\"weak\">%.3f</td>", values[i]);
        else
            page_number(page, values[i], 3);
    }
    if (judgement->models->count == 2)
        page_difference(page, values[1] - values[0], 3);
    page_row_end(page);
}

#define FIELD(member) offsetof(struct trial_summary, member)

static void add_overview(struct markup *page, const struct judgement *judgement)
{
    page_section(page, "degradations-overview", "Overview", NULL);
    begin_table(page, judgement, "");
    add_row(page, judgement, "Rank correlation within an image, mean of the types",
            FIELD(mean.levels), -2);
    add_row(page, judgement, "… without linear contrast", FIELD(mean_but_linear.levels), -2);
    add_row(page, judgement, "… with the pristine photo as level 0", FIELD(mean.pristine), -2);
    add_row(page, judgement, "… by the level's number, whatever its sign", FIELD(mean.as_counted),
            -2);
    add_row(page, judgement, "Rank correlation across all photos, types and levels", FIELD(across),
            -2);
    add_row(page, judgement, "… with the pristine photos as level 0", FIELD(across_pristine), -2);
    add_row(page, judgement, "Pristine photos: share of scores above 0.7", FIELD(pristine.share),
            -2);
    add_row(page, judgement, "Level 5: share of scores below 0.3", FIELD(worst.share), -2);
    page_table_end(page);
    page_section_end(page);
}

/* The figure's numbers. */
static void add_curves(struct markup *page, const struct judgement *judgement, size_t model)
{
    const char *const head[] = {
        judgement->models->items[model].name, "0.0", "0.2", "0.4", "0.6", "0.8", "1.0"};
    page_table(page, head, sizeof head / sizeof head[0]);
    for (size_t group = 0; group < degradation_group_count; group++) {
        const double *curve = judgement->summaries[model].curves[group];
        if (isnan(curve[0]))
            continue;
        page_row(page, degradation_group_titles[group]);
        for (size_t i = 0; i < trial_steps; i++)
            page_number(page, curve[i], 3);
        page_row_end(page);
    }
    page_table_end(page);
}

static void add_figure(struct markup *page, const struct judgement *judgement)
{
    page_section(page, "figure", "Score against intensity",
                 "The mean over the types of a group and all photos. A good model falls steadily.");
    markup_add(page, "<div class=\"row\">\n");
    for (size_t i = 0; i < judgement->models->count; i++) {
        markup_add(page, "<figure>");
        draw_degradation_panel(page, judgement, i);
        markup_add(page, "</figure>\n");
    }
    markup_add(page, "</div>\n<div class=\"row\">\n");
    for (size_t i = 0; i < judgement->models->count; i++)
        add_curves(page, judgement, i);
    markup_add(page, "</div>\n");
    page_section_end(page);
}

static void add_types(struct markup *page, const struct judgement *judgement)
{
    page_section(
        page, "within", "Within an image, by type",
        "Spearman's correlation between how bad five levels of a type are and how low they "
        "score, averaged over the photos. Below 0.65 is marked.");
    begin_table(page, judgement, "Type");
    for (size_t type = 0; type < degradation_count; type++)
        if (judgement->trial->tried[type])
            add_row(page, judgement, degradation_kinds[type].title,
                    FIELD(types) + type * sizeof(struct within_image) +
                        offsetof(struct within_image, levels),
                    weak);
    page_table_end(page);
    page_section_end(page);
}

/* --------------------------------------------------------------------------------- distribution */

static void add_histogram(struct markup *page, const struct judgement *judgement, size_t model)
{
    const struct degradation_trial *trial = judgement->trial;
    double *pristine = reallocate(NULL, trial->photos, sizeof *pristine);
    double *worst = reallocate(NULL, trial->photos, degradation_count * sizeof *worst);
    size_t pristine_count = 0, worst_count = 0;
    for (size_t photo = 0; photo < trial->photos; photo++) {
        const double score = degradation_trial_score(trial, model, photo, DEGRADE_GAUSSIAN_BLUR, 0);
        if (!isnan(score))
            pristine[pristine_count++] = score;
        for (size_t type = 0; type < degradation_count; type++) {
            const double bad = degradation_trial_score(trial, model, photo, (enum degradation)type,
                                                       degradation_levels);
            if (!isnan(bad))
                worst[worst_count++] = bad;
        }
    }
    const struct histogram_series series[2] = {{"pristine", pristine, pristine_count},
                                               {"level 5", worst, worst_count}};
    markup_add(page, "<figure>");
    draw_histogram(page, judgement->models->items[model].name, series, 2, 0, 1, "score");
    markup_add(page, "</figure>\n");
    free(pristine);
    free(worst);
}

static void add_spread(struct markup *page, const struct judgement *judgement)
{
    page_section(page, "histogram", "Spread of the scores", NULL);
    markup_add(page, "<div class=\"row\">\n");
    for (size_t i = 0; i < judgement->models->count; i++)
        add_histogram(page, judgement, i);
    markup_add(page, "</div>\n");
    begin_table(page, judgement, "");
    add_row(page, judgement, "Pristine: lower quartile", FIELD(pristine.lower), -2);
    add_row(page, judgement, "median", FIELD(pristine.median), -2);
    add_row(page, judgement, "upper quartile", FIELD(pristine.upper), -2);
    add_row(page, judgement, "Level 5: lower quartile", FIELD(worst.lower), -2);
    add_row(page, judgement, "median", FIELD(worst.median), -2);
    add_row(page, judgement, "upper quartile", FIELD(worst.upper), -2);
    page_table_end(page);
    page_section_end(page);
}

static void add_photos(struct markup *page, const struct judgement *judgement)
{
    const struct degradation_trial *trial = judgement->trial;
    const size_t count = trial->photos < photos_shown ? trial->photos : photos_shown;
    page_section(page, "photos", "Photos", "With the scores of the undegraded squares.");
    markup_add(page, "<div class=\"gallery\">\n");
    for (size_t photo = 0; photo < count; photo++) {
        const char *path = judgement->photos->items[photo].path;
        const char *slash = strrchr(path, '/');
        markup_add(page, "<figure>");
        add_thumbnail(page, path, 144, thumbnail_side, slash ? slash + 1 : path);
        markup_add(page, "<figcaption>");
        markup_text(page, slash ? slash + 1 : path);
        for (size_t model = 0; model < judgement->models->count; model++) {
            const double score =
                degradation_trial_score(trial, model, photo, DEGRADE_GAUSSIAN_BLUR, 0);
            if (!isnan(score))
                markup_add(page, "<br>%.3f", score);
            if (judgement->models->count > 1) {
                markup_add(page, " ");
                markup_text(page, judgement->models->items[model].name);
            }
        }
        markup_add(page, "</figcaption></figure>\n");
    }
    markup_add(page, "</div>\n");
    if (count < trial->photos)
        markup_add(page, "<p class=\"note\">… and %zu more.</p>\n", trial->photos - count);
    page_section_end(page);
}

bool write_degradation_report(const struct judgement *judgement, const struct page_file *file)
{
    static const char title[] = "How scores follow degradations";
    struct markup page = {0};
    page_begin(&page, title);
    add_introduction(&page, judgement);
    add_overview(&page, judgement);
    add_figure(&page, judgement);
    add_types(&page, judgement);
    add_spread(&page, judgement);
    add_photos(&page, judgement);
    const bool written = page_write(&page, title, file);
    markup_free(&page);
    return written;
}
