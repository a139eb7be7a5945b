/*
 * plan_checks.h - whether a conversion's plans leave nothing over that may have been misunderstood,
 * and claim no more than the files can hold.
 */
#ifndef QUALICLIP_PLAN_CHECKS_H
#define QUALICLIP_PLAN_CHECKS_H

#include "job.h"

/* False: job->message names what is not known. */
bool check_leftovers(struct job *job);

/* Counts the model's numbers and tensors into job->result. */
bool check_totals(struct job *job);

#endif
