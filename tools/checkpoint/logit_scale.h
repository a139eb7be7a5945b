/*
 * logit_scale.h - the factor on the cosines.
 */
#ifndef QUALICLIP_LOGIT_SCALE_H
#define QUALICLIP_LOGIT_SCALE_H

#include "job.h"

/* The profile's where it has one, else the checkpoint's or that of the text tower's, else that of
 * all released models: 100.  False: job->message says what is wrong with the checkpoint's. */
bool settle_logit_scale(struct job *job, double *scale);

#endif
