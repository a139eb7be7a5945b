/*
 * safetensors.c - reads the format as its authors describe it, strictly: the tensors fill the data
 * without overlap and without a hole, so that a file holds nothing but what its header names.
 *
 * Source of the format: the README of huggingface/safetensors.
 */
#include "safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "problem.h"

/* The largest CLIP's header has some 200 kB; cJSON may take 40 times what it reads. */
enum { LENGTH_SIZE = 8, HEADER_MAX = 4 << 20, NAME_MAX_SIZE = 255 };

struct safetensors {
    struct container container; /* first: a pointer to it is one to this */
    const char *path;
    int file;
    uint64_t data; /* where it begins in the file */
    uint64_t data_size;
};

/* A tensor, and where its numbers lie in the data. */
struct placed_tensor {
    struct tensor tensor; /* first: a pointer to it is one to this */
    uint64_t begin, end;
};

bool safetensors_begins(const unsigned char *start, size_t count)
{
    return count > LENGTH_SIZE && start[LENGTH_SIZE] == '{';
}

static bool read_bytes(const struct safetensors *file, uint64_t first, size_t size, void *bytes,
                       char *message)
{
    unsigned char *to = bytes;
    while (size) {
        const ssize_t part = pread(file->file, to, size, (off_t)first);
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0)
            return problem(message, "%.200s: %s", origin_of(file->path),
                           part ? strerror(errno) : "the file is cut off");
        to += part;
        first += (uint64_t)part;
        size -= (size_t)part;
    }
    return true;
}

static bool read_storage(struct container *container, const struct tensor *tensor, uint64_t first,
                         size_t size, unsigned char *bytes, char *message)
{
    const struct safetensors *file = (const struct safetensors *)container;
    const struct placed_tensor *placed = (const struct placed_tensor *)tensor;
    return read_bytes(file, file->data + placed->begin + first, size, bytes, message);
}

static void close_file(struct container *container)
{
    struct safetensors *file = (struct safetensors *)container;
    if (file->file >= 0)
        close(file->file);
    free(file);
}

/* -------------------------------------------------------------------------------- one tensor */

static bool find_type(const char *name, enum element_type *type)
{
    static const struct {
        const char *name;
        enum element_type type;
    } types[] = {{"F64", ELEMENT_F64},   {"F32", ELEMENT_F32}, {"F16", ELEMENT_F16},
                 {"BF16", ELEMENT_BF16}, {"I64", ELEMENT_I64}, {"I32", ELEMENT_I32},
                 {"I16", ELEMENT_I16},   {"I8", ELEMENT_I8},   {"U8", ELEMENT_U8},
                 {"BOOL", ELEMENT_BOOL}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(name, types[i].name) == 0) {
            *type = types[i].type;
            return true;
        }
    return false;
}

/* Anything else than visible ASCII could steer a terminal or look like another name. */
static bool is_plain_name(const char *name)
{
    const size_t length = strlen(name);
    for (size_t i = 0; i < length; i++)
        if (name[i] < 0x21 || name[i] > 0x7e)
            return false;
    return length > 0 && length <= NAME_MAX_SIZE;
}

/* Shape, strides of rows that follow each other, and count; at most 2^50 elements. */
static bool read_shape(const cJSON *shape, struct tensor *tensor)
{
    if (!cJSON_IsArray(shape) || cJSON_GetArraySize(shape) > TENSOR_MAX_DIMENSIONS)
        return false;
    const cJSON *item;
    cJSON_ArrayForEach(item, shape)
    {
        if (!json_integer(item, &tensor->shape[tensor->dimensions++]))
            return false;
    }
    tensor->count = 1;
    bool is_empty = false;
    for (unsigned i = tensor->dimensions; i-- > 0;) {
        tensor->stride[i] = tensor->count;
        is_empty = is_empty || !tensor->shape[i];
        if (tensor->shape[i] && tensor->count > ((uint64_t)1 << 50) / tensor->shape[i])
            return false;
        tensor->count *= tensor->shape[i] ? tensor->shape[i] : 1;
    }
    if (is_empty)
        tensor->count = 0;
    return true;
}

static bool read_offsets(const cJSON *offsets, struct placed_tensor *placed)
{
    return cJSON_IsArray(offsets) && cJSON_GetArraySize(offsets) == 2 &&
           json_integer(offsets->child, &placed->begin) &&
           json_integer(offsets->child->next, &placed->end) && placed->begin <= placed->end;
}

static bool read_tensor(const struct safetensors *file, const cJSON *entry,
                        struct placed_tensor *placed, char *message)
{
    const char *origin = origin_of(file->path), *name = entry->string;
    struct tensor *tensor = &placed->tensor;
    if (!is_plain_name(name))
        return problem(message,
                       "%.200s: a tensor is called \"%.100s\", expected 1 to %d visible ASCII "
                       "characters",
                       origin, name, NAME_MAX_SIZE);
    if (!cJSON_IsObject(entry))
        return problem(message, "%.200s: tensor %.150s: expected an object in the header", origin,
                       name);
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "dtype"));
    if (!type || !find_type(type, &tensor->type))
        return problem(message,
                       "%.200s: tensor %.150s: dtype is %.40s, expected F32, F16, BF16 or F64",
                       origin, name, type ? type : "not given");
    if (!read_shape(cJSON_GetObjectItemCaseSensitive(entry, "shape"), tensor))
        return problem(message,
                       "%.200s: tensor %.150s: shape: expected at most %d sizes with a product of "
                       "at most 2^50",
                       origin, name, (int)TENSOR_MAX_DIMENSIONS);
    if (!read_offsets(cJSON_GetObjectItemCaseSensitive(entry, "data_offsets"), placed))
        return problem(message, "%.200s: tensor %.150s: data_offsets: expected [begin, end]",
                       origin, name);
    if (placed->end > file->data_size)
        return problem(message,
                       "%.200s: tensor %.150s ends at byte %" PRIu64 " of the data, which has "
                       "%" PRIu64,
                       origin, name, placed->end, file->data_size);
    const uint64_t size = tensor->count * element_size(tensor->type);
    if (placed->end - placed->begin != size)
        return problem(message,
                       "%.200s: tensor %.150s: data_offsets hold %" PRIu64 " bytes, but its shape "
                       "and type need %" PRIu64,
                       origin, name, placed->end - placed->begin, size);
    tensor->storage_count = tensor->count;
    return true;
}

/* --------------------------------------------------------------------------------- the header */

static int compare_places(const void *left, const void *right)
{
    const struct placed_tensor *a = *(const struct placed_tensor *const *)left;
    const struct placed_tensor *b = *(const struct placed_tensor *const *)right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return a->end < b->end ? -1 : a->end > b->end;
}

/* Whether the tensors, in the order of their places, fill the data. */
static bool check_places(const struct safetensors *file, const struct placed_tensor **places,
                         size_t count, char *message)
{
    const char *origin = origin_of(file->path);
    qsort(places, count, sizeof *places, compare_places);
    uint64_t end = 0;
    for (size_t i = 0; i < count; i++) {
        if (places[i]->begin < end)
            return problem(message, "%.200s: tensors %.100s and %.100s overlap", origin,
                           places[i - 1]->tensor.storage_key, places[i]->tensor.storage_key);
        if (places[i]->begin > end)
            return problem(message,
                           "%.200s: bytes %" PRIu64 " to %" PRIu64 " of the data belong to no "
                           "tensor",
                           origin, end, places[i]->begin);
        end = places[i]->end;
    }
    return end == file->data_size ||
           problem(message,
                   "%.200s: bytes %" PRIu64 " to %" PRIu64 " of the data belong to no tensor",
                   origin, end, file->data_size);
}

/* Free text; read by nobody, but it shall be what the format says. */
static bool check_metadata(const struct safetensors *file, const cJSON *metadata, char *message)
{
    const cJSON *item;
    bool good = cJSON_IsObject(metadata);
    cJSON_ArrayForEach(item, metadata) good = good && cJSON_IsString(item);
    return good || problem(message, "%.200s: __metadata__: expected an object of strings",
                           origin_of(file->path));
}

/* The header's tensors as a dict; `places` has room for all of them. */
static bool read_tensors(struct safetensors *file, const cJSON *header, struct value_pool *pool,
                         const struct placed_tensor **places, char *message)
{
    struct value *root = new_value(pool, VALUE_DICT);
    size_t count = 0;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, header)
    {
        if (strcmp(entry->string, "__metadata__") == 0) {
            if (!check_metadata(file, entry, message))
                return false;
            continue;
        }
        struct value *key = new_value(pool, VALUE_STRING);
        struct value *value = new_value(pool, VALUE_TENSOR);
        struct placed_tensor *placed = pool_allocate(pool, sizeof *placed);
        if (!root || !key || !value || !placed ||
            !(key->string = pool_string(pool, entry->string, strlen(entry->string))) ||
            !sequence_append(pool, root, key) || !sequence_append(pool, root, value))
            return problem(message, "%.200s: out of memory", origin_of(file->path));
        if (!read_tensor(file, entry, placed, message))
            return false;
        placed->tensor.storage_key = key->string;
        value->tensor = &placed->tensor;
        places[count++] = placed;
    }
    file->container.root = root;
    return check_places(file, places, count, message);
}

static bool read_header(struct safetensors *file, struct value_pool *pool, char *message)
{
    const char *origin = origin_of(file->path);
    unsigned char bytes[LENGTH_SIZE];
    if (file->container.file_size < LENGTH_SIZE)
        return problem(message, "%.200s: has %" PRIu64 " bytes, too few for safetensors", origin,
                       file->container.file_size);
    if (!read_bytes(file, 0, sizeof bytes, bytes, message))
        return false;
    uint64_t length = 0;
    for (size_t i = sizeof bytes; i-- > 0;)
        length = length << 8 | bytes[i];
    if (length > file->container.file_size - LENGTH_SIZE)
        return problem(message,
                       "%.200s: the header of %" PRIu64 " bytes runs past the end of the file, "
                       "which has %" PRIu64,
                       origin, length, file->container.file_size);
    if (length > HEADER_MAX)
        return problem(message, "%.200s: the header has %" PRIu64 " bytes, expected at most %d",
                       origin, length, (int)HEADER_MAX);
    file->data = LENGTH_SIZE + length;
    file->data_size = file->container.file_size - file->data;

    char *text = calloc(1, (size_t)length + 1);
    if (!text)
        return problem(message, "%.200s: out of memory", origin);
    cJSON *header = NULL;
    if (read_bytes(file, LENGTH_SIZE, (size_t)length, text, message))
        header = json_parse(text, (size_t)length, origin, message);
    free(text);
    if (!header)
        return false;
    const struct placed_tensor **places =
        malloc(((size_t)cJSON_GetArraySize(header) + 1) * sizeof(struct placed_tensor *));
    const bool good = places ? read_tensors(file, header, pool, places, message)
                             : problem(message, "%.200s: out of memory", origin);
    free(places);
    cJSON_Delete(header);
    return good;
}

struct container *safetensors_open(const char *path, struct value_pool *pool, char *message)
{
    struct stat status;
    struct safetensors *file = calloc(1, sizeof *file);
    if (!file) {
        problem(message, "%.200s: out of memory", origin_of(path));
        return NULL;
    }
    file->container.format = "safetensors";
    file->container.read = read_storage;
    file->container.close = close_file;
    file->path = path;
    file->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->file < 0 || fstat(file->file, &status) != 0) {
        problem(message, "%.200s: %s", origin_of(path), strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        problem(message, "%.200s: not a regular file", origin_of(path));
    } else {
        file->container.file_size = (uint64_t)status.st_size;
        if (read_header(file, pool, message))
            return &file->container;
    }
    close_file(&file->container);
    return NULL;
}
