/*
 * folder_scores.h - the scores that a model gives the images of folders, as `qualiclip score` does.
 */
#ifndef QUALICLIP_FOLDER_SCORES_H
#define QUALICLIP_FOLDER_SCORES_H

#include "labels/scores.h"

/*
 * `arguments` are those of `qualiclip score` with its name at first: options, then files and
 * folders.  An image that fails is complained about and its score is NaN.  Returns an exit status;
 * COMMAND_USAGE: the arguments make no sense, and there are no scores.
 */
int folder_scores(struct scores *scores, int count, char **arguments);

#endif
