/*
 * gguf.c - indexes a GGUF file that lies in memory: what is there, where, and that it holds
 * together.
 *
 * Every number in the file is hostile until it was compared with the bytes that are there.  It may
 * not copy or interpret tensors, and knows one key only: the alignment.
 */
#include "gguf.h"

#include <string.h>

#include "c_text.h"
#include "sort.h"

/* Far beyond any model; they bound the index's memory and the time to check it. */
#define MAX_VALUES  (UINT64_C(1) << 16)
#define MAX_TENSORS (UINT64_C(1) << 16)
#define MAX_NAME    (UINT64_C(1) << 16)

/* Bytes of the shortest key with its value, and of the shortest entry in the tensor table. */
#define SMALLEST_VALUE  (8 + 4 + 1)
#define SMALLEST_TENSOR (8 + 4 + 8 + 4 + 8)

struct reader {
    const unsigned char *data;
    size_t size, position;
    const char *origin;
    struct message *message;
    struct memory *memory; /* of the index */
};

/* The next `count` bytes, or NULL where the file ends before. */
static const unsigned char *take(struct reader *reader, uint64_t count)
{
    if (count > reader->size - reader->position)
        return NULL;
    const unsigned char *bytes = reader->data + reader->position;
    reader->position += (size_t)count;
    return bytes;
}

static bool take_integer(struct reader *reader, size_t size, uint64_t *value)
{
    const unsigned char *bytes = take(reader, size);
    if (!bytes)
        return false;
    *value = 0;
    for (size_t i = 0; i < size; i++)
        *value |= (uint64_t)bytes[i] << (8 * i);
    return true;
}

static qc_status fail_cut(const struct reader *reader, const char *what)
{
    return fail(reader->message, QC_ERROR_FORMAT, "%s: cut short: ends after %zu bytes, within %s",
                reader->origin, reader->size, what);
}

static qc_status fail_memory(const struct reader *reader)
{
    return fail(reader->message, QC_ERROR_MEMORY, "%s: not enough memory for the index",
                reader->origin);
}

static qc_status read_name(struct reader *reader, const char *what, struct gguf_text *name)
{
    uint64_t size;
    if (!take_integer(reader, 8, &size))
        return fail_cut(reader, what);
    if (size < 1 || size > MAX_NAME)
        return fail(reader->message, QC_ERROR_FORMAT,
                    "%s: %s of %llu bytes at byte %zu, expected 1 to %llu", reader->origin, what,
                    (unsigned long long)size, reader->position - 8, (unsigned long long)MAX_NAME);
    name->bytes = (const char *)take(reader, size);
    name->size = (size_t)size;
    return name->bytes ? QC_OK : fail_cut(reader, what);
}

/* ------------------------------------------------------------------------------------ header */

static qc_status read_header(struct reader *reader, struct gguf *gguf)
{
    const unsigned char *magic = take(reader, 4);
    if (!magic || memcmp(magic, GGUF_MAGIC, 4) != 0)
        return fail(reader->message, QC_ERROR_FORMAT,
                    "%s: not a model file: expected it to begin with \"" GGUF_MAGIC "\"",
                    reader->origin);
    uint64_t version;
    if (!take_integer(reader, 4, &version))
        return fail_cut(reader, "the header");
    if (version && !(version & 0xFFFF))
        return fail(reader->message, QC_ERROR_UNSUPPORTED,
                    "%s: big-endian GGUF, expected little-endian", reader->origin);
    if (version < GGUF_OLDEST_VERSION || version > GGUF_VERSION)
        return fail(reader->message, QC_ERROR_UNSUPPORTED,
                    "%s: GGUF version %llu, expected %d or %d", reader->origin,
                    (unsigned long long)version, GGUF_OLDEST_VERSION, GGUF_VERSION);
    if (!take_integer(reader, 8, &gguf->tensor_count) ||
        !take_integer(reader, 8, &gguf->value_count))
        return fail_cut(reader, "the header");
    return QC_OK;
}

static qc_status check_counts(const struct reader *reader, const struct gguf *gguf)
{
    if (gguf->value_count > MAX_VALUES || gguf->tensor_count > MAX_TENSORS)
        return fail(reader->message, QC_ERROR_FORMAT,
                    "%s: the header tells of %llu keys and %llu tensors, expected at most %llu and "
                    "%llu",
                    reader->origin, (unsigned long long)gguf->value_count,
                    (unsigned long long)gguf->tensor_count, (unsigned long long)MAX_VALUES,
                    (unsigned long long)MAX_TENSORS);
    const uint64_t least =
        gguf->value_count * SMALLEST_VALUE + gguf->tensor_count * SMALLEST_TENSOR;
    if (least > reader->size - reader->position)
        return fail(reader->message, QC_ERROR_FORMAT,
                    "%s: cut short: %zu bytes cannot hold the %llu keys and %llu tensors that its "
                    "header tells of",
                    reader->origin, reader->size, (unsigned long long)gguf->value_count,
                    (unsigned long long)gguf->tensor_count);
    return QC_OK;
}

/* ------------------------------------------------------------------------------------- names */

static int compare_texts(const struct gguf_text *a, const struct gguf_text *b)
{
    const size_t shorter = a->size < b->size ? a->size : b->size;
    const int order = memcmp(a->bytes, b->bytes, shorter);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

static int compare_names(const void *a, const void *b)
{
    return compare_texts(a, b);
}

/*
 * Sorts the names of `count` records (a name is a record's first member) and sees that no two are
 * the same.
 */
static qc_status index_names(const struct reader *reader, const void *records, size_t count,
                             size_t record_size, const char *what, const void ***sorted)
{
    const void **names = memory_take(reader->memory, count, sizeof *names);
    *sorted = names;
    if (!names)
        return fail_memory(reader);
    for (size_t i = 0; i < count; i++)
        names[i] = (const char *)records + i * record_size;
    sort_pointers(names, count, compare_names);
    for (size_t i = 1; i < count; i++)
        if (compare_names(names[i - 1], names[i]) == 0)
            return fail(reader->message, QC_ERROR_FORMAT, "%s: %s %s is there twice",
                        reader->origin, what, gguf_label(*(const struct gguf_text *)names[i]).text);
    return QC_OK;
}

static const void *find_name(const void *const *sorted, uint64_t count, const char *name)
{
    const struct gguf_text wanted = {name, text_size(name)};
    return find_pointer(sorted, (size_t)count, &wanted, compare_names);
}

const struct gguf_value *gguf_find_value(const struct gguf *gguf, const char *key)
{
    return find_name(gguf->values_by_key, gguf->value_count, key);
}

const struct gguf_tensor *gguf_find_tensor(const struct gguf *gguf, const char *name)
{
    return find_name(gguf->tensors_by_name, gguf->tensor_count, name);
}

/* ------------------------------------------------------------------------------------ values */

/* Bytes of a value; 0 where that depends on the value or there is no such type. */
static size_t value_size(enum gguf_value_type type)
{
    switch (type) {
    case GGUF_UINT8:
    case GGUF_INT8:
    case GGUF_BOOL: return 1;
    case GGUF_UINT16:
    case GGUF_INT16: return 2;
    case GGUF_UINT32:
    case GGUF_INT32:
    case GGUF_FLOAT32: return 4;
    case GGUF_UINT64:
    case GGUF_INT64:
    case GGUF_FLOAT64: return 8;
    case GGUF_STRING:
    case GGUF_ARRAY: return 0;
    }
    return 0;
}

static qc_status fail_value(const struct reader *reader, const struct gguf_value *value,
                            qc_status status, const char *what)
{
    return fail(reader->message, status, "%s: key %s: %s", reader->origin,
                gguf_label(value->key).text, what);
}

/* Walks over `count` elements, which ends soon where there are more of them than bytes. */
static qc_status skip_elements(struct reader *reader, const struct gguf_value *value,
                               enum gguf_value_type type, uint64_t count)
{
    const size_t left = reader->size - reader->position;
    const size_t each = type == GGUF_STRING ? 8 : value_size(type);
    if (!each)
        return fail_value(reader, value, QC_ERROR_FORMAT, "unknown value type");
    if (count > left / each)
        return fail_value(reader, value, QC_ERROR_FORMAT, "its value goes beyond the end");
    if (type != GGUF_STRING) {
        reader->position += (size_t)count * each;
        return QC_OK;
    }
    for (uint64_t i = 0; i < count; i++) {
        uint64_t size;
        if (!take_integer(reader, 8, &size) || !take(reader, size))
            return fail_value(reader, value, QC_ERROR_FORMAT, "its text goes beyond the end");
    }
    return QC_OK;
}

static qc_status read_value(struct reader *reader, struct gguf_value *value)
{
    qc_status status = read_name(reader, "a key", &value->key);
    if (status)
        return status;
    uint64_t type, array_type = 0;
    if (!take_integer(reader, 4, &type))
        return fail_cut(reader, "a key's type");
    value->count = 1;
    if (type == GGUF_ARRAY) {
        if (!take_integer(reader, 4, &array_type) || !take_integer(reader, 8, &value->count))
            return fail_cut(reader, "an array's head");
        if (array_type == GGUF_ARRAY)
            return fail_value(reader, value, QC_ERROR_UNSUPPORTED,
                              "an array of arrays, expected one of numbers or strings");
    }
    if (type > GGUF_FLOAT64 || array_type > GGUF_FLOAT64)
        return fail_value(reader, value, QC_ERROR_FORMAT, "unknown value type");
    value->type = (enum gguf_value_type)type;
    value->array_type = (enum gguf_value_type)array_type;
    value->data = reader->data + reader->position;
    const size_t begin = reader->position;
    status = skip_elements(reader, value, type == GGUF_ARRAY ? value->array_type : value->type,
                           value->count);
    value->size = reader->position - begin;
    return status;
}

static qc_status read_values(struct reader *reader, struct gguf *gguf)
{
    const size_t count = (size_t)gguf->value_count;
    gguf->values = memory_take(reader->memory, count, sizeof *gguf->values);
    if (!gguf->values)
        return fail_memory(reader);
    for (size_t i = 0; i < count; i++) {
        qc_status status = read_value(reader, &gguf->values[i]);
        if (status)
            return status;
    }
    return index_names(reader, gguf->values, count, sizeof *gguf->values, "key",
                       &gguf->values_by_key);
}

static qc_status read_alignment(const struct reader *reader, const struct gguf *gguf,
                                uint32_t *alignment)
{
    *alignment = GGUF_DEFAULT_ALIGNMENT;
    qc_status status = gguf_get_u32(gguf, KEY_ALIGNMENT, false, alignment, reader->message);
    if (status)
        return status;
    if (*alignment < 4 || (*alignment & (*alignment - 1)))
        return fail(reader->message, QC_ERROR_FORMAT,
                    "%s: key " KEY_ALIGNMENT " is %lu, expected a power of two from 4",
                    reader->origin, (unsigned long)*alignment);
    return QC_OK;
}

/* ----------------------------------------------------------------------------------- tensors */

/* By ggml's number; NULL where it has none that is quantised. */
static const char *const quantised_names[] = {
    [2] = "q4_0",  [3] = "q4_1",  [6] = "q5_0",  [7] = "q5_1",  [8] = "q8_0",  [9] = "q8_1",
    [10] = "q2_k", [11] = "q3_k", [12] = "q4_k", [13] = "q5_k", [14] = "q6_k", [15] = "q8_k",
};

bool gguf_type_is_quantised(enum gguf_tensor_type type)
{
    return (size_t)type < sizeof quantised_names / sizeof *quantised_names && quantised_names[type];
}

const char *gguf_type_name(enum gguf_tensor_type type)
{
    if (gguf_type_is_quantised(type))
        return quantised_names[type];
    switch (type) {
    case GGML_F32: return "f32";
    case GGML_F16: return "f16";
    case GGML_BF16: return "bf16";
    case GGML_I8: return "i8";
    case GGML_F64: return "f64";
    }
    return NULL;
}

static size_t element_size(enum gguf_tensor_type type)
{
    switch (type) {
    case GGML_F32: return 4;
    case GGML_F16:
    case GGML_BF16: return 2;
    case GGML_I8: return 1;
    case GGML_F64: return 8;
    }
    return 0;
}

static qc_status fail_tensor(const struct reader *reader, const struct gguf_tensor *tensor,
                             const char *what)
{
    return fail(reader->message, QC_ERROR_FORMAT, "%s: tensor %s: %s", reader->origin,
                gguf_label(tensor->name).text, what);
}

/* Elements and bytes, from the shape.  Both stay 0 for a type whose size we do not know. */
static qc_status measure_tensor(const struct reader *reader, struct gguf_tensor *tensor)
{
    size_t count = 1;
    for (uint32_t i = 0; i < GGUF_MAX_DIMENSIONS; i++) {
        if (!tensor->shape[i])
            return fail_tensor(reader, tensor, "a dimension is 0, expected at least 1");
        if (tensor->shape[i] > SIZE_MAX / 8 / count)
            return fail_tensor(reader, tensor, "its shape is larger than memory can be");
        count *= (size_t)tensor->shape[i];
    }
    const size_t each = element_size(tensor->type);
    tensor->count = each ? count : 0;
    tensor->size = count * each;
    return QC_OK;
}

static qc_status read_tensor(struct reader *reader, struct gguf_tensor *tensor, uint64_t *offset)
{
    qc_status status = read_name(reader, "a tensor's name", &tensor->name);
    if (status)
        return status;
    uint64_t dimensions, type;
    if (!take_integer(reader, 4, &dimensions))
        return fail_cut(reader, "the table of tensors");
    if (dimensions < 1 || dimensions > GGUF_MAX_DIMENSIONS)
        return fail(reader->message, QC_ERROR_FORMAT,
                    "%s: tensor %s has %llu dimensions, expected 1 to %d", reader->origin,
                    gguf_label(tensor->name).text, (unsigned long long)dimensions,
                    GGUF_MAX_DIMENSIONS);
    tensor->dimensions = (uint32_t)dimensions;
    for (uint32_t i = 0; i < GGUF_MAX_DIMENSIONS; i++) {
        tensor->shape[i] = 1;
        if (i < dimensions && !take_integer(reader, 8, &tensor->shape[i]))
            return fail_cut(reader, "the table of tensors");
    }
    if (!take_integer(reader, 4, &type) || !take_integer(reader, 8, offset))
        return fail_cut(reader, "the table of tensors");
    if (type > INT32_MAX)
        return fail_tensor(reader, tensor, "unknown number type");
    tensor->type = (enum gguf_tensor_type)type;
    return measure_tensor(reader, tensor);
}

/* `start`: where the numbers begin in the file. */
static qc_status place_tensor(const struct reader *reader, struct gguf_tensor *tensor,
                              uint64_t offset, size_t start, uint32_t alignment)
{
    if (offset & (alignment - 1))
        return fail(reader->message, QC_ERROR_FORMAT,
                    "%s: tensor %s lies at offset %llu, expected a multiple of %lu", reader->origin,
                    gguf_label(tensor->name).text, (unsigned long long)offset,
                    (unsigned long)alignment);
    const size_t room = reader->size - start;
    const size_t least = tensor->size ? tensor->size : 1;
    if (offset > room || least > room - offset)
        return fail(reader->message, QC_ERROR_FORMAT,
                    "%s: cut short: tensor %s, %zu bytes at offset %llu, goes beyond the end",
                    reader->origin, gguf_label(tensor->name).text, tensor->size,
                    (unsigned long long)offset);
    tensor->data = reader->data + start + (size_t)offset;
    return QC_OK;
}

static qc_status read_tensors(struct reader *reader, struct gguf *gguf, uint32_t alignment)
{
    const size_t count = (size_t)gguf->tensor_count;
    gguf->tensors = memory_take(reader->memory, count, sizeof *gguf->tensors);
    const size_t mark = reader->memory->used;
    uint64_t *offsets = memory_take(reader->memory, count, sizeof *offsets);
    qc_status status = gguf->tensors && offsets ? QC_OK : fail_memory(reader);
    for (size_t i = 0; i < count && !status; i++)
        status = read_tensor(reader, &gguf->tensors[i], &offsets[i]);

    const size_t padding = (alignment - reader->position % alignment) % alignment;
    if (count && !status && !take(reader, padding))
        status = fail_cut(reader, "the padding before the tensors");
    for (size_t i = 0; i < count && !status; i++)
        status = place_tensor(reader, &gguf->tensors[i], offsets[i], reader->position, alignment);
    memory_release(reader->memory, mark);
    return status;
}

static int compare_places(const void *a, const void *b)
{
    const struct gguf_tensor *left = a, *right = b;
    const uintptr_t first = (uintptr_t)left->data, second = (uintptr_t)right->data;
    return (first > second) - (first < second);
}

static qc_status check_overlaps(const struct reader *reader, const struct gguf *gguf)
{
    const size_t count = (size_t)gguf->tensor_count;
    const size_t mark = reader->memory->used;
    const void **sorted = memory_take(reader->memory, count, sizeof *sorted);
    if (!sorted)
        return fail_memory(reader);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &gguf->tensors[i];
    sort_pointers(sorted, count, compare_places);
    qc_status status = QC_OK;
    for (size_t i = 1; i < count && !status; i++) {
        const struct gguf_tensor *before = sorted[i - 1], *tensor = sorted[i];
        const size_t distance = (uintptr_t)tensor->data - (uintptr_t)before->data;
        if (distance < (before->size ? before->size : 1))
            status =
                fail(reader->message, QC_ERROR_FORMAT, "%s: tensors %s and %s overlap",
                     reader->origin, gguf_label(before->name).text, gguf_label(tensor->name).text);
    }
    memory_release(reader->memory, mark);
    return status;
}

/* ------------------------------------------------------------------------------------- parse */

static qc_status read_index(struct reader *reader, struct gguf *gguf)
{
    qc_status status;
    uint32_t alignment;
    if ((status = read_header(reader, gguf)) || (status = check_counts(reader, gguf)) ||
        (status = read_values(reader, gguf)) ||
        (status = read_alignment(reader, gguf, &alignment)) ||
        (status = read_tensors(reader, gguf, alignment)) ||
        (status = index_names(reader, gguf->tensors, (size_t)gguf->tensor_count,
                              sizeof *gguf->tensors, "tensor", &gguf->tensors_by_name)))
        return status;
    return check_overlaps(reader, gguf);
}

qc_status gguf_parse_into(struct gguf *gguf, struct memory *memory, const void *data, size_t size,
                          const char *origin, struct message *message)
{
    *gguf = (struct gguf){.origin = origin};
    struct reader reader = {data, size, 0, origin, message, memory};
    const qc_status status = read_index(&reader, gguf);
    if (status)
        *gguf = (struct gguf){.origin = origin};
    return status;
}

qc_status gguf_parse(struct gguf *gguf, const void *data, size_t size, const char *origin,
                     struct message *message)
{
    struct memory own = {0};
    const qc_status status = gguf_parse_into(gguf, &own, data, size, origin, message);
    if (status)
        memory_release(&own, 0);
    else
        gguf->own = own;
    return status;
}

void gguf_free(struct gguf *gguf)
{
    memory_release(&gguf->own, 0);
    *gguf = (struct gguf){.origin = gguf->origin};
}
