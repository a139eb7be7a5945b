/*
 * checkpoint.h - a checkpoint as named tensors, and their numbers in any order they are wanted in.
 *
 * The names are those of the file, without what training programs wrap around them (wrapping.c).
 * The numbers of one view at a time are held in memory.
 */
#ifndef QUALICLIP_CHECKPOINT_H
#define QUALICLIP_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "container.h"
#include "value.h"

struct checkpoint_entry {
    const char *name;
    const struct value *value;
    bool used;       /* for whoever wants to know what was left over */
    const char *key; /* the name in the file */
};

enum { CHECKPOINT_NESTING_MAX = 4 };

/* A dict that was looked into. */
struct checkpoint_nesting {
    const char *name;
    const struct value *around; /* the dict that it lies in */
};

/* A part of a tensor in another order: element (i, j, ...) at offset + i * stride[0] + ... */
struct view {
    const char *name; /* of the tensor, for messages */
    const struct tensor *tensor;
    uint64_t offset;
    unsigned dimensions;
    uint64_t shape[4], stride[4];
};

struct checkpoint {
    const char *path, *origin;
    uint64_t file_size;
    size_t count;
    struct checkpoint_entry *entries; /* sorted by name */
    unsigned nesting;                 /* dicts that were looked into, the outermost first: */
    struct checkpoint_nesting nested_in[CHECKPOINT_NESTING_MAX];

    struct container *container;
    struct value_pool pool;
    unsigned char *loaded;   /* the numbers of this view; NULL: of none */
    struct view loaded_view; /* its offset and strides are those within `loaded` */
};

/* `path` must outlive the checkpoint.  False: `message` says why; nothing is left to close. */
bool checkpoint_open(struct checkpoint *checkpoint, const char *path, char *message);
void checkpoint_close(struct checkpoint *checkpoint);

/* NULL if there is none of this name. */
struct checkpoint_entry *checkpoint_find(const struct checkpoint *checkpoint, const char *name);

/* 1 + the largest N among the names "PREFIX" N "." ..., or 0; numbers of more than 3 digits: none.
 */
unsigned checkpoint_count_numbered(const struct checkpoint *checkpoint, const char *prefix);

/* Whether a name begins with `prefix`. */
bool checkpoint_has_prefix(const struct checkpoint *checkpoint, const char *prefix);

/*
 * The tensor of floating-point numbers `name` as a view, marked as used; it must have the given
 * number of dimensions, at most 4, and none of them may be empty.
 */
bool checkpoint_view(struct checkpoint *checkpoint, const char *name, unsigned dimensions,
                     struct view *view, char *message);

/* Fails with both shapes in the message unless the view's is `shape`. */
bool check_shape(const struct checkpoint *checkpoint, const struct view *view,
                 const uint64_t *shape, char *message);

/* Reads the view's numbers; those of the view before are gone.  No more is held than the span of
 * the view, or the tensor's own numbers where they lie far apart. */
bool checkpoint_load(struct checkpoint *checkpoint, const struct view *view, char *message);

/* Copies `count` numbers of the view, which must be the one that was loaded last, in its own order,
 * from element `first` on. */
void checkpoint_read(const struct checkpoint *checkpoint, const struct view *view, uint64_t first,
                     size_t count, double *numbers);

#endif
