/*
 * resnet_forward.c - pixels to features, a step between statistics at a time.
 */
#include "resnet.h"

/* A step: what makes the input of the convolution whose output's moments are wanted next. */
struct step {
    struct resnet *resnet;
    struct layer *before, *layer;         /* `before` NULL: the first, of pixels */
    struct residual_block *ended, *begun; /* at a block's begin: the one before (NULL: the stem) */
};

static void pack_task(void *context, size_t member, size_t members)
{
    struct resnet *resnet = context;
    for (size_t i = member; i < resnet->layer_count; i += members)
        convolution_pack(resnet->layers[i]->convolution, resnet->training, member);
}

static void convolve(struct resnet *resnet, struct layer *layer, size_t member,
                     const struct chunk *chunk, const float *in)
{
    float *z = at_image(layer->z, layer->size, chunk);
    convolution_forward(layer->convolution, member, chunk->images, in, z);
    const struct planes planes = planes_of_chunk(layer, chunk);
    if (resnet->training && layer->norm.gain)
        moments_add(&layer->norm.moments[member], &planes, z);
}

/* One convolution after another. */
static void inner_task(void *context, size_t member, size_t members)
{
    const struct step *step = context;
    struct resnet *resnet = step->resnet;
    struct layer *layer = step->layer, *before = step->before;
    (void)members;
    for (size_t i = 0; i < resnet_chunks(resnet, layer, member); i++) {
        const struct chunk chunk = resnet_chunk(resnet, layer, member, i);
        const float *in = resnet->pixels + chunk.first * layer->in_size;
        if (before) {
            const struct planes planes = planes_of_chunk(before, &chunk);
            float *activation = resnet->scratch[member].first;
            activate(&planes, &before->norm.factors, at_image(before->z, before->size, &chunk),
                     before->pools, activation);
            in = activation;
        }
        convolve(resnet, layer, member, &chunk, in);
    }
}

static void join_chunk(const struct residual_block *block, const struct chunk *chunk, float *out)
{
    const struct layer *main = &block->conv3, *shortcut = &block->shortcut;
    const struct planes planes = planes_of_chunk(main, chunk);
    const struct junction junction = {
        .main = at_image(main->z, main->size, chunk),
        .shortcut = at_image(block->has_shortcut ? shortcut->z : block->in, main->size, chunk),
        .main_factors = &main->norm.factors,
        .shortcut_factors = block->has_shortcut ? &shortcut->norm.factors : NULL};
    join(&planes, &junction, at_image(out, main->size, chunk));
}

/* The stem's end, in the blocks of channels that the stages have. */
static void end_stem(struct resnet *resnet, const struct chunk *chunk, size_t member, float *out)
{
    const struct layer *layer = &resnet->stem[STEM_SIZE - 1];
    const struct planes planes = planes_of_chunk(layer, chunk);
    const struct planes wanted = inputs_of_chunk(&resnet->blocks[0], chunk);
    float *pooled = planes.block == wanted.block ? out : resnet->scratch[member].first;
    activate(&planes, &layer->norm.factors, at_image(layer->z, layer->size, chunk), true, pooled);
    if (pooled != out) {
        struct planes half = wanted;
        half.blocks = planes.blocks;
        half.block = planes.block;
        reblock(&half, pooled, &wanted, out);
    }
}

/* The end of what was before a block, and the convolutions that see the block's input. */
static void begin_block_task(void *context, size_t member, size_t members)
{
    const struct step *step = context;
    struct resnet *resnet = step->resnet;
    struct residual_block *block = step->begun;
    (void)members;
    for (size_t i = 0; i < resnet_chunks(resnet, &block->conv1, member); i++) {
        const struct chunk chunk = resnet_chunk(resnet, &block->conv1, member, i);
        float *in = at_image(block->in, block->conv1.in_size, &chunk);
        const struct planes planes = inputs_of_chunk(block, &chunk);
        if (step->ended)
            join_chunk(step->ended, &chunk, block->in);
        else
            end_stem(resnet, &chunk, member, in);
        convolve(resnet, &block->conv1, member, &chunk, in);
        if (block->halves) {
            float *averaged = resnet->scratch[member].first;
            average(&planes, in, averaged);
            in = averaged;
        }
        if (block->has_shortcut)
            convolve(resnet, &block->shortcut, member, &chunk, in);
    }
}

static void end_task(void *context, size_t member, size_t members)
{
    struct resnet *resnet = context;
    const struct residual_block *block = &resnet->blocks[resnet->block_count - 1];
    for (size_t i = 0; i < resnet_chunks(resnet, &block->conv3, member); i++) {
        const struct chunk chunk = resnet_chunk(resnet, &block->conv3, member, i);
        join_chunk(block, &chunk, resnet->joined);
    }
    const size_t batch = resnet->tower.batch;
    resnet_pool_forward(&resnet->pool, crew_share(batch, member, members),
                        crew_share(batch, member + 1, members), resnet->joined, resnet->features);
}

static void run_inner(struct resnet *resnet, struct layer *before, struct layer *layer)
{
    struct step step = {.resnet = resnet, .before = before, .layer = layer};
    resnet_run(resnet, inner_task, &step);
    batch_norm_settle(&layer->norm, resnet->training, resnet->tower.peers);
}

static void run_block(struct resnet *resnet, size_t index)
{
    struct residual_block *block = &resnet->blocks[index];
    struct step step = {.resnet = resnet, .ended = index ? block - 1 : NULL, .begun = block};
    resnet_run(resnet, begin_block_task, &step);
    batch_norm_settle(&block->conv1.norm, resnet->training, resnet->tower.peers);
    if (block->has_shortcut)
        batch_norm_settle(&block->shortcut.norm, resnet->training, resnet->tower.peers);
    run_inner(resnet, &block->conv1, &block->conv2);
    run_inner(resnet, &block->conv2, &block->conv3);
}

void resnet_tower_forward(struct tower *tower, const float *pixels, float *features, bool training)
{
    struct resnet *resnet = (struct resnet *)tower;
    resnet->pixels = pixels;
    resnet->features = features;
    resnet->training = training;
    for (size_t i = 0; i < resnet->layer_count; i++)
        batch_norm_begin(&resnet->layers[i]->norm);
    resnet_run(resnet, pack_task, resnet);
    for (size_t i = 0; i < STEM_SIZE; i++)
        run_inner(resnet, i ? &resnet->stem[i - 1] : NULL, &resnet->stem[i]);
    for (size_t i = 0; i < resnet->block_count; i++)
        run_block(resnet, i);
    resnet_run(resnet, end_task, resnet);
}
