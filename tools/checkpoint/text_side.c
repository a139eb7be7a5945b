/*
 * text_side.c - the text tower is taken where prompts have to be encoded, and where the model keeps
 * it; where neither is so, nothing of it is looked at.
 */
#include "text_side.h"

#include <stdio.h>
#include <string.h>

#include "activation.h"
#include "problem.h"
#include "source.h"

enum { CLIP_TOKENS = 49408 }; /* the profiles' token ids are of CLIP's vocabulary */

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
    job_note(job, "vocabulary: vocab.json and merges.txt of ", directory);
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
    job_note(job, what, answer.reason);
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

/* ------------------------------------------------------------------------- learned contexts */

bool job_is_learned(const struct job *job)
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
    if (job_is_learned(job))
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

/* ------------------------------------------------------------------------------------- whole */

bool plan_text_side(struct job *job)
{
    return plan_text(job) && settle_activations(job) && read_learned_contexts(job);
}
