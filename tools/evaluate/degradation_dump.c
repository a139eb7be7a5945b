/*
 * degradation_dump.c - every score of a trial as a CSV file.
 */
#include <math.h>
#include <string.h>

#include "degradation_tables.h"
#include "markup.h"

/* A field of CSV: in quotes where it needs them. */
static void add_field(struct markup *lines, const char *text)
{
    const bool plain = strpbrk(text, ",\"\r\n") == NULL;
    if (!plain)
        markup_add(lines, "\"");
    for (; *text; text++)
        markup_add(lines, *text == '"' ? "\"%c" : "%c", *text);
    if (!plain)
        markup_add(lines, "\"");
}

static void dump_image(struct markup *lines, const struct judgement *judgement, size_t photo,
                       enum degradation type, size_t step)
{
    add_field(lines, judgement->photos->items[photo].path);
    markup_add(lines, ",%s,%zu", step ? degradation_kinds[type].name : "pristine", step);
    for (size_t model = 0; model < judgement->models->count; model++) {
        const double score = degradation_trial_score(judgement->trial, model, photo, type, step);
        if (isnan(score))
            markup_add(lines, ",");
        else
            markup_add(lines, ",%.9g", score);
    }
    markup_add(lines, "\n");
}

bool dump_scores(const struct judgement *judgement, const char *path)
{
    const struct degradation_trial *trial = judgement->trial;
    struct markup lines = {0};
    markup_add(&lines, "photo,type,level");
    for (size_t model = 0; model < judgement->models->count; model++) {
        markup_add(&lines, ",");
        add_field(&lines,
                  judgement->models->count == 1 ? "score" : judgement->models->items[model].name);
    }
    markup_add(&lines, "\n");
    for (size_t photo = 0; photo < trial->photos; photo++) {
        dump_image(&lines, judgement, photo, DEGRADE_GAUSSIAN_BLUR, 0);
        for (size_t type = 0; type < degradation_count; type++)
            for (size_t step = 1; trial->tried[type] && step < trial_steps; step++)
                dump_image(&lines, judgement, photo, (enum degradation)type, step);
    }
    const bool written = markup_write(&lines, path);
    markup_free(&lines);
    return written;
}
