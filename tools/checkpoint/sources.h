/*
 * sources.h - what a conversion takes from which file: the plans of all tensors, and the few
 * numbers that are read at once.
 */
#ifndef QUALICLIP_SOURCES_H
#define QUALICLIP_SOURCES_H

#include "job.h"

/*
 * Opens the files, settles the recipe, plans the towers and the stored prompts, and sees that
 * nothing in a file was misunderstood.  False: job->message says why; sources_close() all the same.
 */
bool sources_plan(struct job *job);
void sources_close(struct job *job);

#endif
