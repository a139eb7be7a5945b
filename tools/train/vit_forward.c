/*
 * vit_forward.c - pixels to features; each thread takes some images all the way up.
 */
#include "vit.h"

#include <string.h>

#include "products.h"

struct span vit_share(const struct vit *vit, size_t member, size_t members)
{
    const size_t first = crew_share(vit->batch, member, members);
    return (struct span){first, crew_share(vit->batch, member + 1, members) - first};
}

/* --------------------------------------------------------------------------------------- pixels */

/* A patch's values as conv1's weights have them: colour, row, column. */
static void gather_patch(const struct vit *vit, const float *image, size_t x, size_t y, float *out)
{
    const size_t patch = vit->tower.shape.patch, width = vit->tower.width;
    for (size_t colour = 0; colour < 3; colour++) {
        for (size_t row = 0; row < patch; row++, out += patch)
            memcpy(out, image + (colour * vit->tower.height + y + row) * width + x,
                   patch * sizeof *out);
    }
}

static void gather_image(const struct vit *vit, const float *image, float *out)
{
    const size_t patch = vit->tower.shape.patch;
    out += vit->patch_values; /* the class token's row stays zero */
    for (size_t y = 0; y + patch <= vit->tower.height; y += patch) {
        for (size_t x = 0; x + patch <= vit->tower.width; x += patch, out += vit->patch_values)
            gather_patch(vit, image, x, y, out);
    }
}

static void embed(const struct vit *vit, struct span span, const float *pixels)
{
    const size_t width = vit->width, first = span.first * vit->tokens;
    const size_t image_values = (size_t)3 * vit->tower.width * vit->tower.height;
    float *gathered = vit->pixels + first * vit->patch_values;
    float *embedded = vit->normed1 + first * width;
    for (size_t i = 0; i < span.count; i++)
        gather_image(vit, pixels + (span.first + i) * image_values,
                     gathered + i * vit->tokens * vit->patch_values);
    product_transposed((struct product_size){span.count * vit->tokens, width, vit->patch_values}, 1,
                       (struct operand){gathered, vit->patch_values},
                       (struct operand){vit->patch_embedding.values, vit->patch_values},
                       (struct outcome){embedded, width, 0});
    for (size_t i = 0; i < span.count; i++) {
        float *image = embedded + i * vit->tokens * width;
        memcpy(image, vit->class_embedding.values, width * sizeof *image);
        if (vit->positions.values)
            rows_add(image, 1, vit->tokens * width, vit->positions.values);
    }
}

/* --------------------------------------------------------------------------------------- layers */

/* `row` is the first of `rows`; `late` as in rows_norm(). */
static void norm_forward(const struct vit *vit, const struct vit_norm *norm, size_t row,
                         size_t rows, float *x, const float *late, float *out)
{
    const size_t width = vit->width;
    const struct norm at = {norm->gain.values, norm->bias.values, norm->normal + row * width,
                            norm->inverse + row};
    rows_norm(&at, x + row * width, rows, width, late, out + row * width);
}

/* Without the bias. */
static void linear_forward(const float *weight, size_t outputs, size_t inputs, struct operand x,
                           size_t rows, struct outcome out)
{
    product_transposed((struct product_size){rows, outputs, inputs}, 1, x,
                       (struct operand){weight, inputs}, out);
}

/* Queries, keys and values of all tokens; in the last block queries of class tokens alone. */
static void heads_forward(const struct vit *vit, const struct vit_block *block, struct span span)
{
    const size_t width = vit->width, row = span.first * vit->tokens;
    const size_t rows = span.count * vit->tokens;
    const float *normed = vit->normed1 + row * width;
    const struct operand all = {normed, width}, class_rows = {normed, vit->tokens * width};
    const float *weight = block->in.weight.values, *bias = block->in.bias.values;
    const struct vit_heads *heads = &block->heads;
    float *queries = heads->queries + span.first * block->queries * heads->query_stride;
    float *keys = heads->keys + row * heads->key_stride;
    if (block->queries == vit->tokens) {
        linear_forward(weight, 3 * width, width, all, rows,
                       (struct outcome){queries, heads->query_stride, 0});
        rows_add(queries, rows, 3 * width, bias);
        return;
    }
    linear_forward(weight, width, width, class_rows, span.count,
                   (struct outcome){queries, heads->query_stride, 0});
    rows_add(queries, span.count, width, bias);
    linear_forward(weight + width * width, 2 * width, width, all, rows,
                   (struct outcome){keys, heads->key_stride, 0});
    rows_add(keys, rows, 2 * width, bias + width);
}

static void keep_class_tokens(const struct vit *vit, struct span span)
{
    const size_t width = vit->width;
    for (size_t i = span.first; i < span.first + span.count; i++)
        memcpy(vit->class_stream + i * width, vit->stream + i * vit->tokens * width,
               width * sizeof *vit->class_stream);
}

/* Leaves the bias of the last product to who reads the stream next. */
static void block_forward(const struct vit *vit, const struct vit_block *block, struct span span,
                          const float *late)
{
    const size_t width = vit->width, row = span.first * block->queries;
    const size_t rows = span.count * block->queries;
    /* What blocks share lies apart for each thread: another may be in another block. */
    const size_t place = span.first * vit->tokens;
    float *normed = vit->normed2 + place * width, *hidden = vit->hidden + place * 4 * width;
    float *stream = vit->stream;
    norm_forward(vit, &block->norm1, span.first * vit->tokens, span.count * vit->tokens, stream,
                 late, vit->normed1);
    heads_forward(vit, block, span);
    vit_attention(vit, block, span);
    if (block->queries != vit->tokens) {
        keep_class_tokens(vit, span);
        stream = vit->class_stream;
    }
    const struct outcome sum = {stream + row * width, width, 1};
    linear_forward(block->out.weight.values, width, width,
                   (struct operand){block->attended + row * width, width}, rows, sum);
    norm_forward(vit, &block->norm2, row, rows, stream, block->out.bias.values,
                 vit->normed2 + (place - row) * width);
    float *middle = block->middle + row * 4 * width;
    linear_forward(block->fc.weight.values, 4 * width, width, (struct operand){normed, width}, rows,
                   (struct outcome){middle, 4 * width, 0});
    rows_gelu(middle, rows, 4 * width, block->fc.bias.values, vit->tower.shape.exact_gelu, hidden);
    linear_forward(block->projection.weight.values, width, 4 * width,
                   (struct operand){hidden, 4 * width}, rows, sum);
}

/* ---------------------------------------------------------------------------------------- tower */

void tower_centre_vit(struct tower *tower)
{
    struct vit *vit = (struct vit *)tower;
    const size_t width = vit->width, image = vit->leaving * width;
    const struct tower_peers *peers = tower->peers;
    for (size_t c = 0; c < width; c++) {
        double mine[2] = {0, (double)vit->batch}, sum = 0, images = 0;
        for (size_t i = 0; i < vit->batch; i++)
            mine[0] += (double)vit->last_normed[i * image + c];
        const double *all = peers ? peers->gather(peers->context, mine, 2) : mine;
        for (uint32_t rank = 0; rank < (peers ? peers->count : 1); rank++, all += 2) {
            sum += all[0];
            images += all[1];
        }
        vit->norm_post.bias.values[c] -= (float)(sum / images);
    }
}

struct forward {
    const struct vit *vit;
    const float *pixels;
    float *features;
};

/* Features of what is left of the stream behind its last LayerNorm. */
static void project(const struct forward *forward, struct span span)
{
    const struct vit *vit = forward->vit;
    const size_t width = vit->width, size = vit->feature, row = span.first * vit->leaving;
    float *own = forward->features + span.first * size;
    float *all = vit->leaving > 1 ? vit->tower.tokens.features + row * size : own;
    product((struct product_size){span.count * vit->leaving, size, width}, 1,
            (struct operand){vit->last_normed + row * width, width},
            (struct operand){vit->projection.values, size}, (struct outcome){all, size, 0});
    for (size_t i = 0; vit->leaving > 1 && i < span.count; i++)
        memcpy(own + i * size, all + i * vit->leaving * size, size * sizeof *own);
}

static void forward_images(const struct forward *forward, struct span span)
{
    const struct vit *vit = forward->vit;
    const size_t row = span.first * vit->tokens;
    embed(vit, span, forward->pixels);
    norm_forward(vit, &vit->norm_pre, row, span.count * vit->tokens, vit->normed1, NULL,
                 vit->stream);
    const float *late = NULL;
    for (size_t i = 0; i < vit->layers; i++) {
        block_forward(vit, &vit->blocks[i], span, late);
        late = vit->blocks[i].projection.bias.values;
    }
    norm_forward(vit, &vit->norm_post, span.first * vit->leaving, span.count * vit->leaving,
                 vit->leaving > 1 ? vit->stream : vit->class_stream, late, vit->last_normed);
    project(forward, span);
}

static void forward_share(void *context, size_t member, size_t members)
{
    const struct forward *forward = context;
    forward_images(forward, vit_share(forward->vit, member, members));
}

void train_vit_forward(struct tower *tower, const float *pixels, float *features, bool training)
{
    (void)training; /* a transformer does the same in both */
    struct vit *vit = (struct vit *)tower;
    struct forward forward = {vit, pixels, features};
    crew_run(vit->crew, forward_share, &forward);
}
