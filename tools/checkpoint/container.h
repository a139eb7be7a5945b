/*
 * container.h - what a file format has to offer so that its tensors can be converted: their names
 * and shapes, and any run of their bytes.
 *
 * Each format is one file that fills in a `struct container`, usually as the first member of its
 * own struct, and is named in container_open().  A container decides nothing about models.
 */
#ifndef QUALICLIP_CONTAINER_H
#define QUALICLIP_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "value.h"

struct container {
    const char *format;       /* for people: "torch.save", ... */
    uint64_t file_size;       /* of everything that it consists of, in bytes */
    bool big_endian;          /* the order of bytes in its numbers */
    bool is_module;           /* what is not a tensor in it is settings, not weights */
    size_t file_count;        /* where it consists of several files: how many, else 0 */
    const char *const *files; /* their paths, sorted */
    const struct value *root; /* names and tensors; lives in the pool given to container_open() */

    /*
     * Reads `size` bytes of the storage that tensor->storage_key names, from its byte `first` on;
     * the storage has tensor->storage_count elements of tensor->type, and the range lies inside.
     * No more than this range is held in memory.  False: `message` says why.
     */
    bool (*read)(struct container *container, const struct tensor *tensor, uint64_t first,
                 size_t size, unsigned char *bytes, char *message);
    void (*close)(struct container *container);
};

/*
 * Tells the format by the file's first bytes.  `path` and `pool` must outlive the result.  NULL:
 * `message` says why, and where the format is not known, which ones are.
 */
struct container *container_open(const char *path, struct value_pool *pool, char *message);

/* The same; an index of other files is refused. */
struct container *container_open_file(const char *path, struct value_pool *pool, char *message);

void container_close(struct container *container); /* NULL is allowed */

#endif
