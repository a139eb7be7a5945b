/*
 * pickle_globals.c - OrderedDict, torch's tensors and storages, TorchScript's modules and lists.
 * Every size is checked here, so that a tensor that leaves this file lies within its storage,
 * whatever the pickle says.
 */
#include "pickle_globals.h"

#include <inttypes.h>
#include <string.h>

enum global {
    GLOBAL_ORDERED_DICT,
    GLOBAL_REBUILD_TENSOR,
    GLOBAL_REBUILD_PARAMETER,
    GLOBAL_SIZE,
    GLOBAL_DEVICE,
    GLOBAL_TYPED_LIST, /* of one list: that list */
    GLOBAL_TYPE_TAG,   /* of something and its type: that thing */
    GLOBAL_INERT,  /* of what training programs save beside weights: kept as a thing of no use */
    GLOBAL_CLASS,  /* of TorchScript: its code is in the archive, and not looked at */
    GLOBAL_STORAGE /* + enum element_type */
};

static const struct {
    const char *module, *name;
    int global;
} known_globals[] = {
    {"collections", "OrderedDict", GLOBAL_ORDERED_DICT},
    {"torch._utils", "_rebuild_tensor_v2", GLOBAL_REBUILD_TENSOR},
    {"torch._utils", "_rebuild_parameter", GLOBAL_REBUILD_PARAMETER},
    {"torch", "Size", GLOBAL_SIZE},
    {"torch", "device", GLOBAL_DEVICE},
    {"torch.jit._pickle", "build_intlist", GLOBAL_TYPED_LIST},
    {"torch.jit._pickle", "build_doublelist", GLOBAL_TYPED_LIST},
    {"torch.jit._pickle", "build_boollist", GLOBAL_TYPED_LIST},
    {"torch.jit._pickle", "build_tensorlist", GLOBAL_TYPED_LIST},
    {"torch.jit._pickle", "restore_type_tag", GLOBAL_TYPE_TAG},
    {"numpy", "dtype", GLOBAL_INERT},
    {"numpy", "ndarray", GLOBAL_INERT},
    {"numpy.core.multiarray", "scalar", GLOBAL_INERT},
    {"numpy.core.multiarray", "_reconstruct", GLOBAL_INERT},
    {"numpy._core.multiarray", "scalar", GLOBAL_INERT},
    {"numpy._core.multiarray", "_reconstruct", GLOBAL_INERT},
    {"_codecs", "encode", GLOBAL_INERT},
    {"argparse", "Namespace", GLOBAL_INERT},
    {"torch", "FloatStorage", GLOBAL_STORAGE + ELEMENT_F32},
    {"torch", "HalfStorage", GLOBAL_STORAGE + ELEMENT_F16},
    {"torch", "BFloat16Storage", GLOBAL_STORAGE + ELEMENT_BF16},
    {"torch", "DoubleStorage", GLOBAL_STORAGE + ELEMENT_F64},
    {"torch", "LongStorage", GLOBAL_STORAGE + ELEMENT_I64},
    {"torch", "IntStorage", GLOBAL_STORAGE + ELEMENT_I32},
    {"torch", "ShortStorage", GLOBAL_STORAGE + ELEMENT_I16},
    {"torch", "CharStorage", GLOBAL_STORAGE + ELEMENT_I8},
    {"torch", "ByteStorage", GLOBAL_STORAGE + ELEMENT_U8},
    {"torch", "BoolStorage", GLOBAL_STORAGE + ELEMENT_BOOL},
};

static struct value *refuse(char *message, const char *origin, const char *what)
{
    problem(message, "%.200s: data.pkl: %s", origin, what);
    return NULL;
}

static int find_known(const char *module, const char *name)
{
    static const char script[] = "__torch__";
    for (size_t i = 0; i < sizeof known_globals / sizeof known_globals[0]; i++)
        if (strcmp(module, known_globals[i].module) == 0 &&
            strcmp(name, known_globals[i].name) == 0)
            return known_globals[i].global;
    const size_t length = strlen(script);
    const bool is_script =
        strncmp(module, script, length) == 0 && (!module[length] || module[length] == '.');
    return is_script ? GLOBAL_CLASS : -1;
}

struct value *find_global(const char *module, const char *name, const char *origin,
                          struct value_pool *pool, char *message)
{
    const int known = find_known(module, name);
    if (known >= 0) {
        struct value *value = new_value(pool, VALUE_GLOBAL);
        if (!value)
            return refuse(message, origin, "out of memory");
        value->global = known;
        return value;
    }
    const bool is_class = name[0] >= 'A' && name[0] <= 'Z'; /* by Python's convention */
    problem(message,
            "%.200s: data.pkl: %.80s.%.80s is not allowed in a checkpoint: only the names that a "
            "dict of tensors needs are (nothing was executed%s)",
            origin, module, name,
            is_class ? "; if the file holds a whole model, save its state_dict() instead" : "");
    return NULL;
}

struct value *new_module(const struct value *class, const struct value *arguments,
                         const char *origin, struct value_pool *pool, char *message)
{
    const bool is_inert = class->kind == VALUE_GLOBAL && class->global == GLOBAL_INERT;
    if (class->kind != VALUE_GLOBAL || (class->global != GLOBAL_CLASS && !is_inert) ||
        arguments->kind != VALUE_TUPLE || arguments->sequence.count)
        return refuse(message, origin, "makes an object of something that is not a module's class");
    struct value *value = new_value(pool, is_inert ? VALUE_OPAQUE : VALUE_OBJECT);
    return value ? value : refuse(message, origin, "out of memory");
}

struct value *find_storage(const struct value *id, const char *origin, struct value_pool *pool,
                           char *message)
{
    struct value **items = id->sequence.items;
    if (id->kind != VALUE_TUPLE || id->sequence.count != 5 || items[0]->kind != VALUE_STRING ||
        strcmp(items[0]->string, "storage") != 0)
        return refuse(message, origin,
                      "a persistent id is not ('storage', type, key, location, elements)");
    if (items[1]->kind != VALUE_GLOBAL || items[1]->global < GLOBAL_STORAGE)
        return refuse(message, origin, "the type of a storage is not one of torch's");
    if (items[2]->kind != VALUE_STRING || !items[2]->string[0] || strlen(items[2]->string) > 64)
        return refuse(message, origin, "the key of a storage is not a string of 1 to 64 bytes");
    if (items[4]->kind != VALUE_INTEGER || items[4]->integer < 0 ||
        (uint64_t)items[4]->integer > TENSOR_MAX_ELEMENTS)
        return refuse(message, origin, "the size of a storage is not an integer from 0 to 2^48");

    struct value *value = new_value(pool, VALUE_STORAGE);
    struct tensor *storage = pool_allocate(pool, sizeof *storage);
    if (!value || !storage)
        return refuse(message, origin, "out of memory");
    storage->type = (enum element_type)(items[1]->global - GLOBAL_STORAGE);
    storage->storage_key = items[2]->string;
    storage->storage_count = (uint64_t)items[4]->integer;
    value->storage = storage;
    return value;
}

/* Reads a tuple of `count` integers in [0, 2^48]. */
static bool read_sizes(const struct value *tuple, size_t count, uint64_t *sizes)
{
    if (tuple->kind != VALUE_TUPLE || tuple->sequence.count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct value *item = tuple->sequence.items[i];
        if (item->kind != VALUE_INTEGER || item->integer < 0 ||
            (uint64_t)item->integer > TENSOR_MAX_ELEMENTS)
            return false;
        sizes[i] = (uint64_t)item->integer;
    }
    return true;
}

/* (storage, offset, size, stride, requires_grad, hooks, optionally metadata) */
static struct value *rebuild_tensor(const struct value *arguments, const char *origin,
                                    struct value_pool *pool, char *message)
{
    struct value **items = arguments->sequence.items;
    size_t count = arguments->sequence.count;
    if (count < 6 || count > 7 || items[0]->kind != VALUE_STORAGE || items[2]->kind != VALUE_TUPLE)
        return refuse(message, origin,
                      "the arguments of _rebuild_tensor_v2 are not a storage, an "
                      "offset, a shape, strides, a flag and hooks");
    size_t dimensions = items[2]->sequence.count;
    if (dimensions > TENSOR_MAX_DIMENSIONS)
        return refuse(message, origin, "a tensor has more than 8 dimensions");

    struct value *value = new_value(pool, VALUE_TENSOR);
    struct tensor *tensor = pool_allocate(pool, sizeof *tensor);
    if (!value || !tensor)
        return refuse(message, origin, "out of memory");
    *tensor = *items[0]->storage;
    tensor->dimensions = (unsigned)dimensions;
    if (items[1]->kind != VALUE_INTEGER || items[1]->integer < 0 ||
        (uint64_t)items[1]->integer > TENSOR_MAX_ELEMENTS ||
        !read_sizes(items[2], dimensions, tensor->shape) ||
        !read_sizes(items[3], dimensions, tensor->stride))
        return refuse(message, origin,
                      "the offset, a size or a stride of a tensor is not an integer "
                      "from 0 to 2^48");
    tensor->offset = (uint64_t)items[1]->integer;
    if (!tensor_measure(tensor)) {
        problem(message,
                "%.200s: data.pkl: a tensor reaches beyond its storage %.64s of %" PRIu64
                " elements",
                origin, tensor->storage_key, tensor->storage_count);
        return NULL;
    }
    value->tensor = tensor;
    return value;
}

struct value *call_global(const struct value *callable, struct value *arguments, const char *origin,
                          struct value_pool *pool, char *message)
{
    if (callable->kind != VALUE_GLOBAL || arguments->kind != VALUE_TUPLE)
        return refuse(message, origin, "something is called that is not a function with arguments");
    size_t count = arguments->sequence.count;
    struct value **items = arguments->sequence.items;
    struct value *value = NULL;
    switch (callable->global) {
    case GLOBAL_ORDERED_DICT:
        if (count != 0)
            return refuse(message, origin, "OrderedDict is called with arguments");
        value = new_value(pool, VALUE_DICT);
        break;
    case GLOBAL_REBUILD_TENSOR: return rebuild_tensor(arguments, origin, pool, message);
    case GLOBAL_REBUILD_PARAMETER: /* (tensor, requires_grad, hooks) */
        if (count != 3 || items[0]->kind != VALUE_TENSOR)
            return refuse(message, origin,
                          "the arguments of _rebuild_parameter are not a tensor, a "
                          "flag and hooks");
        return items[0];
    case GLOBAL_SIZE:
        if (count != 1 || items[0]->kind != VALUE_TUPLE)
            return refuse(message, origin, "the argument of torch.Size is not a tuple");
        return items[0];
    case GLOBAL_TYPED_LIST:
        if (count != 1 || items[0]->kind != VALUE_LIST)
            return refuse(message, origin,
                          "a list of numbers or tensors is made of something else");
        return items[0];
    case GLOBAL_TYPE_TAG:
        if (count != 2)
            return refuse(message, origin, "the arguments of restore_type_tag are not two");
        return items[0];
    case GLOBAL_CLASS: return refuse(message, origin, "a module's class is called as a function");
    case GLOBAL_INERT:
    case GLOBAL_DEVICE: value = new_value(pool, VALUE_OPAQUE); break;
    default: return refuse(message, origin, "a type of storage is called as a function");
    }
    return value ? value : refuse(message, origin, "out of memory");
}
