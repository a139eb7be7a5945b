/*
 * text_side.h - what a conversion needs of a text tower, and what it finds: the tower's plan, the
 * vocabulary, the activations, learned contexts.
 */
#ifndef QUALICLIP_TEXT_SIDE_H
#define QUALICLIP_TEXT_SIDE_H

#include "job.h"

/*
 * After the image tower is planned and the recipe settled.  False: job->message says what is
 * missing or does not fit.
 */
bool plan_text_side(struct job *job);

/* Whether the prompts stand in learned contexts. */
bool job_is_learned(const struct job *job);

#endif
