/*
 * scorer.h - what scoring a picture while it is decoded needs of a scorer beside the public calls.
 */
#ifndef QUALICLIP_SCORER_H
#define QUALICLIP_SCORER_H

#include <stdbool.h>

#include "status.h"
#include "tower.h"

/* Whether the rows of an image of that size are asked for once, in order, and by nothing else. */
bool scorer_takes_rows(const qc_scorer *scorer, uint32_t width, uint32_t height);

/*
 * The image of the calls to come is decoded on its way: nothing of it but its size is looked at
 * before `rows` provide it.  NULL: no longer.
 */
void scorer_set_rows(qc_scorer *scorer, struct row_stream *rows);

/* Floats of a feature. */
size_t scorer_feature_size(const qc_scorer *scorer);

/* Where the explanation of a failure goes. */
struct message scorer_message(qc_scorer *scorer);

#endif
