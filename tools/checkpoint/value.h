/*
 * value.h - what a pickle describes: a tree (or, from a hostile file, any graph) of plain values.
 *
 * All of them live in one pool with a limit and are freed together.  Nothing here walks the graph,
 * so cycles and depth cannot hurt; those who read it look at a limited number of levels.
 */
#ifndef QUALICLIP_VALUE_H
#define QUALICLIP_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "numbers.h"

enum { TENSOR_MAX_DIMENSIONS = 8 };

/* No storage has more elements: far above any model, and no sum or product of such overflows. */
#define TENSOR_MAX_ELEMENTS (UINT64_C(1) << 48)

/* A view into a storage: element (i, j, ...) is at offset + i * stride[0] + j * stride[1] + ... */
struct tensor {
    enum element_type type;
    const char *storage_key; /* what the container calls the storage */
    uint64_t storage_count;  /* its elements */
    uint64_t offset;
    unsigned dimensions;
    uint64_t shape[TENSOR_MAX_DIMENSIONS], stride[TENSOR_MAX_DIMENSIONS];
    uint64_t count; /* product of shape */
};

/*
 * Sets the count.  False unless the tensor lies within its storage and no number is beyond
 * TENSOR_MAX_ELEMENTS: whoever makes a tensor from a file must ask.
 */
bool tensor_measure(struct tensor *tensor);

enum value_kind {
    VALUE_NONE,
    VALUE_BOOL,
    VALUE_INTEGER,
    VALUE_FLOAT,
    VALUE_STRING,
    VALUE_TUPLE,
    VALUE_LIST,
    VALUE_DICT, /* items: key, value, key, value ... in the order they were set */
    VALUE_TENSOR,
    VALUE_STORAGE, /* while reading only: an operand of a tensor */
    VALUE_GLOBAL,  /* while reading only: one of the known names */
    VALUE_OBJECT,  /* a TorchScript module: attributes, and no behaviour */
    VALUE_OPAQUE   /* bytes, an integer beyond 64 bits, a device: of no use to us */
};

struct value {
    enum value_kind kind;
    union {
        bool truth;
        int64_t integer;
        double number;
        const char *string; /* zero-terminated, no zero inside */
        struct {
            struct value **items;
            size_t count, capacity;
        } sequence;
        struct tensor *tensor;   /* VALUE_TENSOR */
        struct tensor *storage;  /* VALUE_STORAGE: type, storage_key and storage_count */
        int global;              /* VALUE_GLOBAL: see pickle_globals.c */
        struct {
            struct value *state; /* a dict; NULL: there is none */
            bool open;           /* for whoever walks: being looked at */
        } object;
    };
};

struct value_pool {
    struct value_block *blocks;
    size_t total; /* bytes asked of the system so far */
};

/* Zeroed memory, or NULL where the system or the pool's limit has no more. */
void *pool_allocate(struct value_pool *pool, size_t size);
void pool_free(struct value_pool *pool);

struct value *new_value(struct value_pool *pool, enum value_kind kind);

/* A copy of `size` bytes with a zero behind them. */
const char *pool_string(struct value_pool *pool, const char *bytes, size_t size);

/* Adds to a list, tuple or dict; false: no memory. */
bool sequence_append(struct value_pool *pool, struct value *sequence, struct value *item);

/* What a kind is called in messages: "a dict", ... */
const char *kind_name(enum value_kind kind);

#endif
