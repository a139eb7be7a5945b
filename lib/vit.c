/*
 * vit.c - the vision transformer of CLIP: which images go through a layer together, and where.
 *
 * A batch goes through block by block, and in each block group by group: a group's activations
 * stay in the second cache, a block's weights in the third, and where there are groups enough for
 * all threads, each has its own and waits for the others once a block.  What is left over, or too
 * few images for that, share all threads.
 *
 * Only the class token leaves the tower, so the last block computes queries, MLP and all that
 * follows for it alone: the result is the same and a twelfth of the work is saved in ViT-B/32, save
 * for keys and values.
 */
#include "vit_group.h"

#include <string.h>

/*
 * Rows of a group, unless one image has more.  In f32, products take long beside what passes
 * between them, and want rows for their weights, which do not stay in the third cache.
 */
#define GROUP_ROWS         200
#define ROUNDED_GROUP_ROWS 64

static size_t group_rows(const struct vit *vit)
{
    return vit->blocks[0].out.weight.rounds_rows ? ROUNDED_GROUP_ROWS : GROUP_ROWS;
}

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
static size_t bytes_of_rounded_row(const struct matrix *weight)
{
    return weight->rounds_rows ? rounded_bytes(weight->type, weight->inputs) : 0;
}

static size_t largest_rounded_row(const struct vit *vit)
{
    size_t bytes = bytes_of_rounded_row(&vit->patch_embedding);
    for (size_t i = 0; i < vit->layers; i++) {
        bytes = larger(bytes, bytes_of_rounded_row(&vit->blocks[i].query.weight));
        bytes = larger(bytes, bytes_of_rounded_row(&vit->blocks[i].fc2.weight));
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

/* Rows that are lent out at once: groups of all workers, fewer images, or the class tokens. */
static size_t plan_lent_rows(struct vit_workspace *workspace, const struct vit *vit,
                             const struct tower_limits *limits, size_t tokens, size_t workers)
{
    workspace->lent_rows = larger(tokens, smaller(group_rows(vit), limits->batch * tokens));
    return larger(smaller(workers, limits->batch) * workspace->lent_rows, limits->batch);
}

static void plan_lent(struct vit_workspace *workspace, const struct vit *vit, size_t rows,
                      struct arena *arena)
{
    workspace->normed = plan_rows(arena, rows, vit->width);
    /* Pixels of patches; queries, keys and values; the MLP's middle: never two at a time. */
    size_t widest = larger(larger(3 * vit->width, vit->mlp_width), patch_pixels(vit));
    workspace->hidden = plan_rows(arena, rows, widest);
    workspace->rounded_row = largest_rounded_row(vit);
    if (workspace->rounded_row && rows > SIZE_MAX / workspace->rounded_row)
        arena->overflow = true;
    else
        workspace->rounded = arena_take(arena, rows, workspace->rounded_row);
}

void vit_plan(struct vit_workspace *workspace, const struct vit *vit, const kernel_set *kernels,
              const struct tower_limits *limits, size_t workers, struct arena *arena,
              size_t *scratch)
{
    size_t patches = (limits->width / vit->patch_size) * (limits->height / vit->patch_size);
    size_t tokens = 1 + patches;
    size_t all = limits->batch * tokens;
    if (all / limits->batch != tokens || all > SIZE_MAX - GROUP_ROWS * limits->batch)
        arena->overflow = true;
    workspace->tokens = plan_rows(arena, all, vit->width);
    plan_lent(workspace, vit, plan_lent_rows(workspace, vit, limits, tokens, workers), arena);
    workspace->class_tokens = plan_rows(arena, limits->batch, vit->width);
    workspace->class_normed = plan_rows(arena, limits->batch, vit->width);
    workspace->class_queries = plan_rows(arena, limits->batch, vit->width);
    workspace->segments = arena_take(arena, limits->batch + 1, sizeof(size_t));
    workspace->group_segments = arena_take(arena, limits->batch, 2 * sizeof(size_t));
    workspace->class_segments = arena_take(arena, limits->batch + 1, sizeof(size_t));

    const struct linear patch_embedding = {vit->patch_embedding, NULL};
    const struct linear projection = {vit->projection, NULL};
    *scratch = larger(*scratch, linear_scratch(kernels, &patch_embedding));
    *scratch = larger(*scratch, linear_scratch(kernels, &projection));
    for (size_t i = 0; i < vit->layers; i++)
        *scratch = larger(*scratch, block_scratch(&vit->blocks[i], kernels));
    *scratch = larger(*scratch, norm_scratch(vit->width));
    *scratch = larger(*scratch, image_scratch((uint32_t)larger(limits->width, limits->height)));
    size_t queries = smaller(tokens, ATTENTION_QUERIES);
    size_t head = vit->width / vit->heads;
    *scratch = larger(*scratch, sizeof(float) * kernels->attention_scratch(queries, tokens, head));
}

/* --------------------------------------------------------------------------------------- groups */

/* A batch, how it is grouped, and where it is. */
struct batch {
    const struct vit *vit;
    const struct vit_workspace *workspace;
    const struct layers *layers;
    const struct tower_input *input;
    size_t per_group, groups; /* of images, one thread each; the images behind them share all */
    const struct vit_block *block;
    void (*step)(const struct batch *batch, const struct vit_group *group, size_t first);
};

static struct rows rows_from(struct rows rows, size_t row)
{
    return (struct rows){rows.data + row * rows.stride, rows.stride};
}

static void count_rows(const struct batch *batch)
{
    const struct vit_workspace *workspace = batch->workspace;
    const size_t patch_size = batch->vit->patch_size;
    workspace->segments[0] = workspace->class_segments[0] = 0;
    for (size_t i = 0; i < batch->input->count; i++) {
        const qc_image *image = &batch->input->images[i];
        size_t patches = (image->width / patch_size) * (image->height / patch_size);
        workspace->segments[i + 1] = workspace->segments[i] + 1 + patches;
        workspace->class_segments[i + 1] = i + 1;
    }
}

/* As many groups for each thread as for the others, of images that count as much as the largest. */
static void make_groups(struct batch *batch)
{
    const size_t *segments = batch->workspace->segments, count = batch->input->count;
    const size_t threads = threads_count(batch->layers->threads);
    size_t most = 1;
    for (size_t i = 0; i < count; i++)
        most = larger(most, segments[i + 1] - segments[i]);
    batch->per_group = larger(1, smaller(group_rows(batch->vit) / most, count / threads));
    batch->groups = count / batch->per_group / threads * threads;
}

/* Some images, in memory from lent row `lent` on. */
static void step_images(const struct batch *batch, const struct layers *layers, size_t index,
                        size_t count, size_t lent)
{
    const struct vit_workspace *workspace = batch->workspace;
    const size_t first = index * batch->per_group;
    const size_t *all = workspace->segments;
    size_t *segments = workspace->group_segments + first + index;
    for (size_t i = 0; i <= count; i++)
        segments[i] = all[first + i] - all[first];
    const struct vit_group group = {
        .vit = batch->vit,
        .layers = layers,
        .count = count,
        .segments = segments,
        .tokens = rows_from(workspace->tokens, all[first]),
        .normed = rows_from(workspace->normed, lent),
        .hidden = rows_from(workspace->hidden, lent),
        .rounded = workspace->rounded + lent * workspace->rounded_row,
    };
    batch->step(batch, &group, first);
}

static void group_task(void *context, size_t index, size_t worker)
{
    const struct batch *batch = context;
    struct layers own = *batch->layers;
    if (threads_count(own.threads) > 1) {
        own.threads = NULL;
        own.scratch += worker * own.scratch_size;
    }
    step_images(batch, &own, index, batch->per_group, worker * batch->workspace->lent_rows);
}

static void run_groups(struct batch *batch,
                       void (*step)(const struct batch *batch, const struct vit_group *group,
                                    size_t first))
{
    const size_t rest = batch->input->count - batch->groups * batch->per_group;
    batch->step = step;
    threads_run(batch->layers->threads, batch->groups, group_task, batch);
    if (rest)
        step_images(batch, batch->layers, batch->groups, rest, 0);
}

static void embed_step(const struct batch *batch, const struct vit_group *group, size_t first)
{
    vit_embed(group, batch->input, first);
}

static void block_step(const struct batch *batch, const struct vit_group *group, size_t first)
{
    (void)first;
    vit_block_forward(group, batch->block);
}

static void class_attention_step(const struct batch *batch, const struct vit_group *group,
                                 size_t first)
{
    const struct vit_workspace *workspace = batch->workspace;
    vit_class_attention(group, batch->block, rows_from(workspace->class_queries, first),
                        workspace->class_segments, rows_from(workspace->class_normed, first));
}

/* ---------------------------------------------------------------------------------------- tower */

/* The last block: all tokens are looked at, the class tokens alone go on. */
static void last_block_forward(struct batch *batch, const struct vit_group *class_group)
{
    const struct vit_workspace *workspace = batch->workspace;
    batch->block = &batch->vit->blocks[batch->vit->layers - 1];
    for (size_t i = 0; i < batch->input->count; i++)
        memcpy(rows_from(workspace->class_tokens, i).data,
               rows_from(workspace->tokens, workspace->segments[i]).data,
               batch->vit->width * sizeof(float));
    vit_class_queries(class_group, batch->block, workspace->class_queries);
    run_groups(batch, class_attention_step);
    vit_branches_forward(class_group, batch->block);
}

void vit_forward(const struct vit *vit, const struct vit_workspace *workspace,
                 const struct layers *layers, const struct tower_input *input, float *features)
{
    struct batch batch = {.vit = vit, .workspace = workspace, .layers = layers, .input = input};
    const struct vit_group class_group = {.vit = vit,
                                          .layers = layers,
                                          .count = input->count,
                                          .segments = workspace->class_segments,
                                          .tokens = workspace->class_tokens,
                                          .normed = workspace->class_normed,
                                          .hidden = workspace->hidden,
                                          .rounded = workspace->rounded};
    count_rows(&batch);
    make_groups(&batch);
    run_groups(&batch, embed_step);
    for (size_t i = 0; i + 1 < vit->layers; i++) {
        batch.block = &vit->blocks[i];
        run_groups(&batch, block_step);
    }
    last_block_forward(&batch, &class_group);

    norm_forward(layers, &vit->post_norm, vit->epsilon, workspace->class_tokens, input->count,
                 vit->width, workspace->class_normed);
    const struct linear projection = {vit->projection, NULL};
    linear_forward(layers, &projection, floats(workspace->class_normed), workspace->class_segments,
                   input->count, ACTIVATION_NONE, (struct rows){NULL, 0},
                   (struct rows){features, vit->projection.outputs});
}
