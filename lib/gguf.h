/*
 * gguf.h - the container of model files: GGUF version 2 or 3, little-endian, read in place.
 *
 * The reader checks every length against the bytes that are there before it looks at them, and
 * copies only the index; strings and tensors stay where they are.  It knows the container, not what
 * a model needs: that is model.c.
 */
#ifndef QUALICLIP_GGUF_H
#define QUALICLIP_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gguf_format.h"
#include "memory.h"
#include "status.h"

/* Bytes in the file; not terminated. */
struct gguf_text {
    const char *bytes;
    size_t size;
};

struct gguf_value {
    struct gguf_text key;
    enum gguf_value_type type;       /* of the value, or GGUF_ARRAY */
    enum gguf_value_type array_type; /* of an array's elements */
    uint64_t count;                  /* elements of an array, else 1 */
    const unsigned char *data;       /* the (first) element, any alignment */
    size_t size;                     /* bytes of all elements */
};

struct gguf_tensor {
    struct gguf_text name;
    enum gguf_tensor_type type;
    uint32_t dimensions;
    uint64_t shape[GGUF_MAX_DIMENSIONS]; /* the fastest-varying first; 1 beyond `dimensions` */
    const void *data;
    size_t size;  /* bytes */
    size_t count; /* elements */
};

struct gguf {
    struct memory own;  /* what gguf_parse() took and gguf_free() gives back */
    const char *origin; /* for messages: the path, or what stands for it; the caller's */
    uint64_t value_count, tensor_count;
    struct gguf_value *values;
    struct gguf_tensor *tensors; /* in the file's order */
    /* The names (first members) of the above, ascending: to find them; private to gguf*.c. */
    const void **values_by_key, **tensors_by_name;
};

/*
 * Indexes `size` bytes at `data`, which must outlive the result.  Refuses: wrong magic or version,
 * big-endian, cut files, keys or tensors given twice, unknown value types, more than
 * GGUF_MAX_DIMENSIONS dimensions, shapes whose product overflows, tensors that overlap, are not
 * aligned or lie outside.  Tensor types that we cannot use are indexed with size and count 0 only
 * if their size is unknown to us; using them is refused by whoever asks for the tensor.
 */
qc_status gguf_parse(struct gguf *gguf, const void *data, size_t size, const char *origin,
                     struct message *message);
void gguf_free(struct gguf *gguf);

/* The same, with the index in `memory`, which gives it back; also where it fails. */
qc_status gguf_parse_into(struct gguf *gguf, struct memory *memory, const void *data, size_t size,
                          const char *origin, struct message *message);

/* NULL if there is none. */
const struct gguf_value *gguf_find_value(const struct gguf *gguf, const char *key);
const struct gguf_tensor *gguf_find_tensor(const struct gguf *gguf, const char *name);

/*
 * Values with their type checked.  Where the key is missing: QC_OK and *value is left as it is, if
 * `required` is false; an error that names it otherwise.  Integers of any width are accepted where
 * the number fits; f64 where an f32 is wanted.  Floats must be finite; arrays must have `count`
 * elements.
 */
qc_status gguf_get_u32(const struct gguf *gguf, const char *key, bool required, uint32_t *value,
                       struct message *message);
qc_status gguf_get_f32(const struct gguf *gguf, const char *key, bool required, float *value,
                       struct message *message);
qc_status gguf_get_u32s(const struct gguf *gguf, const char *key, bool required, uint32_t *values,
                        size_t count, struct message *message);
qc_status gguf_get_f32s(const struct gguf *gguf, const char *key, bool required, float *values,
                        size_t count, struct message *message);
qc_status gguf_get_bool(const struct gguf *gguf, const char *key, bool required, bool *value,
                        struct message *message);
qc_status gguf_get_text(const struct gguf *gguf, const char *key, bool required,
                        struct gguf_text *value, struct message *message);

/* A name as it may stand in a message: cut, and what is not printable ASCII shown as '?'. */
struct gguf_label {
    char text[80];
};
struct gguf_label gguf_label(struct gguf_text name);

/* "f32" ...; NULL for a type that we do not know. */
const char *gguf_type_name(enum gguf_tensor_type type);

/* Whether it is one of ggml's types of blocks that share a scale: q4_0 and the like. */
bool gguf_type_is_quantised(enum gguf_tensor_type type);

/* Element `index` of an array of strings that gguf_find_value() found; it must be in range. */
struct gguf_text gguf_string_at(const struct gguf_value *value, uint64_t index);

/* The string at *at, which begins as value->data and is moved on to the next. */
struct gguf_text gguf_next_string(const unsigned char **at);

#endif
