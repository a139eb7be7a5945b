/*
 * logit_scale.c - a checkpoint holds the logarithm, as CLIP learns it: a number, or a tensor of
 * one.
 */
#include "logit_scale.h"

#include <math.h>

#include "problem.h"

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

bool settle_logit_scale(struct job *job, double *scale)
{
    struct checkpoint *checkpoint = &job->image.checkpoint;
    if (!checkpoint_find(checkpoint, "logit_scale"))
        checkpoint = text_source(job);
    *scale = 100;
    if (checkpoint_find(checkpoint, "logit_scale")) {
        double logarithm;
        if (!read_logarithm(job, checkpoint, &logarithm))
            return false;
        *scale = exp(logarithm);
        job_note(job, KEY_LOGIT_SCALE " <- logit_scale, its exponential", "");
    }
    if (job->scoring.profile->logit_scale > 0)
        *scale = (double)job->scoring.profile->logit_scale;
    return true;
}
