/*
 * vit_group.c - patches, blocks of attention and MLP.
 */
#include "vit_group.h"

#include <math.h>
#include <string.h>

#include "positions.h"

static const struct rows NO_RESIDUAL = {NULL, 0};

/* ------------------------------------------------------------------------------ patch embedding */

struct patch_job {
    const struct vit_group *group;
    const struct tower_input *input;
    const qc_image *images; /* the group's */
    size_t grid_rows;       /* of the image that has the most */
};

/* A row of patches of one image; token 0, which becomes the class token, is left zero. */
static void patch_task(void *context, size_t index, size_t worker)
{
    const struct patch_job *job = context;
    const struct vit_group *group = job->group;
    const size_t image_index = index / job->grid_rows, y = index % job->grid_rows;
    const qc_image *image = &job->images[image_index];
    const size_t patch_size = group->vit->patch_size, stride = group->hidden.stride;
    if (y >= image->height / patch_size)
        return;
    float *token = group->hidden.data + group->segments[image_index] * stride;
    if (y == 0)
        memset(token, 0, group->vit->patch_embedding.inputs * sizeof *token);
    token += (1 + y * (image->width / patch_size)) * stride;
    image_patch_row(group->layers->kernels, image, job->input->background, job->input->pixels,
                    (uint32_t)patch_size, (uint32_t)y, token, stride,
                    group->layers->scratch + worker * group->layers->scratch_size);
}

/* Class embedding and positions, for one image. */
static void position_task(void *context, size_t index, size_t worker)
{
    (void)worker;
    const struct patch_job *job = context;
    const struct vit_group *group = job->group;
    const struct vit *vit = group->vit;
    const qc_image *image = &job->images[index];
    const size_t stride = group->tokens.stride;
    float *tokens = group->tokens.data + group->segments[index] * stride;
    memcpy(tokens, vit->class_embedding, vit->width * sizeof *tokens);
    positions_add(job->input->positions, vit->position_embedding, vit->grid, vit->width,
                  image->height / vit->patch_size, image->width / vit->patch_size, tokens, stride);
}

void vit_embed(const struct vit_group *group, const struct tower_input *input, size_t first)
{
    const struct vit *vit = group->vit;
    const struct layers *layers = group->layers;
    const size_t rows = group->segments[group->count];
    struct patch_job job = {group, input, input->images + first, 0};
    const struct linear embedding = {vit->patch_embedding, NULL};
    for (size_t i = 0; i < group->count; i++)
        job.grid_rows = larger(job.grid_rows, job.images[i].height / vit->patch_size);
    threads_run(layers->threads, group->count * job.grid_rows, patch_task, &job);
    const struct operand pixels =
        round_forward(layers, &vit->patch_embedding, group->hidden, rows, group->rounded);
    linear_forward(layers, &embedding, pixels, group->segments, group->count, ACTIVATION_NONE,
                   NO_RESIDUAL, group->tokens);
    threads_run(layers->threads, group->count, position_task, &job);
    norm_forward(layers, &vit->pre_norm, vit->epsilon, group->tokens, rows, vit->width,
                 group->tokens);
}

/* ------------------------------------------------------------------------------------ attention */

struct attention_job {
    const struct vit_group *group;
    size_t head_size;
    bool rounds;         /* as the products around it do */
    size_t query_blocks; /* of the image with the most queries */
    struct rows queries; /* row 0 of each image */
    const size_t *query_segments;
    struct rows out; /* rows as the queries' */
};

/* One head of some queries of one image. */
static void attention_task(void *context, size_t index, size_t worker)
{
    const struct attention_job *job = context;
    const struct vit_group *group = job->group;
    const struct layers *layers = group->layers;
    size_t block = index % job->query_blocks;
    size_t head = index / job->query_blocks % group->vit->heads;
    size_t image = index / job->query_blocks / group->vit->heads;

    size_t first_query = job->query_segments[image] + block * ATTENTION_QUERIES;
    if (first_query >= job->query_segments[image + 1])
        return;
    size_t queries = job->query_segments[image + 1] - first_query;
    size_t channel = head * job->head_size;
    const struct rows *hidden = &group->hidden;
    size_t first = group->segments[image];
    const float *keys = hidden->data + first * hidden->stride + group->vit->width + channel;

    attention_call call = {.q = job->queries.data + first_query * job->queries.stride + channel,
                           .k = keys,
                           .v = keys + group->vit->width,
                           .queries = smaller(queries, ATTENTION_QUERIES),
                           .tokens = group->segments[image + 1] - first,
                           .size = job->head_size,
                           .stride = hidden->stride,
                           .scale = 1 / sqrtf((float)job->head_size),
                           .out = job->out.data + first_query * job->out.stride + channel,
                           .out_stride = job->out.stride};
    float *scratch = (float *)(layers->scratch + worker * layers->scratch_size);
    if (job->rounds)
        layers->kernels->attention_rounded(&call, scratch);
    else
        layers->kernels->attention(&call, scratch);
}

/* Queries at `queries`, keys and values in group->hidden behind the first `width` columns. */
static void attend(const struct vit_group *group, const struct vit_block *block,
                   struct rows queries, const size_t *query_segments, struct rows out)
{
    const struct vit *vit = group->vit;
    size_t most = 0;
    for (size_t i = 0; i < group->count; i++)
        most = larger(most, query_segments[i + 1] - query_segments[i]);
    struct attention_job job = {.group = group,
                                .head_size = vit->width / vit->heads,
                                .rounds = block->out.weight.rounds_rows &&
                                          group->layers->kernels->attention_rounded,
                                .query_blocks = (most + ATTENTION_QUERIES - 1) / ATTENTION_QUERIES,
                                .queries = queries,
                                .query_segments = query_segments,
                                .out = out};
    threads_run(group->layers->threads, group->count * vit->heads * job.query_blocks,
                attention_task, &job);
}

/* --------------------------------------------------------------------------------------- blocks */

static struct rows columns_from(struct rows rows, size_t column)
{
    return (struct rows){rows.data + column, rows.stride};
}

/* The block's first norm, for products with `weight`. */
static struct operand norm_first(const struct vit_group *group, const struct vit_block *block,
                                 const struct matrix *weight)
{
    return norm_round_forward(group->layers, &block->norm1, group->vit->epsilon, group->tokens,
                              group->segments[group->count], weight, group->normed, group->rounded);
}

static void project(const struct vit_group *group, const struct linear *linear, struct operand in,
                    struct rows out)
{
    linear_forward(group->layers, linear, in, group->segments, group->count, ACTIVATION_NONE,
                   NO_RESIDUAL, out);
}

static void keys_and_values(const struct vit_group *group, const struct vit_block *block,
                            struct operand normed)
{
    const size_t width = group->vit->width;
    project(group, &block->key, normed, columns_from(group->hidden, width));
    project(group, &block->value, normed, columns_from(group->hidden, 2 * width));
}

void vit_branches_forward(const struct vit_group *group, const struct vit_block *block)
{
    const struct layers *layers = group->layers;
    const size_t *segments = group->segments, count = group->count, rows = segments[count];
    const struct rows tokens = group->tokens;
    struct operand operand =
        round_forward(layers, &block->out.weight, group->normed, rows, group->rounded);
    linear_forward(layers, &block->out, operand, segments, count, ACTIVATION_NONE, tokens, tokens);
    operand = norm_round_forward(layers, &block->norm2, group->vit->epsilon, tokens, rows,
                                 &block->fc1.weight, group->normed, group->rounded);
    linear_forward(layers, &block->fc1, operand, segments, count, group->vit->activation,
                   NO_RESIDUAL, group->hidden);
    operand = round_forward(layers, &block->fc2.weight, group->hidden, rows, group->rounded);
    linear_forward(layers, &block->fc2, operand, segments, count, ACTIVATION_NONE, tokens, tokens);
}

void vit_block_forward(const struct vit_group *group, const struct vit_block *block)
{
    const struct operand normed = norm_first(group, block, &block->query.weight);
    project(group, &block->query, normed, group->hidden);
    keys_and_values(group, block, normed);
    attend(group, block, group->hidden, group->segments, group->normed);
    vit_branches_forward(group, block);
}

void vit_class_queries(const struct vit_group *class_group, const struct vit_block *block,
                       struct rows queries)
{
    project(class_group, &block->query, norm_first(class_group, block, &block->query.weight),
            queries);
}

void vit_class_attention(const struct vit_group *group, const struct vit_block *block,
                         struct rows queries, const size_t *query_segments, struct rows attended)
{
    keys_and_values(group, block, norm_first(group, block, &block->key.weight));
    attend(group, block, queries, query_segments, attended);
}
