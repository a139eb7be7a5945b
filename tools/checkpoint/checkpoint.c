/*
 * checkpoint.c - the dict of a checkpoint as a sorted list of names; tensors read through strides.
 */
#include "checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pickle.h"
#include "problem.h"
#include "torch_zip.h"

static const char own_prefix[] = "clip_model.";

/* ------------------------------------------------------------------------------------- names */

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

static bool list_entries(struct checkpoint *checkpoint, const struct value *dict, char *message)
{
    size_t count = dict->sequence.count / 2;
    checkpoint->entries = calloc(count ? count : 1, sizeof *checkpoint->entries);
    if (!checkpoint->entries)
        return problem(message, "%.200s: out of memory", checkpoint->origin);
    for (size_t i = 0; i < count; i++) {
        const struct value *key = dict->sequence.items[2 * i];
        if (key->kind != VALUE_STRING)
            return problem(message, "%.200s: the dict has a key that is %s, not a string",
                           checkpoint->origin, kind_name(key->kind));
        const char *name = key->string;
        if (strncmp(name, own_prefix, strlen(own_prefix)) == 0)
            name += strlen(own_prefix);
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

/* The dict of tensors inside `dict`, at most two wrappers deep: GRepQ's is model -> state_dict. */
static const struct value *unwrap(struct checkpoint *checkpoint, const struct value *dict)
{
    static const char *const wrappers[] = {"params", "state_dict", "model"};
    for (int depth = 0; depth < 2; depth++) {
        const struct value *inner = NULL;
        for (size_t i = 0; i < sizeof wrappers / sizeof wrappers[0] && !inner; i++) {
            inner = nested_dict(dict, wrappers[i]);
            if (inner && !checkpoint->outside)
                checkpoint->outside = wrappers[i];
        }
        dict = inner ? inner : dict;
    }
    return dict;
}

static bool read_dict(struct checkpoint *checkpoint, char *message)
{
    size_t size;
    unsigned char *pickle = torch_zip_read_pickle(checkpoint->zip, &size, message);
    if (!pickle)
        return false;
    const struct value *dict =
        pickle_read(pickle, size, checkpoint->origin, &checkpoint->pool, message);
    free(pickle);
    if (!dict)
        return false;
    if (dict->kind != VALUE_DICT)
        return problem(message, "%.200s: holds %s, expected a dict of tensors", checkpoint->origin,
                       kind_name(dict->kind));
    return list_entries(checkpoint, unwrap(checkpoint, dict), message);
}

bool checkpoint_open(struct checkpoint *checkpoint, const char *path, char *message)
{
    memset(checkpoint, 0, sizeof *checkpoint);
    checkpoint->path = path;
    checkpoint->origin = origin_of(path);
    checkpoint->zip = torch_zip_open(path, message);
    if (!checkpoint->zip)
        return false;
    checkpoint->file_size = torch_zip_file_size(checkpoint->zip);
    if (read_dict(checkpoint, message))
        return true;
    checkpoint_close(checkpoint);
    return false;
}

void checkpoint_close(struct checkpoint *checkpoint)
{
    torch_zip_close(checkpoint->zip);
    pool_free(&checkpoint->pool);
    free(checkpoint->entries);
    free(checkpoint->storage);
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

/* ------------------------------------------------------------------------------------- views */

/* "(64, 3, 32, 32)" */
static void print_shape(char *text, size_t size, unsigned dimensions, const uint64_t *shape)
{
    size_t used = (size_t)snprintf(text, size, "(");
    for (unsigned i = 0; i < dimensions && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRIu64, i ? ", " : "", shape[i]);
    if (used < size)
        snprintf(text + used, size - used, ")");
}

bool checkpoint_view(struct checkpoint *checkpoint, const char *name, unsigned dimensions,
                     struct view *view, char *message)
{
    struct checkpoint_entry *entry = checkpoint_find(checkpoint, name);
    if (!entry)
        return problem(message, "%.200s: tensor %.150s is missing", checkpoint->origin, name);
    if (entry->value->kind != VALUE_TENSOR)
        return problem(message, "%.200s: %.150s is %s, expected a tensor", checkpoint->origin, name,
                       kind_name(entry->value->kind));
    const struct tensor *tensor = entry->value->tensor;
    if (!element_is_float(tensor->type))
        return problem(message, "%.200s: tensor %.150s holds %s numbers, expected f32, f16, bf16 "
                                "or f64",
                       checkpoint->origin, name, element_name(tensor->type));
    if (tensor->dimensions != dimensions || !tensor->count) {
        char shape[200];
        print_shape(shape, sizeof shape, tensor->dimensions, tensor->shape);
        return problem(message,
                       "%.200s: tensor %.100s has shape %.100s, expected %u dimensions that are "
                       "not empty",
                       checkpoint->origin, name, shape, dimensions);
    }
    entry->used = true;
    view->name = entry->name;
    view->tensor = tensor;
    view->offset = tensor->offset;
    view->dimensions = dimensions;
    for (unsigned i = 0; i < dimensions; i++) {
        view->shape[i] = tensor->shape[i];
        view->stride[i] = tensor->stride[i];
    }
    return true;
}

bool check_shape(const struct checkpoint *checkpoint, const struct view *view,
                 const uint64_t *shape, char *message)
{
    if (memcmp(view->shape, shape, view->dimensions * sizeof *shape) == 0)
        return true;
    char have[100], want[100];
    print_shape(have, sizeof have, view->dimensions, view->shape);
    print_shape(want, sizeof want, view->dimensions, shape);
    return problem(message, "%.200s: tensor %.100s has shape %s, expected %s", checkpoint->origin,
                   view->name, have, want);
}

bool checkpoint_load(struct checkpoint *checkpoint, const struct view *view, char *message)
{
    const struct tensor *tensor = view->tensor;
    size_t element = element_size(tensor->type);
    uint64_t bytes = tensor->storage_count * element; /* at most 2^51 */
    if (checkpoint->storage && strcmp(checkpoint->storage_key, tensor->storage_key) == 0 &&
        checkpoint->storage_type == tensor->type && checkpoint->storage_bytes == bytes)
        return true;
    free(checkpoint->storage);
    checkpoint->storage = torch_zip_read_storage(checkpoint->zip, tensor->storage_key,
                                                 tensor->storage_count, element, message);
    if (!checkpoint->storage)
        return false;
    checkpoint->storage_key = tensor->storage_key;
    checkpoint->storage_type = tensor->type;
    checkpoint->storage_bytes = (size_t)bytes;
    if (torch_zip_big_endian(checkpoint->zip))
        swap_bytes(checkpoint->storage, (size_t)tensor->storage_count, element);
    return true;
}

void checkpoint_read(const struct checkpoint *checkpoint, const struct view *view, uint64_t first,
                     size_t count, double *numbers)
{
    enum element_type type = view->tensor->type;
    size_t element = element_size(type);
    uint64_t index[4], rest = first, place = view->offset;
    for (unsigned i = view->dimensions; i-- > 0;) {
        index[i] = rest % view->shape[i];
        rest /= view->shape[i];
        place += index[i] * view->stride[i];
    }
    for (size_t n = 0; n < count; n++) {
        numbers[n] = element_value(type, checkpoint->storage + (size_t)place * element);
        for (unsigned i = view->dimensions; i-- > 0;) {
            place += view->stride[i];
            if (++index[i] < view->shape[i])
                break;
            place -= view->shape[i] * view->stride[i];
            index[i] = 0;
        }
    }
}
