/*
 * vit_attention.c - softmax(q k^T / sqrt(size)) v, head by head, and the way back.
 */
#include "vit.h"

#include <math.h>

#include "products.h"

/* One head of one image. */
struct head {
    struct operand queries, keys, values;
    float *shares; /* queries x tokens */
    size_t attended, count, tokens, size;
    float scale;
};

static size_t head_offset(size_t row, size_t stride, size_t channel)
{
    return row * stride + channel;
}

static struct head find_head(const struct vit *vit, const struct vit_block *block, size_t image,
                             size_t index)
{
    const size_t size = vit->width / vit->heads, channel = index * size;
    const struct vit_heads *heads = &block->heads;
    const float *keys = heads->keys + head_offset(image * vit->tokens, heads->key_stride, channel);
    const size_t first_query = image * block->queries;
    return (struct head){
        .queries = {heads->queries + head_offset(first_query, heads->query_stride, channel),
                    heads->query_stride},
        .keys = {keys, heads->key_stride},
        .values = {keys + vit->width, heads->key_stride},
        .shares = block->shares + (image * vit->heads + index) * block->queries * vit->tokens,
        .attended = head_offset(first_query, vit->width, channel),
        .count = block->queries,
        .tokens = vit->tokens,
        .size = size,
        .scale = 1.0f / sqrtf((float)size),
    };
}

static void attend(const struct vit *vit, const struct head *head, float *attended)
{
    const struct outcome shares = {head->shares, head->tokens, 0};
    product_transposed((struct product_size){head->count, head->tokens, head->size}, head->scale,
                       head->queries, head->keys, shares);
    rows_softmax(head->shares, head->count, head->tokens);
    product((struct product_size){head->count, head->size, head->tokens}, 1,
            (struct operand){head->shares, head->tokens}, head->values,
            (struct outcome){attended + head->attended, vit->width, 0});
}

void vit_attention(const struct vit *vit, const struct vit_block *block, struct span span)
{
    for (size_t image = span.first; image < span.first + span.count; image++) {
        for (size_t index = 0; index < vit->heads; index++) {
            const struct head head = find_head(vit, block, image, index);
            attend(vit, &head, block->attended);
        }
    }
}

/* `change`: where the gradients of this head's queries and keys begin. */
static void attend_back(const struct vit *vit, const struct head *head,
                        const float *attended_change, float *share_changes, struct vit_heads change)
{
    const struct product_size pairs = {head->count, head->tokens, head->size};
    const struct product_size to_keys = {head->tokens, head->size, head->count};
    const struct product_size to_queries = {head->count, head->size, head->tokens};
    const struct operand above = {attended_change + head->attended, vit->width};
    const struct operand shares = {head->shares, head->tokens};
    const struct operand changes = {share_changes, head->tokens};
    float *value_change = change.keys + vit->width;

    product_of_columns(to_keys, 1, shares, above,
                       (struct outcome){value_change, change.key_stride, 0});
    product_transposed(pairs, 1, above, head->values,
                       (struct outcome){share_changes, head->tokens, 0});
    rows_softmax_back(head->shares, share_changes, head->count, head->tokens, head->scale);
    product(to_queries, 1, changes, head->keys,
            (struct outcome){change.queries, change.query_stride, 0});
    product_of_columns(to_keys, 1, changes, head->queries,
                       (struct outcome){change.keys, change.key_stride, 0});
}

void vit_attention_back(const struct vit *vit, const struct vit_block *block, struct span span,
                        float *share_changes)
{
    for (size_t image = span.first; image < span.first + span.count; image++) {
        for (size_t index = 0; index < vit->heads; index++) {
            const struct head head = find_head(vit, block, image, index);
            struct vit_heads change = vit->heads_change;
            change.queries += head.queries.data - block->heads.queries;
            change.keys += head.keys.data - block->heads.keys;
            attend_back(vit, &head, vit->attended_change, share_changes, change);
        }
    }
}
