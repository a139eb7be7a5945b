/*
 * sources.c - names and shapes, and whether they are what the recipe needs.
 */
#include "sources.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "leftovers.h"
#include "problem.h"
#include "wrapping.h"

static const char prompts_name[] = "prompts_features";
static const char learner_prefix[] = "prompt_learner.";

enum { CLIP_TOKENS = 49408 }; /* the profiles' token ids are of CLIP's vocabulary */

/* ------------------------------------------------------------------------------------- files */

static bool open_source(struct source *source, const char *path, char *message)
{
    if (!path)
        return true;
    source->is_open = checkpoint_open(&source->checkpoint, path, message);
    return source->is_open && hash_file(path, source->hash, message);
}

static void close_source(struct source *source)
{
    if (source->is_open)
        checkpoint_close(&source->checkpoint);
    source->is_open = false;
}

struct checkpoint *text_source(struct job *job)
{
    return job->text.is_open ? &job->text.checkpoint : &job->image.checkpoint;
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
    close_source(&job->image);
    close_source(&job->text);
    close_source(&job->context);
}

/* ------------------------------------------------------------------------------- logit scale */

/* The checkpoint holds the logarithm, as CLIP learns it. */
static bool read_logarithm(struct job *job, struct checkpoint *checkpoint, double *logarithm)
{
    struct checkpoint_entry *entry = checkpoint_find(checkpoint, "logit_scale");
    if (entry->value->kind == VALUE_FLOAT) {
        entry->used = true;
        *logarithm = entry->value->number;
    } else {
        struct view view;
        const bool is_vector =
            entry->value->kind == VALUE_TENSOR && entry->value->tensor->dimensions == 1;
        const uint64_t one = 1;
        if (!checkpoint_view(checkpoint, "logit_scale", is_vector, &view, job->message) ||
            (is_vector && !check_shape(checkpoint, &view, &one, job->message)) ||
            !checkpoint_load(checkpoint, &view, job->message))
            return false;
        checkpoint_read(checkpoint, &view, 0, 1, logarithm);
    }
    return fabs(*logarithm) <= 50 || /* beyond it, far outside, and still finite in f32 */
           problem(job->message, "%.200s: logit_scale is %g, expected a logarithm such as 4.6",
                   checkpoint->origin, *logarithm);
}

/* The profile's where it has one, else the checkpoint's, else that of all released models. */
static bool settle_logit_scale(struct job *job)
{
    struct checkpoint *checkpoint = &job->image.checkpoint;
    if (!checkpoint_find(checkpoint, "logit_scale"))
        checkpoint = text_source(job);
    job->logit_scale = 100;
    if (checkpoint_find(checkpoint, "logit_scale")) {
        double logarithm;
        if (!read_logarithm(job, checkpoint, &logarithm))
            return false;
        job->logit_scale = exp(logarithm);
    }
    if (job->scoring.profile->logit_scale > 0)
        job->logit_scale = (double)job->scoring.profile->logit_scale;
    return true;
}

/* ----------------------------------------------------------------------------------- prompts */

static bool plan_stored_prompts(struct job *job)
{
    struct plan *plan = &job->plan;
    uint64_t shape[2];
    if (!plan_shape(plan, prompts_name, 2, shape))
        return false;
    plan_check_range(plan, "the number of prompts (prompts_features)", shape[0], 2,
                     2 * QC_PAIRS_MAX);
    plan_check_range(plan, "the number of prompts modulo 2", shape[0] % 2, 0, 0);
    plan_table(plan, "qualiclip.prompts", prompts_name, shape[0], job->result->tower.feature_size);
    if (plan->failed)
        return false;
    job->scoring.text_count = (size_t)shape[0];
    job->scoring.output_count = (size_t)shape[0] / 2;
    return true;
}

static bool is_learned(const struct job *job)
{
    return job->scoring.origin == PROMPTS_ENCODED &&
           prompts_are_learned(job->scoring.profile->prompts);
}

static const struct view *token_embedding(const struct job *job)
{
    size_t i = 0;
    while (strcmp(job->text_plan.items[i].name, "t.token_embd.weight") != 0)
        i++; /* a text tower has one */
    return &job->text_plan.items[i].view;
}

static bool read_learned_contexts(struct job *job)
{
    const struct conversion *conversion = job->conversion;
    if (is_learned(job))
        return context_read(&job->learned, context_source(job), job->scoring.profile->prompts,
                            text_source(job), token_embedding(job), job->message);
    if (conversion->context_path)
        return problem(job->message,
                       "the prompts of profile %s have no learned contexts: --context is for the "
                       "profiles clip-iqa+ and qualiclip+",
                       job->scoring.name);
    if (!conversion->profile && job->scoring.origin == PROMPTS_NONE &&
        has_context(&job->image.checkpoint))
        return problem(job->message,
                       "%.200s: has learned contexts: say whose they are with --profile=clip-iqa+ "
                       "or --profile=qualiclip+",
                       job->image.checkpoint.origin);
    return true;
}

/* -------------------------------------------------------------------------------- text tower */

static bool explain_no_text_tower(struct job *job)
{
    const char *origin = text_source(job)->origin;
    if (job_encodes(job))
        return problem(job->message,
                       "%.200s: has no text tower (transformer.*) to encode the prompts of profile "
                       "%.60s with: name a checkpoint that has it with --text=CHECKPOINT",
                       origin, job->scoring.name);
    return problem(job->message, "%.200s: has no text tower (transformer.*): there is %s", origin,
                   job->conversion->vocabulary ? "no use for a vocabulary" : "none to keep");
}

static bool keeps_text(struct job *job)
{
    const struct conversion *conversion = job->conversion;
    if (conversion->text == TEXT_IF_USEFUL)
        return conversion->vocabulary ||
               (job->scoring.origin == PROMPTS_NONE && has_text_tower(text_source(job)));
    return conversion->text == TEXT_KEPT;
}

/* Whoever did not ask for the text tower can do without. */
static bool explain_damaged_text_tower(struct job *job)
{
    const size_t used = strlen(job->message);
    if (job->conversion->text == TEXT_IF_USEFUL && job->scoring.origin == PROMPTS_NONE)
        snprintf(job->message + used, QC_MESSAGE_SIZE - used,
                 " (the text tower can be left out with --no-text)");
    return false;
}

static bool plan_text(struct job *job)
{
    const struct conversion *conversion = job->conversion;
    job->result->keeps_text = keeps_text(job);
    if (job->scoring.origin == PROMPTS_OWN && !conversion->vocabulary)
        return problem(job->message, "prompts can only be encoded with a vocabulary");
    if (!job->result->keeps_text && !job_encodes(job))
        return !conversion->text_path ||
               problem(job->message,
                       "%.200s: there is no use for a text tower: nothing has to be encoded, and "
                       "the model does not keep it (--keep-text)",
                       origin_of(conversion->text_path));
    if (!has_text_tower(text_source(job)))
        return explain_no_text_tower(job);
    if (!plan_text_tower(&job->text_plan, &job->text_sizes, job->result->tower.feature_size))
        return explain_damaged_text_tower(job);
    if (job->scoring.origin == PROMPTS_ENCODED)
        plan_check_range(&job->text_plan, "the number of tokens of CLIP's vocabulary",
                         job->text_sizes.token_count, CLIP_TOKENS, UINT32_MAX);
    return !job->text_plan.failed &&
           (!conversion->vocabulary || vocabulary_read(&job->vocabulary, conversion->vocabulary,
                                                       job->text_sizes.token_count, job->message));
}

/* --------------------------------------------------------------------------------- leftovers */

static bool pass_over(struct job *job, const struct checkpoint *checkpoint)
{
    const struct conversion *conversion = job->conversion;
    return pass_over_leftovers(checkpoint, conversion->allow_unknown, conversion->note,
                               conversion->context, job->message);
}

static void leave(struct job *job, struct checkpoint *checkpoint, const char *prefix,
                  const char *why)
{
    set_aside(checkpoint, prefix, why, job->conversion->note, job->conversion->context);
}

static bool check_leftovers(struct job *job)
{
    leave(job, &job->image.checkpoint, prompts_name, "other prompts are used");
    leave(job, &job->image.checkpoint, learner_prefix,
          is_learned(job) ? "not a context" : "other prompts are used");
    if (job->context.is_open)
        leave(job, &job->context.checkpoint, "", "not a context");
    if (!pass_over(job, &job->image.checkpoint))
        return false;
    if (!job->text.is_open)
        return true;
    static const char *const others[] = {"visual.", "logit_scale", prompts_name, learner_prefix};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        leave(job, &job->text.checkpoint, others[i], "not the text tower");
    return pass_over(job, &job->text.checkpoint);
}

/* A tensor can repeat a few numbers endlessly; a model of that kind is an attack on the disk. */
static bool check_total(struct job *job, const struct plan *plan, uint64_t *total)
{
    *total = 0;
    for (size_t i = 0; i < plan->count; i++)
        *total += plan_item_count(&plan->items[i]);
    if (*total / 64 > plan->checkpoint->file_size)
        return problem(job->message,
                       "%.200s: has %" PRIu64 " bytes, but its tensors claim %" PRIu64 " numbers",
                       plan->checkpoint->origin, plan->checkpoint->file_size, *total);
    return true;
}

static bool check_totals(struct job *job)
{
    struct conversion_result *result = job->result;
    uint64_t image, text;
    if (!check_total(job, &job->plan, &image) || !check_total(job, &job->text_plan, &text))
        return false;
    result->number_count = image + (result->keeps_text ? text : 0);
    result->tensor_count = job->plan.count + (result->keeps_text ? job->text_plan.count : 0);
    if (job_encodes(job)) {
        result->number_count += (uint64_t)job->scoring.text_count * result->tower.feature_size;
        result->tensor_count++;
    }
    return true;
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
    if (source->is_open && conversion->note)
        note_names(&source->checkpoint, conversion->note, conversion->context);
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
    if (!open_source(&job->image, conversion->checkpoint_path, job->message) ||
        !open_source(&job->text, conversion->text_path, job->message) ||
        !open_source(&job->context, conversion->context_path, job->message))
        return false;
    note_source(job, &job->image);
    note_source(job, &job->text);
    note_source(job, &job->context);
    job->plan.checkpoint = &job->image.checkpoint;
    job->text_plan.checkpoint = text_source(job);
    job->plan.message = job->text_plan.message = job->message;
    return true;
}

bool sources_plan(struct job *job)
{
    struct scoring *scoring = &job->scoring;
    if (!open_sources(job) || !plan_tower(&job->plan, &job->result->tower) ||
        !settle_scoring(scoring, job->conversion,
                        checkpoint_find(&job->image.checkpoint, prompts_name) != NULL,
                        job->result->tower.grid != 0, job->message) ||
        !plan_text(job) || !read_learned_contexts(job) ||
        (scoring->origin == PROMPTS_STORED && !plan_stored_prompts(job)) ||
        !settle_logit_scale(job))
        return false;
    note_plan(job, &job->plan);
    note_plan(job, &job->text_plan);
    note_text(job);
    return check_leftovers(job) && check_totals(job);
}
