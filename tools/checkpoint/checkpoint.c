/*
 * checkpoint.c - opens a checkpoint and finds its names, which are sorted.
 */
#include "checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "wrapping.h"
#include "problem.h"

bool checkpoint_open(struct checkpoint *checkpoint, const char *path, char *message)
{
    memset(checkpoint, 0, sizeof *checkpoint);
    checkpoint->path = path;
    checkpoint->origin = origin_of(path);
    checkpoint->container = container_open(path, &checkpoint->pool, message);
    if (checkpoint->container) {
        checkpoint->file_size = checkpoint->container->file_size;
        if (unwrap_entries(checkpoint, message))
            return true;
    }
    checkpoint_close(checkpoint);
    return false;
}

void checkpoint_close(struct checkpoint *checkpoint)
{
    container_close(checkpoint->container);
    pool_free(&checkpoint->pool);
    free(checkpoint->entries);
    free(checkpoint->loaded);
    memset(checkpoint, 0, sizeof *checkpoint);
}

/* The first entry whose name is not less than `name`. */
static size_t lower_bound(const struct checkpoint *checkpoint, const char *name)
{
    size_t low = 0, high = checkpoint->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(checkpoint->entries[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct checkpoint_entry *checkpoint_find(const struct checkpoint *checkpoint, const char *name)
{
    size_t index = lower_bound(checkpoint, name);
    if (index == checkpoint->count || strcmp(checkpoint->entries[index].name, name) != 0)
        return NULL;
    return &checkpoint->entries[index];
}

bool checkpoint_has_prefix(const struct checkpoint *checkpoint, const char *prefix)
{
    size_t index = lower_bound(checkpoint, prefix);
    return index < checkpoint->count &&
           strncmp(checkpoint->entries[index].name, prefix, strlen(prefix)) == 0;
}

unsigned checkpoint_count_numbered(const struct checkpoint *checkpoint, const char *prefix)
{
    unsigned count = 0;
    size_t length = strlen(prefix);
    for (size_t i = lower_bound(checkpoint, prefix); i < checkpoint->count; i++) {
        const char *name = checkpoint->entries[i].name;
        if (strncmp(name, prefix, length) != 0)
            break;
        unsigned number = 0, digits = 0;
        for (name += length; *name >= '0' && *name <= '9' && digits < 4; name++, digits++)
            number = 10 * number + (unsigned)(*name - '0');
        if (digits >= 1 && digits <= 3 && *name == '.' && number + 1 > count)
            count = number + 1;
    }
    return count;
}
