/*
 * vit_backward.c - gradients of features to gradients of all parameters.
 *
 * Block by block from above, in two steps that all threads take together: each leads its own
 * images' gradients down through the block, then each sums its share of the weights' gradients over
 * all images.  Outputs of LayerNorm and GELU, which that needs, are made again on the way down.
 */
#include "vit.h"

#include <string.h>

#include "products.h"

/* ------------------------------------------------------------------------- down, image by image */

static float *sum_of(const struct vit *vit, size_t member, enum vit_sums sum)
{
    return vit->sums + (member * SUM_COUNT + sum) * vit->width;
}

static void norm_back(const struct vit *vit, const struct vit_norm *norm, size_t row, size_t rows,
                      float *change, size_t member, enum vit_sums gain_sum, float *out)
{
    const size_t width = vit->width;
    const struct norm at = {norm->gain.values, norm->bias.values, norm->normal + row * width,
                            norm->inverse + row};
    float *gain = sum_of(vit, member, gain_sum), *bias = gain + width;
    memset(gain, 0, 2 * width * sizeof *gain);
    rows_norm_back(&at, change + row * width, rows, width, gain, bias, out + row * width);
}

/* Without the bias, which adds nothing to the gradient of x. */
static void linear_back(const float *weight, size_t outputs, size_t inputs, struct operand change,
                        size_t rows, struct outcome out)
{
    product((struct product_size){rows, inputs, outputs}, 1, change,
            (struct operand){weight, inputs}, out);
}

static void mlp_back(const struct vit *vit, const struct vit_block *block, struct span span,
                     size_t member)
{
    const size_t width = vit->width, row = span.first * block->queries;
    const size_t rows = span.count * block->queries;
    float *hidden_change = vit->hidden_change + row * 4 * width;
    float *above = vit->above + row * width, *between = vit->between + row * width;
    linear_back(block->projection.weight.values, width, 4 * width, (struct operand){above, width},
                rows, (struct outcome){hidden_change, 4 * width, 0});
    rows_gelu_back(block->middle + row * 4 * width, hidden_change, rows * 4 * width,
                   vit->tower.shape.exact_gelu, vit->hidden + row * 4 * width);
    linear_back(block->fc.weight.values, 4 * width, width,
                (struct operand){hidden_change, 4 * width}, rows,
                (struct outcome){between, width, 0});
    norm_back(vit, &block->norm2, row, rows, vit->between, member, SUM_GAIN2, vit->normed2);
    rows_add(between, 1, rows * width, above);
}

/* The gradient of norm1's output: heads_change times the packed weights, or their parts. */
static void heads_back(const struct vit *vit, const struct vit_block *block, struct span span)
{
    const size_t width = vit->width, row = span.first * vit->tokens;
    const size_t rows = span.count * vit->tokens;
    const struct vit_heads *change = &vit->heads_change;
    const float *weight = block->in.weight.values;
    float *below = vit->below + row * width;
    const struct operand queries = {
        change->queries + span.first * block->queries * change->query_stride, change->query_stride};
    const struct operand keys = {change->keys + row * change->key_stride, change->key_stride};
    if (block->queries == vit->tokens) {
        linear_back(weight, 3 * width, width, queries, rows, (struct outcome){below, width, 0});
        return;
    }
    linear_back(weight + width * width, 2 * width, width, keys, rows,
                (struct outcome){below, width, 0});
    linear_back(weight, width, width, queries, span.count,
                (struct outcome){below, vit->tokens * width, 1});
}

static void attention_back(const struct vit *vit, const struct vit_block *block, struct span span,
                           size_t member)
{
    const size_t width = vit->width, row = span.first * block->queries;
    const size_t rows = span.count * block->queries;
    const float *between = vit->between + row * width;
    linear_back(block->out.weight.values, width, width, (struct operand){between, width}, rows,
                (struct outcome){vit->attended_change + row * width, width, 0});
    vit_attention_back(vit, block, span, vit->share_changes + member * vit->tokens * vit->tokens);
    heads_back(vit, block, span);
    norm_back(vit, &block->norm1, span.first * vit->tokens, span.count * vit->tokens, vit->below,
              member, SUM_GAIN1, vit->normed1);
    /* The stream went past the block, too: all of it, or the class tokens alone. */
    for (size_t i = 0; i < span.count; i++)
        rows_add(vit->below + (span.first + i) * vit->tokens * width, 1, block->queries * width,
                 between + i * block->queries * width);
}

/* ---------------------------------------------------------------- across, parameter by parameter
 */

/* What a member sums of a layer: outputs from `first`, over all rows of the batch. */
struct outputs {
    size_t first, count;
};

static struct outputs output_share(size_t outputs, size_t member, size_t members)
{
    const size_t first = crew_share(outputs, member, members);
    return (struct outputs){first, crew_share(outputs, member + 1, members) - first};
}

/* Gradient of weights (outputs x inputs) and, unless NULL, of the bias. */
static void sum_linear(struct outputs share, size_t inputs, size_t rows, struct operand change,
                       struct operand x, float *weight, float *bias)
{
    const struct operand part = {change.data + share.first, change.stride};
    product_of_columns((struct product_size){share.count, inputs, rows}, 1, part, x,
                       (struct outcome){weight + share.first * inputs, inputs, 0});
    if (bias)
        rows_sum(part.data, rows, part.stride, share.count, bias + share.first);
}

static void sum_norm(const struct vit *vit, const struct vit_norm *norm, enum vit_sums gain_sum,
                     size_t member, size_t members)
{
    const struct outputs share = output_share(vit->width, member, members);
    const size_t stride = SUM_COUNT * vit->width;
    const float *gains = sum_of(vit, 0, gain_sum) + share.first, *biases = gains + vit->width;
    rows_sum(gains, members, stride, share.count, norm->gain.gradient + share.first);
    rows_sum(biases, members, stride, share.count, norm->bias.gradient + share.first);
}

static void sum_heads(const struct vit *vit, const struct vit_block *block, size_t member,
                      size_t members)
{
    const size_t width = vit->width;
    const struct vit_heads *change = &vit->heads_change;
    const struct operand normed = {vit->normed1, width};
    const struct operand class_rows = {vit->normed1, vit->tokens * width};
    const struct operand queries = {change->queries, change->query_stride};
    const struct operand keys = {change->keys, change->key_stride};
    float *weight = block->in.weight.gradient, *bias = block->in.bias.gradient;
    if (block->queries == vit->tokens) {
        sum_linear(output_share(3 * width, member, members), width, vit->rows, queries, normed,
                   weight, bias);
        return;
    }
    sum_linear(output_share(width, member, members), width, vit->batch, queries, class_rows, weight,
               bias);
    sum_linear(output_share(2 * width, member, members), width, vit->rows, keys, normed,
               weight + width * width, bias + width);
}

static void sum_block(const struct vit *vit, const struct vit_block *block, size_t member,
                      size_t members)
{
    const size_t width = vit->width, rows = vit->batch * block->queries;
    const struct outputs share = output_share(width, member, members);
    sum_linear(share, 4 * width, rows, (struct operand){vit->above, width},
               (struct operand){vit->hidden, 4 * width}, block->projection.weight.gradient,
               block->projection.bias.gradient);
    sum_linear(output_share(4 * width, member, members), width, rows,
               (struct operand){vit->hidden_change, 4 * width},
               (struct operand){vit->normed2, width}, block->fc.weight.gradient,
               block->fc.bias.gradient);
    sum_linear(share, width, rows, (struct operand){vit->between, width},
               (struct operand){block->attended, width}, block->out.weight.gradient,
               block->out.bias.gradient);
    sum_heads(vit, block, member, members);
    sum_norm(vit, &block->norm2, SUM_GAIN2, member, members);
    sum_norm(vit, &block->norm1, SUM_GAIN1, member, members);
}

/* ---------------------------------------------------------------------------------------- steps */

struct descent {
    struct vit *vit;
    const struct vit_block *block;
};

/* Of all that left. */
static const float *left_gradients(const struct vit *vit)
{
    return vit->leaving > 1 ? vit->tower.tokens.gradients : vit->feature_gradients;
}

static void down_from_features(void *context, size_t member, size_t members)
{
    const struct vit *vit = ((const struct descent *)context)->vit;
    const struct span span = vit_share(vit, member, members);
    const size_t width = vit->width, feature = vit->feature;
    const size_t row = span.first * vit->leaving, rows = span.count * vit->leaving;
    for (size_t i = span.first; vit->leaving > 1 && i < span.first + span.count; i++)
        memcpy(vit->tower.tokens.gradients + i * vit->leaving * feature,
               vit->feature_gradients + i * feature, feature * sizeof(float));
    product_transposed((struct product_size){rows, width, feature}, 1,
                       (struct operand){left_gradients(vit) + row * feature, feature},
                       (struct operand){vit->projection.values, feature},
                       (struct outcome){vit->above + row * width, width, 0});
    norm_back(vit, &vit->norm_post, row, rows, vit->above, member, SUM_GAIN, vit->last_normed);
}

static void sum_features(void *context, size_t member, size_t members)
{
    const struct vit *vit = ((const struct descent *)context)->vit;
    sum_linear(output_share(vit->width, member, members), vit->feature, vit->batch * vit->leaving,
               (struct operand){vit->last_normed, vit->width},
               (struct operand){left_gradients(vit), vit->feature}, vit->projection.gradient, NULL);
    sum_norm(vit, &vit->norm_post, SUM_GAIN, member, members);
}

static void down_block(void *context, size_t member, size_t members)
{
    const struct descent *descent = context;
    const struct span span = vit_share(descent->vit, member, members);
    mlp_back(descent->vit, descent->block, span, member);
    attention_back(descent->vit, descent->block, span, member);
}

static void sum_of_block(void *context, size_t member, size_t members)
{
    const struct descent *descent = context;
    sum_block(descent->vit, descent->block, member, members);
}

static void down_to_patches(void *context, size_t member, size_t members)
{
    const struct vit *vit = ((const struct descent *)context)->vit;
    const struct span span = vit_share(vit, member, members);
    norm_back(vit, &vit->norm_pre, span.first * vit->tokens, span.count * vit->tokens, vit->above,
              member, SUM_GAIN, vit->normed1);
}

static void sum_patches(void *context, size_t member, size_t members)
{
    const struct vit *vit = ((const struct descent *)context)->vit;
    const size_t width = vit->width, image = vit->tokens * width;
    const struct outputs share = output_share(width, member, members);
    sum_linear(share, vit->patch_values, vit->rows, (struct operand){vit->above, width},
               (struct operand){vit->pixels, vit->patch_values}, vit->patch_embedding.gradient,
               NULL);
    rows_sum(vit->above + share.first, vit->batch, image, share.count,
             vit->class_embedding.gradient + share.first);
    if (vit->positions.gradient) {
        const struct outputs part = output_share(image, member, members);
        rows_sum(vit->above + part.first, vit->batch, image, part.count,
                 vit->positions.gradient + part.first);
    }
    sum_norm(vit, &vit->norm_pre, SUM_GAIN, member, members);
}

/* The gradients of heads lie as the block's heads do. */
static struct vit_heads heads_like(const struct vit *vit, const struct vit_block *block)
{
    struct vit_heads change = block->heads;
    change.queries = vit->heads_change_memory;
    change.keys = vit->heads_change_memory + (block->heads.keys - block->heads.queries);
    return change;
}

void train_vit_backward(struct tower *tower, const float *feature_gradients)
{
    struct vit *vit = (struct vit *)tower;
    struct descent descent = {vit, NULL};
    vit->feature_gradients = feature_gradients;
    crew_run(vit->crew, down_from_features, &descent);
    crew_run(vit->crew, sum_features, &descent);
    for (size_t i = vit->layers; i-- > 0;) {
        descent.block = &vit->blocks[i];
        vit->heads_change = heads_like(vit, descent.block);
        crew_run(vit->crew, down_block, &descent);
        crew_run(vit->crew, sum_of_block, &descent);
        float *above = vit->above;
        vit->above = vit->below;
        vit->below = above;
    }
    crew_run(vit->crew, down_to_patches, &descent);
    crew_run(vit->crew, sum_patches, &descent);
}
