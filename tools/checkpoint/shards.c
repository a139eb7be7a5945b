/*
 * shards.c - opens the files that an index names and puts their tensors together.  The index and
 * the files must agree: each tensor is where the index says, and nowhere else.
 */
#include "shards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "problem.h"

enum { INDEX_MAX = 4 << 20, SHARDS_MAX = 256, FILE_NAME_MAX = 255 };

struct shards {
    struct container container; /* first: a pointer to it is one to this */
    const char *path;
    size_t count;
    struct container *files[SHARDS_MAX];
    const char *paths[SHARDS_MAX];
};

/* A tensor of one of the files. */
struct shard_tensor {
    struct tensor tensor; /* first: a pointer to it is one to this */
    const struct tensor *original;
    struct container *file;
};

/* A line of the index. */
struct assignment {
    const char *tensor, *file;
    bool found;
};

/* The start of a safetensors file may look alike, but as a length it would be absurd. */
bool shards_begin(const unsigned char *start, size_t count)
{
    return count > 8 && start[0] == '{' && start[7] != 0;
}

static bool read_storage(struct container *container, const struct tensor *tensor, uint64_t first,
                         size_t size, unsigned char *bytes, char *message)
{
    const struct shard_tensor *placed = (const struct shard_tensor *)tensor;
    (void)container;
    return placed->file->read(placed->file, placed->original, first, size, bytes, message);
}

static void close_shards(struct container *container)
{
    struct shards *shards = (struct shards *)container;
    for (size_t i = 0; i < shards->count; i++)
        container_close(shards->files[i]);
    free(shards);
}

/* ---------------------------------------------------------------------------------- the index */

static int compare_tensors(const void *left, const void *right)
{
    return strcmp(((const struct assignment *)left)->tensor,
                  ((const struct assignment *)right)->tensor);
}

static int compare_files(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* A file beside the index: nothing that leads to another directory. */
static bool is_plain_file_name(const char *name)
{
    for (const char *at = name; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f || *at == '/' || *at == '\\')
            return false;
    return *name && name[0] != '.' && strlen(name) <= FILE_NAME_MAX;
}

/* The index by tensor; to be freed.  Its strings live as long as `index`. */
static struct assignment *read_assignments(const struct shards *shards, const cJSON *index,
                                           size_t *count, char *message)
{
    const char *origin = origin_of(shards->path);
    const cJSON *map = cJSON_GetObjectItemCaseSensitive(index, "weight_map");
    *count = cJSON_IsObject(map) ? (size_t)cJSON_GetArraySize(map) : 0;
    if (!*count) {
        problem(message, "%.200s: weight_map: expected the files of the tensors by name", origin);
        return NULL;
    }
    struct assignment *assignments = calloc(*count, sizeof *assignments);
    if (!assignments) {
        problem(message, "%.200s: out of memory", origin);
        return NULL;
    }
    size_t i = 0;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, map)
    {
        const char *file = cJSON_GetStringValue(entry);
        if (!file || !is_plain_file_name(file)) {
            problem(message,
                    "%.200s: weight_map: tensor %.100s is in \"%.100s\", expected the name of a "
                    "file in the same directory",
                    origin, entry->string, file ? file : "");
            free(assignments);
            return NULL;
        }
        assignments[i++] = (struct assignment){entry->string, file, false};
    }
    qsort(assignments, *count, sizeof *assignments, compare_tensors);
    return assignments;
}

/* --------------------------------------------------------------------------------- the files */

static const char *path_beside(const char *path, const char *file, struct value_pool *pool)
{
    const size_t directory = (size_t)(base_name(path) - path), length = strlen(file);
    char *joined = pool_allocate(pool, directory + length + 1);
    if (!joined)
        return NULL;
    memcpy(joined, path, directory);
    memcpy(joined + directory, file, length + 1);
    return joined;
}

/* The tensors of one file, checked against the index, added to the root. */
static bool add_file(struct shards *shards, const char *name, struct assignment *assignments,
                     size_t count, struct value_pool *pool, char *message)
{
    const char *origin = origin_of(shards->path);
    struct container *file = shards->files[shards->count - 1];
    struct value *root = (struct value *)shards->container.root;
    if (file->root->kind != VALUE_DICT)
        return problem(message, "%.200s: holds %s, expected a dict of tensors",
                       origin_of(shards->paths[shards->count - 1]), kind_name(file->root->kind));
    for (size_t i = 0; i + 1 < file->root->sequence.count; i += 2) {
        struct value *key = file->root->sequence.items[i];
        struct value *value = file->root->sequence.items[i + 1];
        const struct assignment wanted = {key->kind == VALUE_STRING ? key->string : "", NULL,
                                          false};
        struct assignment *found =
            bsearch(&wanted, assignments, count, sizeof wanted, compare_tensors);
        if (!found || strcmp(found->file, name) != 0)
            return problem(message, "%.200s: %.100s holds %.150s, which the index does not say",
                           origin, name, wanted.tensor);
        if (found->found)
            return problem(message, "%.200s: key %.150s occurs twice in %.100s", origin,
                           wanted.tensor, name);
        found->found = true;
        if (value->kind == VALUE_TENSOR) {
            struct shard_tensor *placed = pool_allocate(pool, sizeof *placed);
            struct value *copy = new_value(pool, VALUE_TENSOR);
            if (!placed || !copy)
                return problem(message, "%.200s: out of memory", origin);
            *placed = (struct shard_tensor){*value->tensor, value->tensor, file};
            copy->tensor = &placed->tensor;
            value = copy;
        }
        if (!sequence_append(pool, root, key) || !sequence_append(pool, root, value))
            return problem(message, "%.200s: out of memory", origin);
    }
    return true;
}

static bool open_file(struct shards *shards, const char *name, struct value_pool *pool,
                      char *message)
{
    const char *origin = origin_of(shards->path);
    if (shards->count == SHARDS_MAX)
        return problem(message, "%.200s: weight_map names more than %d files", origin,
                       (int)SHARDS_MAX);
    const char *path = path_beside(shards->path, name, pool);
    if (!path)
        return problem(message, "%.200s: out of memory", origin);
    struct container *file = container_open_file(path, pool, message);
    if (!file)
        return false;
    shards->paths[shards->count] = path;
    shards->files[shards->count++] = file;
    shards->container.file_size += file->file_size;
    if (shards->count == 1)
        shards->container.big_endian = file->big_endian;
    return file->big_endian == shards->container.big_endian ||
           problem(message, "%.200s: its files differ in the order of bytes", origin);
}

static bool open_files(struct shards *shards, struct assignment *assignments, size_t count,
                       struct value_pool *pool, char *message)
{
    const char **names = malloc(count * sizeof *names);
    if (!names)
        return problem(message, "%.200s: out of memory", origin_of(shards->path));
    for (size_t i = 0; i < count; i++)
        names[i] = assignments[i].file;
    qsort(names, count, sizeof *names, compare_files);
    bool good = true;
    for (size_t i = 0; i < count && good; i++)
        if (i == 0 || strcmp(names[i - 1], names[i]) != 0)
            good = open_file(shards, names[i], pool, message) &&
                   add_file(shards, names[i], assignments, count, pool, message);
    free(names);
    for (size_t i = 0; i < count && good; i++)
        if (!assignments[i].found)
            good = problem(message, "%.200s: tensor %.150s is not in %.100s",
                           origin_of(shards->path), assignments[i].tensor, assignments[i].file);
    return good;
}

static bool open_index(struct shards *shards, struct value_pool *pool, char *message)
{
    shards->container.root = new_value(pool, VALUE_DICT);
    if (!shards->container.root)
        return problem(message, "%.200s: out of memory", origin_of(shards->path));
    cJSON *index = json_read(shards->path, INDEX_MAX, message);
    if (!index)
        return false;
    size_t count;
    struct assignment *assignments = read_assignments(shards, index, &count, message);
    const bool good = assignments && open_files(shards, assignments, count, pool, message);
    free(assignments);
    cJSON_Delete(index);
    return good;
}

struct container *shards_open(const char *path, struct value_pool *pool, char *message)
{
    struct shards *shards = calloc(1, sizeof *shards);
    if (!shards) {
        problem(message, "%.200s: out of memory", origin_of(path));
        return NULL;
    }
    shards->path = path;
    shards->container.format = "an index of files";
    shards->container.read = read_storage;
    shards->container.close = close_shards;
    shards->container.files = shards->paths;
    if (open_index(shards, pool, message)) {
        shards->container.file_count = shards->count;
        return &shards->container;
    }
    close_shards(&shards->container);
    return NULL;
}
