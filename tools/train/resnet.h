/*
 * resnet.h - the ModifiedResNet that learns: what creation, forward and backward share.
 *
 * A batch is cut into shares, one for each member of the crew, and a share into chunks of a few
 * images that pass through a step (between one BatchNorm's statistics and the next's) while they
 * are in the caches.  Kept for the way back are the convolutions' outputs and the blocks' inputs.
 */
#ifndef QUALICLIP_TRAIN_RESNET_H
#define QUALICLIP_TRAIN_RESNET_H

#include "batch_norm.h"
#include "convolution.h"
#include "crew.h"
#include "junction.h"
#include "resnet_pool.h"

#define STAGES    4
#define STEM_SIZE 3

#define RESNET_NAME_SIZE 64 /* of a parameter */

/* A convolution and its BatchNorm. */
struct layer {
    struct convolution *convolution;
    struct batch_norm norm;
    struct planes planes;                  /* of the output; `images` is set where it is used */
    size_t in_size, size, activation_size; /* floats of an image: input, output, behind the ReLU */
    size_t chunk;                          /* images at a time */
    bool pools;                            /* averages over 2x2 follow the ReLU */
    float *z;                              /* the output of all images */
};

struct residual_block {
    struct layer conv1, conv2, conv3, shortcut;
    bool has_shortcut, halves;
    struct planes in_planes;
    float *in; /* of all images */
};

struct member_scratch {
    float *first, *second, *third; /* room for the largest tensor of any chunk */
};

struct resnet {
    struct tower tower;
    struct crew *crew;
    struct convolution_engine engine;
    struct layer stem[STEM_SIZE];
    struct residual_block *blocks;
    size_t block_count;
    struct layer **layers; /* all of the above */
    size_t layer_count;
    float *joined; /* the last block's output, of all images */
    struct resnet_pool pool;
    struct member_scratch *scratch;
    /* Gradients of all images: behind a ReLU, or behind a block's; of a shortcut's input. */
    float *change[2], *joined_change[2], *shortcut_change;
    char *names;
    float *values;
    /* The call in progress. */
    const float *pixels, *feature_gradients;
    float *features;
    bool training;
};

void resnet_tower_forward(struct tower *tower, const float *pixels, float *features, bool training);
void resnet_tower_backward(struct tower *tower, const float *feature_gradients);

/*
 * Layers are added in this order; `height` and `width` are of what comes in, and then of what comes
 * out.  False: no memory, or `message` (QC_MESSAGE_SIZE bytes) says why.
 */
bool resnet_add_stem(struct resnet *resnet, size_t *height, size_t *width, char *message);
bool resnet_add_blocks(struct resnet *resnet, size_t *height, size_t *width, char *message);
bool resnet_add_pool(struct resnet *resnet, size_t height, size_t width);

/* Runs a task on the crew with oneDNN held to a thread in each member. */
void resnet_run(struct resnet *resnet, crew_task *task, void *context);

/* The images of one chunk. */
struct chunk {
    size_t first, images;
};

/* Chunks that a member's share of the batch is cut into, and the one of an index. */
size_t resnet_chunks(const struct resnet *resnet, const struct layer *layer, size_t member);
struct chunk resnet_chunk(const struct resnet *resnet, const struct layer *layer, size_t member,
                          size_t index);

/* Where an image's numbers begin; the planes of a chunk. */
static inline float *at_image(float *tensor, size_t size, const struct chunk *chunk)
{
    return tensor + chunk->first * size;
}

static inline struct planes planes_of_chunk(const struct layer *layer, const struct chunk *chunk)
{
    struct planes planes = layer->planes;
    planes.images = chunk->images;
    return planes;
}

static inline struct planes inputs_of_chunk(const struct residual_block *block,
                                            const struct chunk *chunk)
{
    struct planes planes = block->in_planes;
    planes.images = chunk->images;
    return planes;
}

#endif
