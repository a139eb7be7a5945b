/*
 * gguf_writer.c - writes a model file front to back: the index is built in memory, the numbers go
 * straight through.  Knows the container only; what a model needs is the converter's business.
 *
 * Nothing is ever written under the destination's name: a run that fails leaves what was there.
 */
#include "gguf_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/gguf.h"
#include "compiler.h"

#define MESSAGE_SIZE 512

/* Bytes of the index while it is put together. */
struct bytes {
    unsigned char *data;
    size_t size, capacity;
};

struct entry {
    char *name;
    uint64_t offset, size; /* offset from the start of the numbers */
};

struct gguf_writer {
    char *path, *temporary;
    FILE *file;
    struct bytes values, tensors; /* the two tables, as they will lie in the file */
    uint64_t value_count;
    struct entry *entries; /* one for each tensor */
    size_t entry_count, entry_capacity;

    bool index_written;
    size_t current;    /* the tensor that the next byte belongs to */
    uint64_t start;    /* of the numbers, from the start of the file */
    uint64_t position; /* of the next byte, from the start of the numbers */

    bool failed;
    char failure[MESSAGE_SIZE];
};

static void fail_writer(struct gguf_writer *writer, const char *format, ...) PRINTF_LIKE(2, 3);

/* The first failure is the one that explains the others. */
static void fail_writer(struct gguf_writer *writer, const char *format, ...)
{
    if (writer->failed)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(writer->failure, sizeof writer->failure, format, arguments);
    va_end(arguments);
    writer->failed = true;
}

static void append(struct gguf_writer *writer, struct bytes *bytes, const void *data, size_t size)
{
    if (writer->failed || !size)
        return;
    if (size > bytes->capacity - bytes->size) {
        size_t capacity = bytes->capacity ? bytes->capacity : 4096;
        while (capacity - bytes->size < size && capacity <= SIZE_MAX / 4)
            capacity *= 2;
        unsigned char *grown =
            capacity - bytes->size < size ? NULL : realloc(bytes->data, capacity);
        if (!grown) {
            fail_writer(writer, "%s: not enough memory for the index", writer->path);
            return;
        }
        bytes->data = grown;
        bytes->capacity = capacity;
    }
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

/* Integers are little-endian in the file whatever they are here. */
static void append_integer(struct gguf_writer *writer, struct bytes *bytes, uint64_t value,
                           size_t size)
{
    unsigned char little[8];
    for (size_t i = 0; i < size; i++)
        little[i] = (unsigned char)(value >> (8 * i));
    append(writer, bytes, little, size);
}

static void append_u32(struct gguf_writer *writer, struct bytes *bytes, uint32_t value)
{
    append_integer(writer, bytes, value, 4);
}

static void append_u64(struct gguf_writer *writer, struct bytes *bytes, uint64_t value)
{
    append_integer(writer, bytes, value, 8);
}

static void append_f32(struct gguf_writer *writer, struct bytes *bytes, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    append_u32(writer, bytes, bits);
}

static void append_string(struct gguf_writer *writer, struct bytes *bytes, const char *string)
{
    const size_t size = strlen(string);
    append_u64(writer, bytes, size);
    append(writer, bytes, string, size);
}

/* Regular files only: renaming over /dev/null or a pipe would replace it. */
static bool destination_is_usable(const char *path, char *message)
{
    struct stat status;
    if (stat(path, &status) != 0 || S_ISREG(status.st_mode))
        return true;
    snprintf(message, MESSAGE_SIZE, "%s: exists and is not a regular file", path);
    return false;
}

/* A file that did not exist, with the permissions that the user's umask gives. */
static FILE *create_temporary(struct gguf_writer *writer, char *message)
{
    const size_t size = strlen(writer->path) + 48;
    writer->temporary = malloc(size);
    if (!writer->temporary) {
        snprintf(message, MESSAGE_SIZE, "%s: not enough memory", writer->path);
        return NULL;
    }
    int descriptor = -1;
    for (int attempt = 0; attempt < 100 && descriptor < 0; attempt++) {
        snprintf(writer->temporary, size, "%s.%ld-%d.partial", writer->path, (long)getpid(),
                 attempt);
        descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor < 0 && errno != EEXIST)
            break;
    }
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (file)
        return file;
    snprintf(message, MESSAGE_SIZE, "%s: cannot be created: %s", writer->temporary,
             strerror(errno));
    if (descriptor >= 0) {
        close(descriptor);
        unlink(writer->temporary);
    }
    free(writer->temporary);
    writer->temporary = NULL;
    return NULL;
}

struct gguf_writer *gguf_writer_open(const char *path, char *message)
{
    message[0] = '\0';
    if (!destination_is_usable(path, message))
        return NULL;
    struct gguf_writer *writer = calloc(1, sizeof *writer);
    char *own_path = malloc(strlen(path) + 1);
    if (!writer || !own_path) {
        snprintf(message, MESSAGE_SIZE, "%s: not enough memory", path);
        free(writer);
        free(own_path);
        return NULL;
    }
    writer->path = strcpy(own_path, path);
    writer->file = create_temporary(writer, message);
    if (!writer->file) {
        gguf_writer_abandon(writer);
        return NULL;
    }
    gguf_put_u32(writer, KEY_ALIGNMENT, GGUF_OUR_ALIGNMENT);
    return writer;
}

static void begin_value(struct gguf_writer *writer, const char *key, enum gguf_value_type type)
{
    if (writer->index_written)
        fail_writer(writer, "%s: key %s comes after the first tensor's numbers", writer->path, key);
    append_string(writer, &writer->values, key);
    append_u32(writer, &writer->values, type);
    writer->value_count++;
}

static void begin_array(struct gguf_writer *writer, const char *key, enum gguf_value_type type,
                        size_t count)
{
    begin_value(writer, key, GGUF_ARRAY);
    append_u32(writer, &writer->values, type);
    append_u64(writer, &writer->values, count);
}

void gguf_put_u32(struct gguf_writer *writer, const char *key, uint32_t value)
{
    begin_value(writer, key, GGUF_UINT32);
    append_u32(writer, &writer->values, value);
}

void gguf_put_f32(struct gguf_writer *writer, const char *key, float value)
{
    begin_value(writer, key, GGUF_FLOAT32);
    append_f32(writer, &writer->values, value);
}

void gguf_put_bool(struct gguf_writer *writer, const char *key, bool value)
{
    begin_value(writer, key, GGUF_BOOL);
    append_integer(writer, &writer->values, value, 1);
}

void gguf_put_string(struct gguf_writer *writer, const char *key, const char *value)
{
    begin_value(writer, key, GGUF_STRING);
    append_string(writer, &writer->values, value);
}

void gguf_put_u32s(struct gguf_writer *writer, const char *key, const uint32_t *values,
                   size_t count)
{
    begin_array(writer, key, GGUF_UINT32, count);
    for (size_t i = 0; i < count; i++)
        append_u32(writer, &writer->values, values[i]);
}

void gguf_put_f32s(struct gguf_writer *writer, const char *key, const float *values, size_t count)
{
    begin_array(writer, key, GGUF_FLOAT32, count);
    for (size_t i = 0; i < count; i++)
        append_f32(writer, &writer->values, values[i]);
}

void gguf_put_strings(struct gguf_writer *writer, const char *key, const char *const *values,
                      size_t count)
{
    begin_array(writer, key, GGUF_STRING, count);
    for (size_t i = 0; i < count; i++)
        append_string(writer, &writer->values, values[i]);
}

void gguf_put_value(struct gguf_writer *writer, const struct gguf_value *value)
{
    append_u64(writer, &writer->values, value->key.size);
    append(writer, &writer->values, value->key.bytes, value->key.size);
    append_u32(writer, &writer->values, value->type);
    if (value->type == GGUF_ARRAY) {
        append_u32(writer, &writer->values, value->array_type);
        append_u64(writer, &writer->values, value->count);
    }
    append(writer, &writer->values, value->data, value->size);
    writer->value_count++;
}

static uint64_t element_size(enum gguf_tensor_type type)
{
    switch (type) {
    case GGML_F32: return 4;
    case GGML_F16: return 2;
    case GGML_BF16: return 2;
    case GGML_I8: return 1;
    case GGML_F64: return 8;
    }
    return 0;
}

static uint64_t aligned(uint64_t offset)
{
    return (offset + GGUF_OUR_ALIGNMENT - 1) & ~(uint64_t)(GGUF_OUR_ALIGNMENT - 1);
}

/* Bytes of a tensor; 0 if it has none or more than a file can hold. */
static uint64_t tensor_size(enum gguf_tensor_type type, uint32_t dimensions, const uint64_t *shape)
{
    uint64_t size = element_size(type);
    if (dimensions < 1 || dimensions > GGUF_MAX_DIMENSIONS)
        return 0;
    for (uint32_t i = 0; i < dimensions; i++) {
        if (!shape[i] || size > (UINT64_MAX >> 2) / shape[i])
            return 0;
        size *= shape[i];
    }
    return size;
}

static struct entry *add_entry(struct gguf_writer *writer, const char *name)
{
    if (writer->entry_count == writer->entry_capacity) {
        const size_t capacity = writer->entry_capacity ? 2 * writer->entry_capacity : 64;
        struct entry *grown = realloc(writer->entries, capacity * sizeof *grown);
        if (!grown)
            return NULL;
        writer->entries = grown;
        writer->entry_capacity = capacity;
    }
    struct entry *entry = &writer->entries[writer->entry_count];
    entry->name = malloc(strlen(name) + 1);
    if (!entry->name)
        return NULL;
    strcpy(entry->name, name);
    writer->entry_count++;
    return entry;
}

void gguf_declare(struct gguf_writer *writer, const char *name, enum gguf_tensor_type type,
                  uint32_t dimensions, const uint64_t *shape)
{
    const uint64_t size = tensor_size(type, dimensions, shape);
    if (!size)
        fail_writer(writer, "%s: tensor %s: no such type or shape can be written", writer->path,
                    name);
    if (writer->index_written)
        fail_writer(writer, "%s: tensor %s was declared after the first numbers", writer->path,
                    name);
    if (writer->failed)
        return;

    uint64_t offset = 0;
    if (writer->entry_count) {
        const struct entry *last = &writer->entries[writer->entry_count - 1];
        offset = aligned(last->offset + last->size);
    }
    struct entry *entry = add_entry(writer, name);
    if (!entry) {
        fail_writer(writer, "%s: not enough memory for tensor %s", writer->path, name);
        return;
    }
    entry->offset = offset;
    entry->size = size;

    append_string(writer, &writer->tensors, name);
    append_u32(writer, &writer->tensors, dimensions);
    for (uint32_t i = 0; i < dimensions; i++)
        append_u64(writer, &writer->tensors, shape[i]);
    append_u32(writer, &writer->tensors, type);
    append_u64(writer, &writer->tensors, offset);
}

static void write_bytes(struct gguf_writer *writer, const void *data, size_t size)
{
    if (!writer->failed && size && fwrite(data, 1, size, writer->file) != size)
        fail_writer(writer, "%s: cannot be written: %s", writer->temporary, strerror(errno));
}

static void write_zeros(struct gguf_writer *writer, uint64_t count)
{
    static const unsigned char zeros[GGUF_OUR_ALIGNMENT];
    write_bytes(writer, zeros, (size_t)count);
}

static void write_index(struct gguf_writer *writer)
{
    struct bytes head = {0};
    append(writer, &head, GGUF_MAGIC, 4);
    append_u32(writer, &head, GGUF_VERSION);
    append_u64(writer, &head, writer->entry_count);
    append_u64(writer, &head, writer->value_count);
    write_bytes(writer, head.data, head.size);
    write_bytes(writer, writer->values.data, writer->values.size);
    write_bytes(writer, writer->tensors.data, writer->tensors.size);
    const uint64_t end = head.size + writer->values.size + writer->tensors.size;
    write_zeros(writer, aligned(end) - end);
    writer->start = aligned(end);
    writer->index_written = true;
    free(head.data);
}

void gguf_write(struct gguf_writer *writer, const void *data, size_t size)
{
    if (!writer->index_written)
        write_index(writer);
    const unsigned char *bytes = data;
    while (size && !writer->failed) {
        if (writer->current == writer->entry_count) {
            fail_writer(writer, "%s: more numbers than were declared", writer->path);
            return;
        }
        const struct entry *entry = &writer->entries[writer->current];
        const uint64_t left = entry->offset + entry->size - writer->position;
        const size_t part = size < left ? size : (size_t)left;
        write_bytes(writer, bytes, part);
        writer->position += part;
        bytes += part;
        size -= part;
        if (part == left) {
            /* After the last one too: ggml's own reader expects it. */
            write_zeros(writer, aligned(writer->position) - writer->position);
            writer->position = aligned(writer->position);
            writer->current++;
        }
    }
}

uint64_t gguf_next_place(const struct gguf_writer *writer)
{
    return writer->start + writer->position;
}

bool gguf_writer_finish(struct gguf_writer *writer, char *message)
{
    if (!writer->index_written)
        write_index(writer);
    if (writer->current < writer->entry_count)
        fail_writer(writer, "%s: tensor %s is not complete", writer->path,
                    writer->entries[writer->current].name);
    /* What the C library still holds may find the disk full. */
    FILE *file = writer->file;
    writer->file = NULL;
    if (fclose(file) != 0)
        fail_writer(writer, "%s: cannot be written: %s", writer->temporary, strerror(errno));
    if (!writer->failed && rename(writer->temporary, writer->path) != 0)
        fail_writer(writer, "%s: cannot be renamed to %s: %s", writer->temporary, writer->path,
                    strerror(errno));
    const bool finished = !writer->failed;
    memcpy(message, writer->failure, MESSAGE_SIZE);
    if (finished) {
        free(writer->temporary);
        writer->temporary = NULL;
    }
    gguf_writer_abandon(writer);
    return finished;
}

void gguf_writer_abandon(struct gguf_writer *writer)
{
    if (!writer)
        return;
    if (writer->file)
        fclose(writer->file);
    if (writer->temporary)
        unlink(writer->temporary);
    for (size_t i = 0; i < writer->entry_count; i++)
        free(writer->entries[i].name);
    free(writer->temporary);
    free(writer->path);
    free(writer->entries);
    free(writer->values.data);
    free(writer->tensors.data);
    free(writer);
}
