/*
 * convolution.h - a convolution of a tower by oneDNN, forth and back, on some images at a time.
 *
 * Each thread of a crew calls it for its own images; oneDNN itself is held to one thread, so that
 * none of its threads waits awake where others have work.  Tensors are in blocks of channels
 * (planes.h); channels that do not fill a block are padded, and padded channels are 0.
 */
#ifndef QUALICLIP_TRAIN_CONVOLUTION_H
#define QUALICLIP_TRAIN_CONVOLUTION_H

#include <dnnl.h>
#include <stdbool.h>

#include "tower.h"

enum convolution_pass { FORWARD, BACK_TO_INPUT, BACK_TO_WEIGHTS, PASSES };

struct convolution_shape {
    size_t inputs, outputs; /* channels, not padded */
    size_t side;            /* of the kernel: 1, or 3 with padding */
    size_t stride;
    size_t block;         /* channels of a block of input and output: 8 or the engine's */
    size_t height, width; /* of the input */
    bool from_pixels;     /* the input is planes of three colours; no gradient of it is wanted */
};

/* What all convolutions of a tower share. */
struct convolution_engine {
    dnnl_engine_t engine;
    dnnl_primitive_attr_t attributes;
    dnnl_stream_t *streams; /* of each member of the crew */
    size_t members;
    size_t block; /* channels of a block: what this CPU's kernels want */
    /* Bytes that each member needs in a call and for one convolution's weights: they grow. */
    size_t scratch_size, weights_size;
    struct convolution_scratch {
        void *scratch;
        float *plain, *latest; /* weights padded; the gradient of one call */
    } * scratch;               /* of each member */
};

/* False with the reason in `message` (QC_MESSAGE_SIZE bytes). */
bool convolution_engine_create(struct convolution_engine *engine, size_t members, char *message);
/* After the last convolution was created, before the first is used.  False: no memory. */
bool convolution_engine_ready(struct convolution_engine *engine);
void convolution_engine_destroy(struct convolution_engine *engine);

struct convolution;

/*
 * For calls of each number of images in `sizes`, the largest first.  `weight`: 's values are read
 * by convolution_pack(), its gradient written by convolution_unpack().  NULL as above.
 */
struct convolution *convolution_create(struct convolution_engine *engine,
                                       const struct convolution_shape *shape, const size_t *sizes,
                                       size_t size_count, struct tower_parameter *weight,
                                       char *message);
void convolution_destroy(struct convolution *convolution);

/* Takes over the weights: for forward(), and if `back` for back_to_input().  By any one member. */
void convolution_pack(struct convolution *convolution, bool back, size_t member);

void convolution_forward(struct convolution *convolution, size_t member, size_t images,
                         const float *in, float *out);
void convolution_back_to_input(struct convolution *convolution, size_t member, size_t images,
                               const float *out_gradient, float *in_gradient);

/* Adds to the member's gradient; the first call after convolution_unpack() writes it. */
void convolution_back_to_weights(struct convolution *convolution, size_t member, size_t images,
                                 const float *in, const float *out_gradient);

/* Writes the sum of all members' gradients to the parameter.  By any one member. */
void convolution_unpack(struct convolution *convolution, size_t member);

#endif
