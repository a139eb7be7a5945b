/*
 * resnet_backward.c - gradients of features to gradients of parameters, a step between the sums of
 * one BatchNorm's way back and the next's at a time.
 */
#include "resnet.h"

/* The way back through a convolution, up to the sums of what is before it. */
struct step {
    void (*take)(const struct step *step, const struct chunk *chunk, size_t member);
    struct resnet *resnet;
    struct layer *layer, *before; /* `before` NULL: pixels */
    const float *change;          /* behind the layer's ReLU, or its block's */
    float *change_before;
    struct residual_block *block, *block_before; /* `block_before` NULL: the stem */
};

/* Takes a step, a chunk of the images at a time. */
static void step_task(void *context, size_t member, size_t members)
{
    const struct step *step = context;
    (void)members;
    for (size_t i = 0; i < resnet_chunks(step->resnet, step->layer, member); i++) {
        const struct chunk chunk = resnet_chunk(step->resnet, step->layer, member, i);
        step->take(step, &chunk, member);
    }
}

/* ----------------------------------------------------------------------------- within the paths */

/* Behind a convolution's input, which activate() wrote: its gradient, and the sums of it. */
static void step_before(const struct step *step, const struct chunk *chunk, size_t member,
                        const float *out_gradient)
{
    struct resnet *resnet = step->resnet;
    struct layer *layer = step->layer, *before = step->before;
    const struct planes planes = planes_of_chunk(before, chunk);
    const float *z = at_image(before->z, before->size, chunk);
    float *activation = resnet->scratch[member].second;
    float *change = at_image(step->change_before, before->activation_size, chunk);
    activate(&planes, &before->norm.factors, z, before->pools, activation);
    convolution_back_to_weights(layer->convolution, member, chunk->images, activation,
                                out_gradient);
    convolution_back_to_input(layer->convolution, member, chunk->images, out_gradient, change);
    activation_sums(&planes, &before->norm.factors, z, change, before->pools,
                    &before->norm.sums[member]);
}

/* A convolution with a ReLU behind it. */
static void inner_step(const struct step *step, const struct chunk *chunk, size_t member)
{
    struct resnet *resnet = step->resnet;
    struct layer *layer = step->layer;
    const struct planes planes = planes_of_chunk(layer, chunk);
    float *gradient = resnet->scratch[member].first;
    activation_back(&planes, &layer->norm.factors, at_image(layer->z, layer->size, chunk),
                    step->change + chunk->first * layer->activation_size, layer->pools, gradient);
    if (step->before)
        step_before(step, chunk, member, gradient);
    else
        convolution_back_to_weights(layer->convolution, member, chunk->images,
                                    resnet->pixels + chunk->first * layer->in_size, gradient);
}

/* ------------------------------------------------------------------------------- at the junctions
 */

/* The gradient of a block's output: where it was positive, and the sums of both paths. */
static void end_block(struct residual_block *block, const struct chunk *chunk, size_t member,
                      const struct changes *changes, const float *joined, float *joined_change)
{
    struct layer *main = &block->conv3, *shortcut = &block->shortcut;
    const struct planes planes = planes_of_chunk(main, chunk);
    join_back(&planes, changes, joined, joined_change);
    junction_sums(&planes, &main->norm.factors, at_image(main->z, main->size, chunk), joined_change,
                  &main->norm.sums[member]);
    if (block->has_shortcut)
        junction_sums(&planes, &shortcut->norm.factors,
                      at_image(shortcut->z, shortcut->size, chunk), joined_change,
                      &shortcut->norm.sums[member]);
}

/* Through the pooling, to the last block's end. */
static void begin_task(void *context, size_t member, size_t members)
{
    const struct step *step = context;
    struct resnet *resnet = step->resnet;
    const size_t batch = resnet->tower.batch;
    const struct layer *layer = &step->block->conv3;
    resnet_pool_back(&resnet->pool, crew_share(batch, member, members),
                     crew_share(batch, member + 1, members), resnet->feature_gradients,
                     resnet->change[0]);
    for (size_t i = 0; i < resnet_chunks(resnet, layer, member); i++) {
        const struct chunk chunk = resnet_chunk(resnet, layer, member, i);
        const struct changes changes = {at_image(resnet->change[0], layer->size, &chunk), NULL,
                                        false};
        end_block(step->block, &chunk, member, &changes,
                  at_image(resnet->joined, layer->size, &chunk),
                  at_image(step->change_before, layer->size, &chunk));
    }
}

static void shortcut_back(const struct step *step, const struct chunk *chunk, size_t member)
{
    struct resnet *resnet = step->resnet;
    struct residual_block *block = step->block;
    struct layer *layer = &block->shortcut;
    const struct planes planes = planes_of_chunk(layer, chunk);
    float *gradient = resnet->scratch[member].first;
    normalise_back(&planes, &layer->norm.factors, at_image(layer->z, layer->size, chunk),
                   step->change + chunk->first * layer->size, gradient);
    const float *in = at_image(block->in, block->conv1.in_size, chunk);
    if (block->halves) {
        float *averaged = resnet->scratch[member].second;
        const struct planes whole = inputs_of_chunk(block, chunk);
        average(&whole, in, averaged);
        in = averaged;
    }
    convolution_back_to_weights(layer->convolution, member, chunk->images, in, gradient);
    convolution_back_to_input(layer->convolution, member, chunk->images, gradient,
                              at_image(resnet->shortcut_change, layer->in_size, chunk));
}

/* The last convolution of a block and its shortcut. */
static void end_paths_step(const struct step *step, const struct chunk *chunk, size_t member)
{
    struct layer *layer = step->layer;
    const struct planes planes = planes_of_chunk(layer, chunk);
    float *gradient = step->resnet->scratch[member].first;
    normalise_back(&planes, &layer->norm.factors, at_image(layer->z, layer->size, chunk),
                   step->change + chunk->first * layer->size, gradient);
    step_before(step, chunk, member, gradient);
    if (step->block->has_shortcut)
        shortcut_back(step, chunk, member);
}

/* The gradient of the first block's input, in the blocks of channels that the stem has. */
static void end_stem(struct resnet *resnet, const struct chunk *chunk, size_t member,
                     const struct changes *changes, float *change_before)
{
    struct layer *layer = &resnet->stem[STEM_SIZE - 1];
    const struct planes planes = planes_of_chunk(layer, chunk);
    const struct planes half = inputs_of_chunk(&resnet->blocks[0], chunk);
    float *change = at_image(change_before, layer->activation_size, chunk);
    if (planes.block == half.block) {
        join_back(&half, changes, NULL, change);
    } else {
        float *sum = resnet->scratch[member].first;
        join_back(&half, changes, NULL, sum);
        reblock(&half, sum, &planes, change);
    }
    activation_sums(&planes, &layer->norm.factors, at_image(layer->z, layer->size, chunk), change,
                    true, &layer->norm.sums[member]);
}

/* The first convolution of a block, and the end of what is before the block. */
static void begin_paths_step(const struct step *step, const struct chunk *chunk, size_t member)
{
    struct resnet *resnet = step->resnet;
    struct residual_block *block = step->block;
    struct layer *layer = step->layer;
    float *gradient = resnet->scratch[member].first, *main = resnet->scratch[member].third;
    const struct planes planes = planes_of_chunk(layer, chunk);
    const float *in = at_image(block->in, layer->in_size, chunk);
    activation_back(&planes, &layer->norm.factors, at_image(layer->z, layer->size, chunk),
                    step->change + chunk->first * layer->activation_size, false, gradient);
    convolution_back_to_weights(layer->convolution, member, chunk->images, in, gradient);
    convolution_back_to_input(layer->convolution, member, chunk->images, gradient, main);
    const float *second = block->has_shortcut ? resnet->shortcut_change : resnet->joined_change[0];
    const size_t second_size = block->has_shortcut ? block->shortcut.in_size : layer->in_size;
    const struct changes changes = {main, second + chunk->first * second_size, block->halves};
    if (step->block_before)
        end_block(step->block_before, chunk, member, &changes, in,
                  at_image(step->change_before, layer->in_size, chunk));
    else
        end_stem(resnet, chunk, member, &changes, step->change_before);
}

/* ----------------------------------------------------------------------------------- the whole */

static void end_task(void *context, size_t member, size_t members)
{
    struct resnet *resnet = context;
    resnet_pool_back_to_weights(&resnet->pool, member, members, resnet->feature_gradients);
    for (size_t i = member; i < resnet->layer_count; i += members)
        convolution_unpack(resnet->layers[i]->convolution, member);
}

static void settle_end(const struct resnet *resnet, struct residual_block *block)
{
    batch_norm_settle_back(&block->conv3.norm, resnet->tower.peers);
    if (block->has_shortcut)
        batch_norm_settle_back(&block->shortcut.norm, resnet->tower.peers);
}

static void swap(float **pair)
{
    float *first = pair[0];
    pair[0] = pair[1];
    pair[1] = first;
}

/* From the gradient behind a layer, in change[0], to that behind the one before it. */
static void run_inner(struct resnet *resnet, struct layer *layer, struct layer *before)
{
    struct step step = {.take = inner_step,
                        .resnet = resnet,
                        .layer = layer,
                        .before = before,
                        .change = resnet->change[0],
                        .change_before = resnet->change[1]};
    resnet_run(resnet, step_task, &step);
    swap(resnet->change);
    if (before)
        batch_norm_settle_back(&before->norm, resnet->tower.peers);
}

/* From the gradient at a block's end, in joined_change[0], to what is before the block. */
static void run_block(struct resnet *resnet, size_t index)
{
    struct residual_block *block = &resnet->blocks[index], *before = index ? block - 1 : NULL;
    struct step step = {.take = end_paths_step,
                        .resnet = resnet,
                        .layer = &block->conv3,
                        .before = &block->conv2,
                        .change = resnet->joined_change[0],
                        .change_before = resnet->change[0],
                        .block = block};
    resnet_run(resnet, step_task, &step);
    batch_norm_settle_back(&block->conv2.norm, resnet->tower.peers);
    run_inner(resnet, &block->conv2, &block->conv1);
    step = (struct step){.take = begin_paths_step,
                         .resnet = resnet,
                         .layer = &block->conv1,
                         .change = resnet->change[0],
                         .change_before = before ? resnet->joined_change[1] : resnet->change[1],
                         .block = block,
                         .block_before = before};
    resnet_run(resnet, step_task, &step);
    if (before) {
        swap(resnet->joined_change);
        settle_end(resnet, before);
    } else {
        swap(resnet->change);
        batch_norm_settle_back(&resnet->stem[STEM_SIZE - 1].norm, resnet->tower.peers);
    }
}

void resnet_tower_backward(struct tower *tower, const float *feature_gradients)
{
    struct resnet *resnet = (struct resnet *)tower;
    struct residual_block *last = &resnet->blocks[resnet->block_count - 1];
    resnet->feature_gradients = feature_gradients;
    struct step step = {.resnet = resnet, .block = last, .change_before = resnet->joined_change[0]};
    resnet_run(resnet, begin_task, &step);
    settle_end(resnet, last);
    for (size_t i = resnet->block_count; i-- > 0;)
        run_block(resnet, i);
    for (size_t i = STEM_SIZE; i-- > 0;)
        run_inner(resnet, &resnet->stem[i], i ? &resnet->stem[i - 1] : NULL);
    resnet_run(resnet, end_task, resnet);
}
