/*
 * workspace.h - a scorer that grows with the images: made for the largest seen so far, made anew
 * when one is larger, never smaller.
 */
#ifndef QUALICLIP_WORKSPACE_H
#define QUALICLIP_WORKSPACE_H

#include <stdbool.h>
#include <stddef.h>

#include "qualiclip.h"

struct workspace {
    const qc_model *model;
    uint32_t minimum_size;     /* the model's */
    qc_scorer_options options; /* all but sizes and batch as asked for */
    uint32_t batch;            /* how many images are best handed in at once */
    bool automatic_batch;      /* fewer are scored at once where memory is short */
    uint64_t share;            /* bytes that a scorer takes at most for more than one image */
    qc_scorer *prompts;        /* has encoded the prompts, once; holds nothing else of size */
    bool borrows_prompts;      /* `prompts` is another workspace's */
    qc_scorer *scorer;         /* for options.max_width x max_height, max_batch; or NULL */
    char message[QC_MESSAGE_SIZE];
};

/*
 * Checks that the model and the options agree; false with workspace->message if not.  options:
 * from qc_scorer_options_init(), sizes and messages not set.  threads 0: all processors, or as
 * many as the build can use.  batch 0: some, fewer of large images.
 * images: how many there will be at most, so that one image needs no room for more.
 */
bool workspace_open(struct workspace *workspace, const qc_model *model,
                    const qc_scorer_options *options, uint32_t threads, uint32_t batch,
                    size_t images);

/*
 * One of `lanes` workspaces of one thread each, which share out the memory that `whole` may take
 * and the prompts that it has encoded; to be closed before it.  An image that needs more than the
 * share is QC_ERROR_MEMORY.
 */
void workspace_open_lane(struct workspace *workspace, const struct workspace *whole, size_t lanes,
                         uint32_t batch);
void workspace_close(struct workspace *workspace);

/* Scores any number of images; each result has its own status and message. */
void workspace_score(struct workspace *workspace, const qc_image *images, size_t count,
                     qc_result *results);

/* Scores one picture, opened or decoded. */
void workspace_score_picture(struct workspace *workspace, qc_picture *picture, qc_result *result);

/* With workspace->message if the picture could not be embedded. */
qc_status workspace_embed(struct workspace *workspace, qc_picture *picture, float *feature);

#endif
