/*
 * checkpoint.c - the dict of a checkpoint as a sorted list of names.
 */
#include "checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "problem.h"

/* What wrappers put before a model's names. */
static const char *const prefixes[] = {"clip_model.", "module.", "clip.", "model."};

/* The dict `name` inside `dict`, or NULL. */
static const struct value *nested_dict(const struct value *dict, const char *name)
{
    for (size_t i = 0; i + 1 < dict->sequence.count; i += 2) {
        const struct value *key = dict->sequence.items[i], *value = dict->sequence.items[i + 1];
        if (key->kind == VALUE_STRING && strcmp(key->string, name) == 0 &&
            value->kind == VALUE_DICT)
            return value;
    }
    return NULL;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const struct checkpoint_entry *)left)->name,
                  ((const struct checkpoint_entry *)right)->name);
}

static bool begins_with(const char *name, const char *start)
{
    return strncmp(name, start, strlen(start)) == 0;
}

/* The prefix under which the dict has CLIP's tensors; the first where none is found. */
static const char *find_prefix(const struct value *dict)
{
    static const char *const starts[] = {"visual.", "vision_model."};
    for (size_t i = 0; i + 1 < dict->sequence.count; i += 2) {
        const struct value *key = dict->sequence.items[i];
        for (size_t p = 0; p < 2 * sizeof prefixes / sizeof prefixes[0]; p++)
            if (key->kind == VALUE_STRING && begins_with(key->string, prefixes[p / 2]) &&
                begins_with(key->string + strlen(prefixes[p / 2]), starts[p % 2]))
                return prefixes[p / 2];
    }
    return prefixes[0];
}

static bool list_entries(struct checkpoint *checkpoint, const struct value *dict, char *message)
{
    size_t count = dict->sequence.count / 2;
    const char *prefix = find_prefix(dict);
    checkpoint->entries = calloc(count ? count : 1, sizeof *checkpoint->entries);
    if (!checkpoint->entries)
        return problem(message, "%.200s: out of memory", checkpoint->origin);
    for (size_t i = 0; i < count; i++) {
        const struct value *key = dict->sequence.items[2 * i];
        if (key->kind != VALUE_STRING)
            return problem(message, "%.200s: the dict has a key that is %s, not a string",
                           checkpoint->origin, kind_name(key->kind));
        const char *name = key->string;
        if (begins_with(name, prefix))
            name += strlen(prefix);
        checkpoint->entries[i].name = name;
        checkpoint->entries[i].value = dict->sequence.items[2 * i + 1];
    }
    checkpoint->count = count;
    qsort(checkpoint->entries, count, sizeof *checkpoint->entries, compare_names);
    for (size_t i = 1; i < count; i++)
        if (strcmp(checkpoint->entries[i - 1].name, checkpoint->entries[i].name) == 0)
            return problem(message, "%.200s: key %.150s occurs twice", checkpoint->origin,
                           checkpoint->entries[i].name);
    return true;
}

static bool read_dict(struct checkpoint *checkpoint, char *message)
{
    const struct value *dict = checkpoint->container->root;
    if (dict->kind != VALUE_DICT)
        return problem(message, "%.200s: holds %s, expected a dict of tensors", checkpoint->origin,
                       kind_name(dict->kind));
    const char *const wrappers[] = {"params", "state_dict"};
    for (size_t i = 0; i < sizeof wrappers / sizeof wrappers[0]; i++) {
        const struct value *inner = nested_dict(dict, wrappers[i]);
        if (inner) {
            checkpoint->outside = wrappers[i];
            dict = inner;
            break;
        }
    }
    return list_entries(checkpoint, dict, message);
}

bool checkpoint_open(struct checkpoint *checkpoint, const char *path, char *message)
{
    memset(checkpoint, 0, sizeof *checkpoint);
    checkpoint->path = path;
    checkpoint->origin = origin_of(path);
    checkpoint->container = container_open(path, &checkpoint->pool, message);
    if (checkpoint->container) {
        checkpoint->file_size = checkpoint->container->file_size;
        if (read_dict(checkpoint, message))
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
