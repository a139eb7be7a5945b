/*
 * plan_checks.c - looks at all files and plans of a conversion, once they are complete.
 */
#include "plan_checks.h"

#include <inttypes.h>

#include "leftovers.h"
#include "problem.h"
#include "text_side.h"

static const char learner_prefix[] = "prompt_learner.";

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

bool check_leftovers(struct job *job)
{
    leave(job, &job->image.checkpoint, STORED_PROMPTS, "other prompts are used");
    leave(job, &job->image.checkpoint, learner_prefix,
          job_is_learned(job) ? "not a context" : "other prompts are used");
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
                                         "logit_scale", STORED_PROMPTS,  learner_prefix};
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

bool check_totals(struct job *job)
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
