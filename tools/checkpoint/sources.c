/*
 * sources.c - names and shapes, and whether they are what the recipe needs.
 */
#include "sources.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logit_scale.h"
#include "plan_checks.h"
#include "problem.h"
#include "source.h"
#include "text_side.h"
#include "wrapping.h"

void job_note(const struct job *job, const char *what, const char *more)
{
    char line[QC_MESSAGE_SIZE];
    if (!job->conversion->note)
        return;
    snprintf(line, sizeof line, "%s%.300s", what, more);
    make_printable(line);
    job->conversion->note(job->conversion->context, line);
}

/* ------------------------------------------------------------------------------------- files */

static bool open_source(struct job *job, struct source *source, const char *path)
{
    if (!path)
        return true;
    source->file = source_file(path, job->message);
    source->is_open =
        source->file && checkpoint_open(&source->checkpoint, source->file, job->message);
    if (!source->is_open)
        return false;
    if (source_contains(&source->checkpoint, job->conversion->model_path))
        return problem(job->message, "%.200s: the output would overwrite the checkpoint",
                       origin_of(job->conversion->model_path));
    source->naming = find_naming(&source->checkpoint);
    return hash_checkpoint(&source->checkpoint, source->hash, job->message);
}

/* What is told beside a file that has towers. */
static bool read_config(struct job *job, struct source *source)
{
    return !source->is_open || published_config_read(&source->config, source->file,
                                                     source->naming->config, job->message);
}

static void close_source(struct source *source)
{
    if (source->is_open)
        checkpoint_close(&source->checkpoint);
    published_config_free(&source->config);
    free(source->file);
    memset(source, 0, sizeof *source);
}

struct source *text_file(struct job *job)
{
    return job->text.is_open ? &job->text : &job->image;
}

struct checkpoint *text_source(struct job *job)
{
    return &text_file(job)->checkpoint;
}

struct checkpoint *context_source(struct job *job)
{
    return job->context.is_open ? &job->context.checkpoint : &job->image.checkpoint;
}

void sources_close(struct job *job)
{
    context_free(&job->learned);
    vocabulary_free(&job->vocabulary);
    plan_free(&job->plan);
    plan_free(&job->text_plan);
    plan_free(&job->low_level_plan);
    close_source(&job->image);
    close_source(&job->text);
    close_source(&job->context);
    close_source(&job->low_level);
}

/* ----------------------------------------------------------------------------------- prompts */

static bool plan_stored_prompts(struct job *job)
{
    struct plan *plan = &job->plan;
    uint64_t shape[2];
    if (!plan_shape(plan, STORED_PROMPTS, 2, shape))
        return false;
    plan_check_range(plan, "the number of prompts (prompts_features)", shape[0], 2,
                     2 * QC_PAIRS_MAX);
    plan_check_range(plan, "the number of prompts modulo 2", shape[0] % 2, 0, 0);
    plan_table(plan, "qualiclip.prompts", STORED_PROMPTS, shape[0],
               job->result->tower.feature_size);
    if (plan->failed)
        return false;
    job->scoring.text_count = (size_t)shape[0];
    job->scoring.output_count = (size_t)shape[0] / 2;
    return true;
}

/* -------------------------------------------------------------------------------- low level */

static bool plan_low_level(struct job *job)
{
    const bool wanted = strcmp(job->scoring.name, job->scoring.profile->name) == 0 &&
                        job->scoring.profile->low_level;
    if (wanted && !job->low_level.is_open)
        return problem(job->message,
                       "the profile %s needs a second checkpoint and pristine photos: "
                       "--low-level=FILE --pristine=DIRECTORY",
                       job->scoring.name);
    if (!wanted && job->low_level.is_open)
        return problem(job->message,
                       "%.200s: the profile %.60s has no use for a low-level part, which is of the "
                       "profile grepq (--profile=grepq)",
                       job->low_level.checkpoint.origin, job->scoring.name);
    return !wanted || plan_resnet18(&job->low_level_plan, &job->low_level_part);
}

/* ------------------------------------------------------------------------------------- notes */

static void note_plan(const struct job *job, const struct plan *plan)
{
    const struct conversion *conversion = job->conversion;
    for (size_t i = 0; conversion->note && i < plan->count; i++) {
        const struct plan_item *item = &plan->items[i];
        char line[QC_MESSAGE_SIZE];
        int used = snprintf(line, sizeof line, "%s <- %.100s (%s", item->name, item->view.name,
                            element_name(item->view.tensor->type));
        for (unsigned d = 0; d < item->view.dimensions; d++)
            used += snprintf(line + used, sizeof line - (size_t)used, "%s%" PRIu64, d ? " x " : " ",
                             item->view.shape[d]);
        snprintf(line + used, sizeof line - (size_t)used, ")%s",
                 item->kind == PLAN_COPY ? "" : ", BatchNorm folded");
        make_printable(line);
        conversion->note(conversion->context, line);
    }
}

static void note_source(const struct job *job, const struct source *source)
{
    const struct conversion *conversion = job->conversion;
    if (!source->is_open || !conversion->note)
        return;
    note_names(&source->checkpoint, conversion->note, conversion->context);
    job_note(job, "names: ", source->naming->title);
}

/* Said when it is so. */
static void note_config(const struct job *job, const struct source *source)
{
    if (source->config.path)
        job_note(job, "agrees with ", source->config.path);
    if (source == &job->image && source->config.pixels_path)
        job_note(job, "mean and deviation of pixels: ", source->config.pixels_path);
}

static void note_text(const struct job *job)
{
    const struct conversion *conversion = job->conversion;
    if (!conversion->note || !job->text_plan.count)
        return;
    conversion->note(conversion->context,
                     job->result->keeps_text
                         ? "the text tower is kept (without it: --no-text)"
                         : "the text tower encodes the prompts and is dropped (else: --keep-text)");
}

/* ------------------------------------------------------------------------------------- whole */

static bool open_sources(struct job *job)
{
    const struct conversion *conversion = job->conversion;
    if (!open_source(job, &job->image, conversion->checkpoint_path) ||
        !open_source(job, &job->text, conversion->text_path) ||
        !open_source(job, &job->context, conversion->context_path) ||
        !open_source(job, &job->low_level, conversion->low_level_path) ||
        !read_config(job, &job->image) || !read_config(job, &job->text))
        return false;
    note_source(job, &job->image);
    note_source(job, &job->text);
    note_source(job, &job->context);
    note_source(job, &job->low_level);
    job->plan.checkpoint = &job->image.checkpoint;
    job->plan.naming = job->image.naming;
    job->plan.config = &job->image.config;
    job->text_plan.checkpoint = text_source(job);
    job->text_plan.naming = text_file(job)->naming;
    job->text_plan.config = &text_file(job)->config;
    job->low_level_plan.checkpoint = &job->low_level.checkpoint;
    job->low_level_plan.naming = job->low_level.naming;
    job->plan.message = job->text_plan.message = job->low_level_plan.message = job->message;
    return true;
}

bool sources_plan(struct job *job)
{
    struct scoring *scoring = &job->scoring;
    if (!open_sources(job) || !plan_tower(&job->plan, &job->result->tower) ||
        !settle_scoring(scoring, job->conversion,
                        checkpoint_find(&job->image.checkpoint, STORED_PROMPTS) != NULL,
                        job->result->tower.grid != 0, job->message) ||
        !plan_low_level(job) || !plan_text_side(job) ||
        (scoring->origin == PROMPTS_STORED && !plan_stored_prompts(job)) ||
        !settle_logit_scale(job, &job->logit_scale))
        return false;
    note_plan(job, &job->plan);
    note_plan(job, &job->text_plan);
    note_plan(job, &job->low_level_plan);
    note_text(job);
    note_config(job, &job->image);
    note_config(job, &job->text);
    return check_leftovers(job) && check_totals(job) &&
           plan_knows_heads(&job->plan, &job->result->tower);
}
