/*
 * pickle_writer.c - see pickle_writer.h.
 */
#include "pickle_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void pickle_bytes(struct pickle *pickle, const void *bytes, size_t size)
{
    if (pickle->capacity - pickle->size < size) {
        pickle->capacity = 2 * pickle->capacity + size + 4096;
        pickle->bytes = realloc(pickle->bytes, pickle->capacity);
        assert_non_null(pickle->bytes);
    }
    memcpy(pickle->bytes + pickle->size, bytes, size);
    pickle->size += size;
}

void pickle_op(struct pickle *pickle, int opcode)
{
    const unsigned char byte = (unsigned char)opcode;
    pickle_bytes(pickle, &byte, 1);
}

static void put_number(struct pickle *pickle, uint64_t number, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        pickle_op(pickle, (int)(number >> (8 * i) & 255));
}

void pickle_string(struct pickle *pickle, const char *string)
{
    pickle_op(pickle, 'X');
    put_number(pickle, strlen(string), 4);
    pickle_bytes(pickle, string, strlen(string));
}

void pickle_integer(struct pickle *pickle, int64_t integer)
{
    pickle_op(pickle, 0x8a); /* LONG1 */
    pickle_op(pickle, 8);
    put_number(pickle, (uint64_t)integer, 8);
}

void pickle_global(struct pickle *pickle, const char *module, const char *name)
{
    pickle_op(pickle, 'c');
    pickle_bytes(pickle, module, strlen(module));
    pickle_op(pickle, '\n');
    pickle_bytes(pickle, name, strlen(name));
    pickle_op(pickle, '\n');
}

static void put_tuple(struct pickle *pickle, const int64_t *numbers, unsigned count)
{
    pickle_op(pickle, '(');
    for (unsigned i = 0; i < count; i++)
        pickle_integer(pickle, numbers[i]);
    pickle_op(pickle, 't');
}

void pickle_tensor(struct pickle *pickle, const struct pickled_tensor *tensor)
{
    pickle_global(pickle, "torch._utils", "_rebuild_tensor_v2");
    pickle_bytes(pickle, "((", 2);
    pickle_string(pickle, "storage");
    pickle_global(pickle, "torch", "FloatStorage");
    pickle_string(pickle, tensor->key);
    pickle_string(pickle, "cpu");
    pickle_integer(pickle, tensor->elements);
    pickle_bytes(pickle, "tQ", 2);
    pickle_integer(pickle, tensor->offset);
    put_tuple(pickle, tensor->shape, tensor->dimensions);
    put_tuple(pickle, tensor->stride, tensor->dimensions);
    pickle_op(pickle, 0x89); /* False */
    pickle_bytes(pickle, "}tR", 3);
}

void pickle_module(struct pickle *pickle)
{
    pickle_global(pickle, "__torch__.torch.nn.modules.container.___torch_mangle_1", "Sequential");
    pickle_op(pickle, ')');
    pickle_op(pickle, 0x81); /* NEWOBJ */
    pickle_bytes(pickle, "}(", 2);
}
