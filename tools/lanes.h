/*
 * lanes.h - how the threads are shared out: where there are images enough, each thread has a
 * workspace of its own, a lane, and images pass through them side by side; else all threads work
 * on one image after the other.
 *
 * For a small model a lane for each thread is faster than cutting each layer of an image into
 * pieces, and the files are decoded in it too.  No bit of a result depends on it.
 */
#ifndef QUALICLIP_LANES_H
#define QUALICLIP_LANES_H

#include "workspace.h"

struct lanes {
    struct workspace whole; /* all threads; has encoded the prompts */
    struct workspace *lane; /* one thread each; NULL: `whole` is the only lane */
    size_t count;           /* at least 1 */
    uint32_t batch;         /* images that a lane is best handed at once */
    struct turns *turns;    /* who may run now: the lanes, or `whole` alone */
};

/*
 * As workspace_open().  `images`: how many there will be; `side_by_side`: whether they may be
 * read in any order.  False with lanes->whole.message if it failed.
 */
bool lanes_open(struct lanes *lanes, const qc_model *model, const qc_scorer_options *options,
                uint32_t threads, uint32_t batch, size_t images, bool side_by_side);
void lanes_close(struct lanes *lanes);

/*
 * Scores any number of images in a lane; one lane is for one thread at a time.  All lanes together
 * take no more memory than one workspace may: an image too large for a lane's share waits until
 * the others rest, and then has all threads and all of the memory.
 */
void lanes_score(struct lanes *lanes, size_t lane, const qc_image *images, size_t count,
                 qc_result *results);

/* The same for one picture, opened or decoded. */
void lanes_score_picture(struct lanes *lanes, size_t lane, qc_picture *picture, qc_result *result);

/* The picture's feature; where that fails the reason is in `message` (QC_MESSAGE_SIZE bytes). */
bool lanes_embed(struct lanes *lanes, size_t lane, qc_picture *picture, float *feature,
                 char *message);

#endif
