/*
 * gguf_values.c - typed reading of what gguf.c has indexed; it relies on gguf.c's checks of
 * lengths.
 */
#include <float.h>
#include <string.h>

#include "gguf.h"

static uint64_t load_integer(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

struct gguf_label gguf_label(struct gguf_text name)
{
    struct gguf_label label;
    size_t i = 0;
    for (; i < name.size && i + 1 < sizeof label.text; i++)
        label.text[i] = name.bytes[i] >= ' ' && name.bytes[i] <= '~' ? name.bytes[i] : '?';
    label.text[i] = '\0';
    return label;
}

/* The value of `key`, NULL if there is none; `status` is an error if it had to be there. */
static const struct gguf_value *find(const struct gguf *gguf, const char *key, bool required,
                                     qc_status *status, struct message *message)
{
    const struct gguf_value *value = gguf_find_value(gguf, key);
    *status = value || !required
                  ? QC_OK
                  : fail(message, QC_ERROR_FORMAT, "%s: key %s is missing", gguf->origin, key);
    return value;
}

static qc_status fail_type(const struct gguf *gguf, const char *key, const char *expected,
                           struct message *message)
{
    return fail(message, QC_ERROR_FORMAT, "%s: key %s: expected %s", gguf->origin, key, expected);
}

static bool is_array(const struct gguf_value *value, size_t count)
{
    return value->type == GGUF_ARRAY && value->count == count;
}

/* Bytes of an integer type, 0 for all others. */
static size_t integer_size(enum gguf_value_type type, bool *is_signed)
{
    *is_signed =
        type == GGUF_INT8 || type == GGUF_INT16 || type == GGUF_INT32 || type == GGUF_INT64;
    switch (type) {
    case GGUF_UINT8:
    case GGUF_INT8: return 1;
    case GGUF_UINT16:
    case GGUF_INT16: return 2;
    case GGUF_UINT32:
    case GGUF_INT32: return 4;
    case GGUF_UINT64:
    case GGUF_INT64: return 8;
    default: return 0;
    }
}

static bool integer_at(const struct gguf_value *value, enum gguf_value_type type, size_t index,
                       uint32_t *integer)
{
    bool is_signed;
    const size_t size = integer_size(type, &is_signed);
    if (!size)
        return false;
    const uint64_t bits = load_integer(value->data + index * size, size);
    const bool negative = is_signed && bits >> (8 * size - 1);
    if (negative || bits > UINT32_MAX)
        return false;
    *integer = (uint32_t)bits;
    return true;
}

static bool float_at(const struct gguf_value *value, enum gguf_value_type type, size_t index,
                     float *number)
{
    double wide;
    if (type == GGUF_FLOAT32) {
        const uint32_t bits = (uint32_t)load_integer(value->data + index * 4, 4);
        float narrow;
        memcpy(&narrow, &bits, sizeof narrow);
        wide = narrow;
    } else if (type == GGUF_FLOAT64) {
        const uint64_t bits = load_integer(value->data + index * 8, 8);
        memcpy(&wide, &bits, sizeof wide);
    } else {
        return false;
    }
    if (!(wide >= -FLT_MAX && wide <= FLT_MAX))
        return false;
    *number = (float)wide;
    return true;
}

qc_status gguf_get_u32(const struct gguf *gguf, const char *key, bool required, uint32_t *value,
                       struct message *message)
{
    qc_status status;
    const struct gguf_value *found = find(gguf, key, required, &status, message);
    if (found && !integer_at(found, found->type, 0, value))
        return fail_type(gguf, key, "a whole number from 0 to 4294967295", message);
    return status;
}

qc_status gguf_get_u32s(const struct gguf *gguf, const char *key, bool required, uint32_t *values,
                        size_t count, struct message *message)
{
    qc_status status;
    const struct gguf_value *found = find(gguf, key, required, &status, message);
    if (!found)
        return status;
    bool fits = is_array(found, count);
    for (size_t i = 0; i < count && fits; i++)
        fits = integer_at(found, found->array_type, i, &values[i]);
    if (!fits)
        return fail(message, QC_ERROR_FORMAT,
                    "%s: key %s: expected an array of %zu whole numbers from 0 to 4294967295",
                    gguf->origin, key, count);
    return QC_OK;
}

qc_status gguf_get_f32(const struct gguf *gguf, const char *key, bool required, float *value,
                       struct message *message)
{
    qc_status status;
    const struct gguf_value *found = find(gguf, key, required, &status, message);
    if (found && !float_at(found, found->type, 0, value))
        return fail_type(gguf, key, "a finite f32 or f64 number", message);
    return status;
}

qc_status gguf_get_f32s(const struct gguf *gguf, const char *key, bool required, float *values,
                        size_t count, struct message *message)
{
    qc_status status;
    const struct gguf_value *found = find(gguf, key, required, &status, message);
    if (!found)
        return status;
    bool fits = is_array(found, count);
    for (size_t i = 0; i < count && fits; i++)
        fits = float_at(found, found->array_type, i, &values[i]);
    if (!fits)
        return fail(message, QC_ERROR_FORMAT,
                    "%s: key %s: expected an array of %zu finite f32 or f64 numbers", gguf->origin,
                    key, count);
    return QC_OK;
}

qc_status gguf_get_bool(const struct gguf *gguf, const char *key, bool required, bool *value,
                        struct message *message)
{
    qc_status status;
    const struct gguf_value *found = find(gguf, key, required, &status, message);
    if (!found)
        return status;
    if (found->type != GGUF_BOOL || found->data[0] > 1)
        return fail_type(gguf, key, "a bool, 0 or 1", message);
    *value = found->data[0];
    return QC_OK;
}

qc_status gguf_get_text(const struct gguf *gguf, const char *key, bool required,
                        struct gguf_text *value, struct message *message)
{
    qc_status status;
    const struct gguf_value *found = find(gguf, key, required, &status, message);
    if (!found)
        return status;
    if (found->type != GGUF_STRING)
        return fail_type(gguf, key, "a string", message);
    value->size = (size_t)load_integer(found->data, 8);
    value->bytes = (const char *)found->data + 8;
    return QC_OK;
}

struct gguf_text gguf_next_string(const unsigned char **at)
{
    const struct gguf_text text = {(const char *)*at + 8, (size_t)load_integer(*at, 8)};
    *at += 8 + text.size;
    return text;
}

struct gguf_text gguf_string_at(const struct gguf_value *value, uint64_t index)
{
    const unsigned char *at = value->data;
    for (uint64_t i = 0; i < index; i++)
        gguf_next_string(&at);
    return gguf_next_string(&at);
}
