/*
 * sources.c - names and shapes, and whether they are what the recipe needs.
 */
#include "sources.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activation.h"
#include "leftovers.h"
#include "problem.h"
#include "source.h"
#include "wrapping.h"

static const char prompts_name[] = "prompts_features";
static const char learner_prefix[] = "prompt_learner.";

enum { CLIP_TOKENS = 49408 }; /* the profiles' token ids are of CLIP's vocabulary */

static void take_note(const struct job *job, const char *what, const char *more)
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
        take_note(job, KEY_LOGIT_SCALE " <- logit_scale, its exponential", "");
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
    const char *origin = text_source(job)->origin, *names = text_file(job)->naming->text.all[0];
    if (job_encodes(job))
        return problem(job->message,
                       "%.200s: has no text tower (%s*) to encode the prompts of profile "
                       "%.60s with: name a checkpoint that has it with --text=CHECKPOINT",
                       origin, names, job->scoring.name);
    return problem(job->message, "%.200s: has no text tower (%s*): there is %s", origin, names,
                   job->conversion->vocabulary ? "no use for a vocabulary" : "none to keep");
}

static bool keeps_text(struct job *job)
{
    const struct conversion *conversion = job->conversion;
    if (conversion->text == TEXT_IF_USEFUL)
        return conversion->vocabulary || (job->scoring.origin == PROMPTS_NONE &&
                                          has_text_tower(text_source(job), text_file(job)->naming));
    return conversion->text == TEXT_KEPT;
}

/* The one that is given; else the one that is published with the text tower, where it is of use. */
static const char *find_vocabulary(struct job *job)
{
    const struct conversion *conversion = job->conversion;
    const char *directory =
        conversion->text_path ? conversion->text_path : conversion->checkpoint_path;
    if (conversion->vocabulary)
        return conversion->vocabulary;
    if ((!job->result->keeps_text && job->scoring.origin != PROMPTS_OWN) ||
        !source_has_vocabulary(directory))
        return NULL;
    take_note(job, "vocabulary: vocab.json and merges.txt of ", directory);
    return directory;
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
    const char *vocabulary = find_vocabulary(job);
    if (job->scoring.origin == PROMPTS_OWN && !vocabulary)
        return problem(job->message, "prompts can only be encoded with a vocabulary");
    if (!job->result->keeps_text && !job_encodes(job))
        return !conversion->text_path ||
               problem(job->message,
                       "%.200s: there is no use for a text tower: nothing has to be encoded, and "
                       "the model does not keep it (--keep-text)",
                       origin_of(conversion->text_path));
    if (!has_text_tower(text_source(job), text_file(job)->naming))
        return explain_no_text_tower(job);
    if (!plan_text_tower(&job->text_plan, &job->text_sizes, job->result->tower.feature_size))
        return explain_damaged_text_tower(job);
    if (job->scoring.origin == PROMPTS_ENCODED)
        plan_check_range(&job->text_plan, "the number of tokens of CLIP's vocabulary",
                         job->text_sizes.token_count, CLIP_TOKENS, UINT32_MAX);
    return !job->text_plan.failed &&
           (!vocabulary || vocabulary_read(&job->vocabulary, vocabulary,
                                           job->text_sizes.token_count, job->message));
}

/* -------------------------------------------------------------------------------- activation */

static bool settle_activation(struct job *job, struct source *source, bool is_text, bool *is_gelu)
{
    const struct activation_question question = {.demanded = job->conversion->activation,
                                                 .checkpoint = &source->checkpoint,
                                                 .naming = source->naming,
                                                 .config = &source->config,
                                                 .is_text = is_text};
    struct activation_answer answer;
    char what[64];
    if (!find_activation(&question, &answer, job->message))
        return false;
    *is_gelu = answer.is_gelu;
    snprintf(what, sizeof what, "activation%s: %s, ", is_text ? " of the text tower" : "",
             answer.is_gelu ? "gelu" : "quick_gelu");
    take_note(job, what, answer.reason);
    return true;
}

/* Of the towers that have one: a ResNet has none. */
static bool settle_activations(struct job *job)
{
    const bool has_vit = !job->result->tower.is_resnet, has_text = job->text_plan.count > 0;
    if ((has_vit && !settle_activation(job, &job->image, false, &job->image_gelu)) ||
        (has_text && !settle_activation(job, text_file(job), true, &job->text_gelu)))
        return false;
    if (has_vit && job->result->keeps_text && job->image_gelu != job->text_gelu)
        return problem(job->message,
                       "%.200s: the towers differ in their activations, which a model file cannot "
                       "say: leave the text tower out (--no-text)",
                       origin_of(text_file(job)->config.path ? text_file(job)->config.path
                                                             : text_source(job)->path));
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

/* --------------------------------------------------------------------------------- leftovers */

static bool pass_over(struct job *job, const struct source *source)
{
    const struct conversion *conversion = job->conversion;
    const bool takes_text = job->text_plan.count && source == text_file(job);
    return pass_over_leftovers(&source->checkpoint, source->naming, takes_text,
                               conversion->allow_unknown, conversion->note, conversion->context,
                               job->message);
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
    if (job->low_level.is_open)
        leave(job, &job->low_level.checkpoint, LOW_LEVEL_ASIDE, "the same under another name");
    if (!pass_over(job, &job->image) ||
        (job->low_level.is_open && !pass_over(job, &job->low_level)))
        return false;
    if (!job->text.is_open)
        return true;
    static const char *const others[] = {"visual.",     "vision_model.", "visual_projection.",
                                         "logit_scale", prompts_name,    learner_prefix};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        leave(job, &job->text.checkpoint, others[i], "not the text tower");
    return pass_over(job, &job->text);
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
    uint64_t image, text, low_level;
    if (!check_total(job, &job->plan, &image) || !check_total(job, &job->text_plan, &text) ||
        !check_total(job, &job->low_level_plan, &low_level))
        return false;
    result->number_count = image + (result->keeps_text ? text : 0) + low_level;
    result->tensor_count = job->plan.count + (result->keeps_text ? job->text_plan.count : 0) +
                           job->low_level_plan.count;
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
    if (!source->is_open || !conversion->note)
        return;
    note_names(&source->checkpoint, conversion->note, conversion->context);
    take_note(job, "names: ", source->naming->title);
}

/* Said when it is so. */
static void note_config(const struct job *job, const struct source *source)
{
    if (source->config.path)
        take_note(job, "agrees with ", source->config.path);
    if (source == &job->image && source->config.pixels_path)
        take_note(job, "mean and deviation of pixels: ", source->config.pixels_path);
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
                        checkpoint_find(&job->image.checkpoint, prompts_name) != NULL,
                        job->result->tower.grid != 0, job->message) ||
        !plan_low_level(job) || !plan_text(job) || !settle_activations(job) ||
        !read_learned_contexts(job) ||
        (scoring->origin == PROMPTS_STORED && !plan_stored_prompts(job)) ||
        !settle_logit_scale(job))
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
