/*
 * agreement_report.c - measures, each model's scatter plot with its curve, spread of its scores,
 * groups, and the images it is most wrong about.
 */
#include "agreement_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../memory.h"
#include "labels/join.h"
#include "page.h"
#include "svg.h"
#include "thumbnail.h"

enum { points_most = 4000, errors_shown = 8, groups_shown = 200 };

/* Images of which a model has a score and people an opinion. */
struct sample {
    size_t count;
    double *scores, *opinions;
    size_t *rows; /* of the labels */
    double least, most, opinion_least, opinion_most;
};

static struct sample take_sample(const struct evaluation *evaluation, size_t model)
{
    const struct labels *labels = evaluation->labels;
    const size_t rows = labels->table.rows;
    struct sample sample = {.scores = reallocate(NULL, rows, sizeof *sample.scores),
                            .opinions = reallocate(NULL, rows, sizeof *sample.opinions),
                            .rows = reallocate(NULL, rows, sizeof *sample.rows),
                            .least = INFINITY,
                            .most = -INFINITY,
                            .opinion_least = INFINITY,
                            .opinion_most = -INFINITY};
    for (size_t row = 0; row < rows; row++) {
        const double score = evaluation->pairings[model].values[row];
        const double opinion = table_number(&labels->table, row, labels->opinion);
        if (!evaluation->used[row] || !isfinite(score) || isnan(opinion))
            continue;
        sample.scores[sample.count] = score;
        sample.opinions[sample.count] = opinion;
        sample.rows[sample.count++] = row;
        sample.least = fmin(sample.least, score);
        sample.most = fmax(sample.most, score);
        sample.opinion_least = fmin(sample.opinion_least, opinion);
        sample.opinion_most = fmax(sample.opinion_most, opinion);
    }
    return sample;
}

static void free_sample(struct sample *sample)
{
    free(sample->scores);
    free(sample->opinions);
    free(sample->rows);
}

/* The title's last part: models are told by their files. */
static const char *title_of(const struct evaluation *evaluation, size_t model)
{
    const char *title = evaluation->models[model].title, *slash = strrchr(title, '/');
    return slash && slash[1] ? slash + 1 : title;
}

/* ------------------------------------------------------------------------------------- measures */

static void add_interval(struct markup *page, const struct interval *interval)
{
    if (isnan(interval->value))
        markup_add(page, "<td>&ndash;</td>");
    else if (isnan(interval->low))
        markup_add(page, "<td>%.4f</td>", interval->value);
    else
        markup_add(page, "<td>%.4f <span class=\"note\">[%.3f, %.3f]</span></td>", interval->value,
                   interval->low, interval->high);
}

static void add_agreement(struct markup *page, const char *label, const struct agreement *agreement)
{
    page_row(page, label);
    markup_add(page, "<td>%zu</td>", agreement->count);
    for (size_t i = 0; i < measure_count; i++)
        add_interval(page, &agreement->measures[i]);
    page_row_end(page);
}

static void begin_measures(struct markup *page, const char *label)
{
    const char *const head[] = {label, "images", "SRCC", "KRCC", "PLCC", "RMSE"};
    page_table(page, head, sizeof head / sizeof head[0]);
}

static void add_overview(struct markup *page, const struct evaluation *evaluation)
{
    const struct labels *labels = evaluation->labels;
    page_section(page, "opinions-overview", "Agreement with people", NULL);
    markup_add(page, "<p>%zu images of ", evaluation->used_count);
    markup_text(page, labels->dataset ? labels->dataset : labels->path);
    markup_add(page, "; of the opinions, %s is better.</p>\n",
               labels->lower_is_better ? "lower" : "higher");
    begin_measures(page, "Model");
    for (size_t i = 0; i < evaluation->model_count; i++)
        add_agreement(page, title_of(evaluation, i), &evaluation->groups[0].agreements[i]);
    page_table_end(page);
    markup_add(page, "<p class=\"note\">In brackets the interval in which 95 %% of resampled sets "
                     "of images lie. PLCC and RMSE are after the curve drawn below.</p>\n");
    for (size_t i = 0; i < evaluation->comparison_count; i++) {
        const struct comparison *comparison = &evaluation->comparisons[i];
        markup_add(page, "<p>SRCC of ");
        markup_text(page, title_of(evaluation, comparison->model));
        markup_add(page, " less that of ");
        markup_text(page, title_of(evaluation, comparison->other));
        markup_add(page, ": %+.4f", comparison->difference.value);
        if (!isnan(comparison->difference.low))
            markup_add(page, " [%+.4f, %+.4f]", comparison->difference.low,
                       comparison->difference.high);
        markup_add(page, "</p>\n");
    }
    page_section_end(page);
}

static void add_groups(struct markup *page, const struct evaluation *evaluation)
{
    if (evaluation->group_count < 2)
        return;
    const size_t count =
        evaluation->group_count < groups_shown ? evaluation->group_count : groups_shown;
    page_section(page, "groups", "By group", NULL);
    for (size_t model = 0; model < evaluation->model_count; model++) {
        markup_add(page, "<h3>");
        markup_text(page, title_of(evaluation, model));
        markup_add(page, "</h3>\n");
        begin_measures(page, "Group");
        for (size_t i = 1; i < count; i++) {
            const struct group *group = &evaluation->groups[i];
            char label[256];
            snprintf(label, sizeof label, "%.100s: %.140s", group->column, group->value);
            add_agreement(page, label, &group->agreements[model]);
        }
        page_table_end(page);
    }
    page_section_end(page);
}

/* ---------------------------------------------------------------------------------------- plots */

static void draw_curve(struct markup *page, const struct svg_plot *plot,
                       const struct logistic *curve, const struct sample *sample)
{
    enum { steps = 120 };
    double x[steps + 1], y[steps + 1];
    for (size_t i = 0; i <= steps; i++) {
        const double score = sample->least + (sample->most - sample->least) * (double)i / steps;
        const double opinion = logistic_value(curve, score);
        const bool inside = opinion >= plot->y_least && opinion <= plot->y_most;
        x[i] = svg_plot_x(plot, score);
        y[i] = inside ? svg_plot_y(plot, opinion) : NAN;
    }
    svg_polyline(page, x, y, steps + 1, "series1");
}

static void draw_scatter(struct markup *page, const struct evaluation *evaluation, size_t model,
                         const struct sample *sample)
{
    const struct agreement *agreement = &evaluation->groups[0].agreements[model];
    const size_t step = sample->count / points_most + 1;
    struct svg_plot plot = {
        64, 48, 400, 320, sample->least, sample->most, sample->opinion_least, sample->opinion_most};
    svg_round_range(&plot.x_least, &plot.x_most, 5);
    svg_round_range(&plot.y_least, &plot.y_most, 5);
    svg_begin(page, 480, 424, "Opinion against score", false);
    svg_text(page, plot.left, 26, title_of(evaluation, model),
             (struct svg_font){.size = 15, .bold = true});
    svg_axes(page, &plot, 5, 5, "score", "opinion");
    for (size_t i = 0; i < sample->count; i += step)
        svg_point(page, svg_plot_x(&plot, sample->scores[i]),
                  svg_plot_y(&plot, sample->opinions[i]), "series0");
    if (agreement->has_curve)
        draw_curve(page, &plot, &agreement->curve, sample);
    svg_end(page);
}

static void add_plots(struct markup *page, const struct evaluation *evaluation, size_t model,
                      const struct sample *sample)
{
    const struct histogram_series series = {"images", sample->scores, sample->count};
    double least = sample->least, most = sample->most;
    svg_round_range(&least, &most, 5);
    markup_add(page, "<div class=\"row\">\n<figure>");
    draw_scatter(page, evaluation, model, sample);
    markup_add(page, "</figure>\n<figure>");
    draw_histogram(page, "Spread of the scores", &series, 1, least, most, "score");
    markup_add(page, "</figure>\n</div>\n");
}

/* --------------------------------------------------------------------------------------- errors */

struct error {
    double excess; /* how much better the model finds it than people do, as opinion */
    size_t index;  /* of the sample */
};

static int by_excess(const void *left, const void *right)
{
    const struct error *a = left, *b = right;
    if (a->excess != b->excess)
        return a->excess < b->excess ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* The picture of a row; NULL: there is none. */
static const char *find_picture(const struct evaluation *evaluation, size_t model, size_t row,
                                const char *const *found)
{
    struct stat status;
    if (found)
        return found[row];
    const char *name = evaluation->models[model].names[evaluation->pairings[model].partner[row]];
    return stat(name, &status) == 0 && S_ISREG(status.st_mode) ? name : NULL;
}

static void add_error(struct markup *page, const struct evaluation *evaluation, size_t model,
                      const struct sample *sample, const struct error *error,
                      const char *const *found)
{
    const struct labels *labels = evaluation->labels;
    const size_t row = sample->rows[error->index];
    const char *name = table_cell(&labels->table, row, labels->name);
    const char *picture = find_picture(evaluation, model, row, found);
    markup_add(page, "<figure>");
    if (picture)
        add_thumbnail(page, picture, 144, 108, name);
    markup_add(page, "<figcaption>score %.3f<br>opinion %.4g<br>", sample->scores[error->index],
               sample->opinions[error->index]);
    markup_text(page, name);
    markup_add(page, "</figcaption></figure>\n");
}

/* The images that are furthest from the curve, on both sides. */
static void add_errors(struct markup *page, const struct evaluation *evaluation, size_t model,
                       const struct sample *sample, const char *const *found)
{
    const struct agreement *agreement = &evaluation->groups[0].agreements[model];
    const double sign = evaluation->labels->lower_is_better ? -1 : 1;
    if (!agreement->has_curve)
        return;
    struct error *errors = reallocate(NULL, sample->count, sizeof *errors);
    for (size_t i = 0; i < sample->count; i++)
        errors[i] = (struct error){
            sign * (logistic_value(&agreement->curve, sample->scores[i]) - sample->opinions[i]), i};
    qsort(errors, sample->count, sizeof *errors, by_excess);
    const size_t shown = sample->count / 2 < errors_shown ? sample->count / 2 : errors_shown;
    markup_add(page, "<h3>Most overestimated</h3>\n<div class=\"gallery\">\n");
    for (size_t i = 0; i < shown; i++)
        add_error(page, evaluation, model, sample, &errors[sample->count - 1 - i], found);
    markup_add(page, "</div>\n<h3>Most underestimated</h3>\n<div class=\"gallery\">\n");
    for (size_t i = 0; i < shown; i++)
        add_error(page, evaluation, model, sample, &errors[i], found);
    markup_add(page, "</div>\n");
    free(errors);
}

/* Of each label its picture's file, or NULL; NULL: no pictures were named. */
static const char **find_pictures(const struct evaluation *evaluation,
                                  const struct input_list *pictures)
{
    const struct table *table = &evaluation->labels->table;
    if (pictures->count == 0)
        return NULL;
    const char **names = reallocate(NULL, table->rows, sizeof *names);
    const char **paths = reallocate(NULL, pictures->count, sizeof *paths);
    size_t *partner = reallocate(NULL, table->rows, sizeof *partner);
    for (size_t i = 0; i < pictures->count; i++)
        paths[i] = pictures->items[i].path;
    for (size_t row = 0; row < table->rows; row++)
        names[row] = table_cell(table, row, evaluation->labels->name);
    join_names(names, table->rows, paths, pictures->count, partner);
    for (size_t row = 0; row < table->rows; row++)
        names[row] = partner[row] < pictures->count ? paths[partner[row]] : NULL;
    free(paths);
    free(partner);
    return names;
}

static void add_model(struct markup *page, const struct evaluation *evaluation, size_t model,
                      const char *const *found)
{
    struct sample sample = take_sample(evaluation, model);
    char name[32];
    snprintf(name, sizeof name, "opinions-%zu", model + 1);
    page_section(page, name, title_of(evaluation, model), NULL);
    if (sample.count)
        add_plots(page, evaluation, model, &sample);
    if (evaluation->groups[0].agreements[model].problem) {
        markup_add(page, "<p>");
        markup_text(page, evaluation->groups[0].agreements[model].problem);
        markup_add(page, "</p>\n");
    }
    add_errors(page, evaluation, model, &sample, found);
    page_section_end(page);
    free_sample(&sample);
}

bool write_agreement_report(const struct evaluation *evaluation, const struct input_list *pictures,
                            const struct page_file *file)
{
    static const char title[] = "Scores and opinions";
    struct markup page = {0};
    const char **found = find_pictures(evaluation, pictures);
    page_begin(&page, title);
    add_overview(&page, evaluation);
    for (size_t model = 0; model < evaluation->model_count; model++)
        add_model(&page, evaluation, model, found);
    add_groups(&page, evaluation);
    const bool written = page_write(&page, title, file);
    markup_free(&page);
    free(found);
    return written;
}
