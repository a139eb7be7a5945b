/*
 * vit.c - the vision transformer of CLIP: patches, blocks of attention and MLP, the class token.
 *
 * All images of a batch go through a layer together, their tokens one after the other; attention
 * alone keeps them apart.  Only the class token leaves the tower, so the last block computes
 * queries, MLP and all that follows for it alone: the result is the same and a twelfth of the work
 * is saved in ViT-B/32, save for keys and values.
 */
#include "tower.h"

#include <math.h>
#include <string.h>

#include "positions.h"

/* Queries that one attention task handles: enough to reuse its packed keys, few enough for L2. */
#define ATTENTION_QUERIES 96

static const struct rows NO_RESIDUAL = {NULL, 0};

static size_t patch_pixels(const struct vit *vit)
{
    return 3 * vit->patch_size * vit->patch_size;
}

/* ------------------------------------------------------------------------------------- planning */

static struct rows plan_rows(struct arena *arena, size_t count, size_t columns)
{
    struct rows rows = {.stride = row_stride(columns)};
    if (count > SIZE_MAX / rows.stride)
        arena->overflow = true;
    else
        rows.data = arena_take(arena, count * rows.stride, sizeof(float));
    return rows;
}

/* Bytes of a row that products with `weight` read, if they want it rounded. */
static size_t rounded_row(const struct matrix *weight)
{
    return weight->rounds_rows ? rounded_bytes(weight->type, weight->inputs) : 0;
}

static size_t largest_rounded_row(const struct vit *vit)
{
    size_t bytes = rounded_row(&vit->patch_embedding);
    for (size_t i = 0; i < vit->layers; i++) {
        bytes = larger(bytes, rounded_row(&vit->blocks[i].query.weight));
        bytes = larger(bytes, rounded_row(&vit->blocks[i].fc2.weight));
    }
    return bytes;
}

static size_t block_scratch(const struct vit_block *block, const kernel_set *kernels)
{
    size_t bytes = linear_scratch(kernels, &block->query);
    bytes = larger(bytes, linear_scratch(kernels, &block->key));
    bytes = larger(bytes, linear_scratch(kernels, &block->value));
    bytes = larger(bytes, linear_scratch(kernels, &block->out));
    bytes = larger(bytes, linear_scratch(kernels, &block->fc1));
    return larger(bytes, linear_scratch(kernels, &block->fc2));
}

void vit_plan(struct vit_workspace *workspace, const struct vit *vit, const kernel_set *kernels,
              const struct tower_limits *limits, struct arena *arena, size_t *scratch)
{
    size_t patches = (limits->width / vit->patch_size) * (limits->height / vit->patch_size);
    size_t tokens = 1 + patches;
    size_t all = limits->batch * tokens;
    if (all / limits->batch != tokens)
        arena->overflow = true;
    workspace->tokens = plan_rows(arena, all, vit->width);
    workspace->normed = plan_rows(arena, all, vit->width);
    /* Pixels of patches; queries, keys and values; the MLP's middle: never two at a time. */
    size_t widest = larger(larger(3 * vit->width, vit->mlp_width), patch_pixels(vit));
    workspace->hidden = plan_rows(arena, all, widest);
    workspace->class_tokens = plan_rows(arena, limits->batch, vit->width);
    workspace->class_normed = plan_rows(arena, limits->batch, vit->width);
    workspace->class_queries = plan_rows(arena, limits->batch, vit->width);
    const size_t rounded = largest_rounded_row(vit);
    if (rounded && all > SIZE_MAX / rounded)
        arena->overflow = true;
    else
        workspace->rounded = arena_take(arena, all, rounded);
    workspace->segments = arena_take(arena, limits->batch + 1, sizeof(size_t));
    workspace->class_segments = arena_take(arena, limits->batch + 1, sizeof(size_t));

    const struct linear patch_embedding = {vit->patch_embedding, NULL};
    const struct linear projection = {vit->projection, NULL};
    *scratch = larger(*scratch, linear_scratch(kernels, &patch_embedding));
    *scratch = larger(*scratch, linear_scratch(kernels, &projection));
    for (size_t i = 0; i < vit->layers; i++)
        *scratch = larger(*scratch, block_scratch(&vit->blocks[i], kernels));
    *scratch = larger(*scratch, norm_scratch(vit->width));
    *scratch = larger(*scratch, image_scratch((uint32_t)larger(limits->width, limits->height)));
    size_t queries = tokens < ATTENTION_QUERIES ? tokens : ATTENTION_QUERIES;
    size_t head = vit->width / vit->heads;
    *scratch = larger(*scratch, sizeof(float) * kernels->attention_scratch(queries, tokens, head));
}

/* ------------------------------------------------------------------------------ patch embedding */

struct patch_job {
    const struct vit *vit;
    const struct vit_workspace *workspace;
    const struct layers *layers;
    const struct tower_input *input;
    size_t grid_rows; /* of the image that has the most */
};

/* A row of patches of one image; token 0, which becomes the class token, is left zero. */
static void patch_task(void *context, size_t index, size_t worker)
{
    const struct patch_job *job = context;
    const size_t image_index = index / job->grid_rows, y = index % job->grid_rows;
    const qc_image *image = &job->input->images[image_index];
    const size_t patch_size = job->vit->patch_size, stride = job->workspace->hidden.stride;
    if (y >= image->height / patch_size)
        return;
    float *token = job->workspace->hidden.data + job->workspace->segments[image_index] * stride;
    if (y == 0)
        memset(token, 0, patch_pixels(job->vit) * sizeof *token);
    token += (1 + y * (image->width / patch_size)) * stride;
    image_patch_row(image, job->input->background, job->input->pixels, (uint32_t)patch_size,
                    (uint32_t)y, token, stride,
                    job->layers->scratch + worker * job->layers->scratch_size);
}

/* Class embedding and positions, for one image. */
static void position_task(void *context, size_t index, size_t worker)
{
    (void)worker;
    const struct patch_job *job = context;
    const struct vit *vit = job->vit;
    const qc_image *image = &job->input->images[index];
    size_t stride = job->workspace->tokens.stride;
    float *tokens = job->workspace->tokens.data + job->workspace->segments[index] * stride;
    memcpy(tokens, vit->class_embedding, vit->width * sizeof *tokens);
    positions_add(job->input->positions, vit->position_embedding, vit->grid, vit->width,
                  image->height / vit->patch_size, image->width / vit->patch_size, tokens, stride);
}

static void embed_patches(const struct vit *vit, const struct vit_workspace *workspace,
                          const struct layers *layers, const struct tower_input *input)
{
    struct patch_job job = {vit, workspace, layers, input, 0};
    const struct linear embedding = {vit->patch_embedding, NULL};
    for (size_t i = 0; i < input->count; i++)
        job.grid_rows = larger(job.grid_rows, input->images[i].height / vit->patch_size);
    threads_run(layers->threads, input->count * job.grid_rows, patch_task, &job);
    const struct operand pixels =
        round_forward(layers, &vit->patch_embedding, workspace->hidden,
                      workspace->segments[input->count], workspace->rounded);
    linear_forward(layers, &embedding, pixels, workspace->segments, input->count, ACTIVATION_NONE,
                   NO_RESIDUAL, workspace->tokens);
    threads_run(layers->threads, input->count, position_task, &job);
}

/* ------------------------------------------------------------------------------------ attention */

struct attention_job {
    const struct layers *layers;
    const struct vit_workspace *workspace;
    size_t heads, head_size, width;
    size_t query_blocks; /* of the image with the most tokens */
    struct rows queries; /* row 0 of each image */
    const size_t *query_segments;
    struct rows out; /* rows as the queries' */
};

/* One head of some queries of one image. */
static void attention_task(void *context, size_t index, size_t worker)
{
    const struct attention_job *job = context;
    const struct layers *layers = job->layers;
    size_t block = index % job->query_blocks;
    size_t head = index / job->query_blocks % job->heads;
    size_t image = index / job->query_blocks / job->heads;

    size_t first_query = job->query_segments[image] + block * ATTENTION_QUERIES;
    if (first_query >= job->query_segments[image + 1])
        return;
    size_t queries = job->query_segments[image + 1] - first_query;
    size_t channel = head * job->head_size;
    const struct rows *hidden = &job->workspace->hidden;
    size_t first = job->workspace->segments[image];
    const float *keys = hidden->data + first * hidden->stride + job->width + channel;

    attention_call call = {.q = job->queries.data + first_query * job->queries.stride + channel,
                           .k = keys,
                           .v = keys + job->width,
                           .queries = queries < ATTENTION_QUERIES ? queries : ATTENTION_QUERIES,
                           .tokens = job->workspace->segments[image + 1] - first,
                           .size = job->head_size,
                           .stride = hidden->stride,
                           .scale = 1 / sqrtf((float)job->head_size),
                           .out = job->out.data + first_query * job->out.stride + channel,
                           .out_stride = job->out.stride};
    layers->kernels->attention(&call, (float *)(layers->scratch + worker * layers->scratch_size));
}

/* Queries at `queries`, keys and values in workspace->hidden behind the first `width` columns. */
static void attend(const struct vit *vit, const struct vit_workspace *workspace,
                   const struct layers *layers, size_t count, struct rows queries,
                   const size_t *query_segments, struct rows out)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        most = larger(most, query_segments[i + 1] - query_segments[i]);
    struct attention_job job = {layers,     workspace,
                                vit->heads, vit->width / vit->heads,
                                vit->width, (most + ATTENTION_QUERIES - 1) / ATTENTION_QUERIES,
                                queries,    query_segments,
                                out};
    threads_run(layers->threads, count * vit->heads * job.query_blocks, attention_task, &job);
}

static struct rows columns_from(struct rows rows, size_t column)
{
    return (struct rows){rows.data + column, rows.stride};
}

/* --------------------------------------------------------------------------------------- blocks */

static void keys_and_values(const struct vit *vit, const struct vit_block *block,
                            const struct vit_workspace *workspace, const struct layers *layers,
                            size_t count, struct operand normed)
{
    linear_forward(layers, &block->key, normed, workspace->segments, count, ACTIVATION_NONE,
                   NO_RESIDUAL, columns_from(workspace->hidden, vit->width));
    linear_forward(layers, &block->value, normed, workspace->segments, count, ACTIVATION_NONE,
                   NO_RESIDUAL, columns_from(workspace->hidden, 2 * vit->width));
}

/* tokens += out(attended); tokens += mlp(norm2(tokens)).  `attended` is overwritten. */
static void residual_branches(const struct vit *vit, const struct vit_block *block,
                              const struct vit_workspace *workspace, const struct layers *layers,
                              const size_t *segments, size_t count, struct rows tokens,
                              struct rows attended)
{
    const size_t rows = segments[count];
    unsigned char *rounded = workspace->rounded;
    struct operand operand = round_forward(layers, &block->out.weight, attended, rows, rounded);
    linear_forward(layers, &block->out, operand, segments, count, ACTIVATION_NONE, tokens, tokens);
    operand = norm_round_forward(layers, &block->norm2, vit->epsilon, tokens, rows,
                                 &block->fc1.weight, attended, rounded);
    linear_forward(layers, &block->fc1, operand, segments, count, vit->activation, NO_RESIDUAL,
                   workspace->hidden);
    operand = round_forward(layers, &block->fc2.weight, workspace->hidden, rows, rounded);
    linear_forward(layers, &block->fc2, operand, segments, count, ACTIVATION_NONE, tokens, tokens);
}

static void block_forward(const struct vit *vit, const struct vit_block *block,
                          const struct vit_workspace *workspace, const struct layers *layers,
                          size_t count)
{
    const size_t *segments = workspace->segments;
    const struct operand normed =
        norm_round_forward(layers, &block->norm1, vit->epsilon, workspace->tokens, segments[count],
                           &block->query.weight, workspace->normed, workspace->rounded);
    linear_forward(layers, &block->query, normed, segments, count, ACTIVATION_NONE, NO_RESIDUAL,
                   workspace->hidden);
    keys_and_values(vit, block, workspace, layers, count, normed);
    attend(vit, workspace, layers, count, workspace->hidden, segments, workspace->normed);
    residual_branches(vit, block, workspace, layers, segments, count, workspace->tokens,
                      workspace->normed);
}

static void copy_class_rows(const struct vit *vit, const size_t *segments, size_t count,
                            struct rows from, struct rows to)
{
    for (size_t i = 0; i < count; i++)
        memcpy(to.data + i * to.stride, from.data + segments[i] * from.stride,
               vit->width * sizeof(float));
}

/* The last block: all tokens are looked at, the class tokens alone go on. */
static void last_block_forward(const struct vit *vit, const struct vit_block *block,
                               const struct vit_workspace *workspace, const struct layers *layers,
                               size_t count)
{
    const size_t *segments = workspace->segments, *class_segments = workspace->class_segments;
    struct operand normed =
        norm_round_forward(layers, &block->norm1, vit->epsilon, workspace->tokens, segments[count],
                           &block->key.weight, workspace->normed, workspace->rounded);
    keys_and_values(vit, block, workspace, layers, count, normed);
    copy_class_rows(vit, segments, count, workspace->tokens, workspace->class_tokens);
    normed = norm_round_forward(layers, &block->norm1, vit->epsilon, workspace->class_tokens, count,
                                &block->query.weight, workspace->class_normed, workspace->rounded);
    linear_forward(layers, &block->query, normed, class_segments, count, ACTIVATION_NONE,
                   NO_RESIDUAL, workspace->class_queries);
    attend(vit, workspace, layers, count, workspace->class_queries, class_segments,
           workspace->class_normed);
    residual_branches(vit, block, workspace, layers, class_segments, count, workspace->class_tokens,
                      workspace->class_normed);
}

void vit_forward(const struct vit *vit, const struct vit_workspace *workspace,
                 const struct layers *layers, const struct tower_input *input, float *features)
{
    workspace->segments[0] = workspace->class_segments[0] = 0;
    for (size_t i = 0; i < input->count; i++) {
        const qc_image *image = &input->images[i];
        size_t patches = (image->width / vit->patch_size) * (image->height / vit->patch_size);
        workspace->segments[i + 1] = workspace->segments[i] + 1 + patches;
        workspace->class_segments[i + 1] = i + 1;
    }
    embed_patches(vit, workspace, layers, input);
    norm_forward(layers, &vit->pre_norm, vit->epsilon, workspace->tokens,
                 workspace->segments[input->count], vit->width, workspace->tokens);
    for (size_t i = 0; i + 1 < vit->layers; i++)
        block_forward(vit, &vit->blocks[i], workspace, layers, input->count);
    last_block_forward(vit, &vit->blocks[vit->layers - 1], workspace, layers, input->count);

    norm_forward(layers, &vit->post_norm, vit->epsilon, workspace->class_tokens, input->count,
                 vit->width, workspace->class_normed);
    const struct linear projection = {vit->projection, NULL};
    linear_forward(layers, &projection, floats(workspace->class_normed), workspace->class_segments,
                   input->count, ACTIVATION_NONE, NO_RESIDUAL,
                   (struct rows){features, vit->projection.outputs});
}
