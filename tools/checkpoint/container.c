/*
 * container.c - which format a file has.  A file of another kind is called by its name.
 */
#include "container.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "problem.h"
#include "safetensors.h"
#include "shards.h"
#include "torch_container.h"

enum { START_SIZE = 16 };

static const char legacy_start[] = {'\x80', '\x02', '\x8a', '\x0a', 'l', '\xfc', '\x9c', 'F'};

/* The first bytes, and zeros where there are fewer; *count of them are the file's. */
static bool read_start(const char *path, unsigned char start[START_SIZE], size_t *count,
                       char *message)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return problem(message, "%.200s: %s", origin_of(path), strerror(errno));
    memset(start, 0, START_SIZE);
    *count = fread(start, 1, START_SIZE, file);
    int error = ferror(file) ? errno : 0;
    fclose(file);
    if (error)
        return problem(message, "%.200s: %s", origin_of(path), strerror(error));
    return *count || problem(message, "%.200s: the file is empty", origin_of(path));
}

static struct container *open_by_start(const char *path, const unsigned char *start, size_t count,
                                       struct value_pool *pool, char *message)
{
    if (memcmp(start, "PK\x03\x04", 4) == 0)
        return torch_open(path, pool, message);
    if (safetensors_begins(start, count))
        return safetensors_open(path, pool, message);
    if (memcmp(start, legacy_start, sizeof legacy_start) == 0)
        problem(message,
                "%.200s: written in the legacy format of PyTorch before 1.6, which is not read: "
                "load it and save it again with a newer PyTorch",
                origin_of(path));
    else if (memcmp(start, "GGUF", 4) == 0)
        problem(message, "%.200s: this is a model file (GGUF) already", origin_of(path));
    else
        problem(message,
                "%.200s: not a checkpoint of torch.save or torch.jit.save (not a zip archive), nor "
                "safetensors",
                origin_of(path));
    return NULL;
}

struct container *container_open_file(const char *path, struct value_pool *pool, char *message)
{
    unsigned char start[START_SIZE];
    size_t count = 0;
    if (!read_start(path, start, &count, message))
        return NULL;
    return open_by_start(path, start, count, pool, message);
}

struct container *container_open(const char *path, struct value_pool *pool, char *message)
{
    unsigned char start[START_SIZE];
    size_t count = 0;
    if (!read_start(path, start, &count, message))
        return NULL;
    if (shards_begin(start, count))
        return shards_open(path, pool, message);
    return open_by_start(path, start, count, pool, message);
}

void container_close(struct container *container)
{
    if (container)
        container->close(container);
}
