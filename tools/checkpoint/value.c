/*
 * value.c - the pool that a checkpoint's values live in, and what makes a tensor a safe one.
 */
#include "value.h"

#include <stdlib.h>
#include <string.h>

/* A checkpoint of 1000 tensors takes about 2 MB; a file that needs more than this is an attack. */
static const size_t pool_limit = (size_t)256 << 20;
static const size_t block_size = (size_t)64 << 10;

struct value_block {
    struct value_block *next;
    size_t used, size;
    max_align_t data[];
};

void *pool_allocate(struct value_pool *pool, size_t size)
{
    if (size > pool_limit)
        return NULL;
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct value_block *block = pool->blocks;
    if (!block || block->size - block->used < size) {
        size_t room = size > block_size ? size : block_size;
        if (room > pool_limit - pool->total)
            return NULL;
        block = calloc(1, sizeof *block + room);
        if (!block)
            return NULL;
        block->size = room;
        block->next = pool->blocks;
        pool->blocks = block;
        pool->total += room;
    }
    void *memory = (unsigned char *)block->data + block->used;
    block->used += size;
    return memory;
}

void pool_free(struct value_pool *pool)
{
    while (pool->blocks) {
        struct value_block *next = pool->blocks->next;
        free(pool->blocks);
        pool->blocks = next;
    }
    pool->total = 0;
}

struct value *new_value(struct value_pool *pool, enum value_kind kind)
{
    struct value *value = pool_allocate(pool, sizeof *value);
    if (value)
        value->kind = kind;
    return value;
}

const char *pool_string(struct value_pool *pool, const char *bytes, size_t size)
{
    char *string = pool_allocate(pool, size + 1);
    if (string)
        memcpy(string, bytes, size);
    return string;
}

bool sequence_append(struct value_pool *pool, struct value *sequence, struct value *item)
{
    if (sequence->sequence.count == sequence->sequence.capacity) {
        size_t capacity = sequence->sequence.capacity ? 2 * sequence->sequence.capacity : 4;
        struct value **items = pool_allocate(pool, capacity * sizeof(struct value *));
        if (!items)
            return false;
        if (sequence->sequence.count)
            memcpy(items, sequence->sequence.items,
                   sequence->sequence.count * sizeof(struct value *));
        sequence->sequence.items = items;
        sequence->sequence.capacity = capacity;
    }
    sequence->sequence.items[sequence->sequence.count++] = item;
    return true;
}

bool tensor_measure(struct tensor *tensor)
{
    uint64_t count = 1;
    bool empty = false;
    if (tensor->dimensions > TENSOR_MAX_DIMENSIONS || tensor->offset > TENSOR_MAX_ELEMENTS ||
        tensor->storage_count > TENSOR_MAX_ELEMENTS)
        return false;
    for (unsigned i = 0; i < tensor->dimensions; i++) {
        if (tensor->shape[i] == 0)
            empty = true;
        else if (count > TENSOR_MAX_ELEMENTS / tensor->shape[i])
            return false;
        else
            count *= tensor->shape[i];
    }
    tensor->count = empty ? 0 : count;
    if (empty)
        return true;

    uint64_t last = tensor->offset;
    for (unsigned i = 0; i < tensor->dimensions; i++) {
        uint64_t steps = tensor->shape[i] - 1;
        if (steps && tensor->stride[i] > TENSOR_MAX_ELEMENTS / steps)
            return false;
        last += steps * tensor->stride[i]; /* at most 9 * 2^48 */
    }
    return last < tensor->storage_count;
}

const char *kind_name(enum value_kind kind)
{
    switch (kind) {
    case VALUE_NONE: return "None";
    case VALUE_BOOL: return "a bool";
    case VALUE_INTEGER: return "an integer";
    case VALUE_FLOAT: return "a float";
    case VALUE_STRING: return "a string";
    case VALUE_TUPLE: return "a tuple";
    case VALUE_LIST: return "a list";
    case VALUE_DICT: return "a dict";
    case VALUE_TENSOR: return "a tensor";
    case VALUE_STORAGE: return "a storage";
    case VALUE_GLOBAL: return "a global name";
    case VALUE_OBJECT: return "a module";
    case VALUE_OPAQUE: return "an object";
    }
    return "an unknown thing";
}
