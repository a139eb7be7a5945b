/*
 * mat_element.c - tags, numbers of every type, and zlib.
 */
#define ZLIB_CONST
#include "mat_element.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../../memory.h"

bool mat_refuse(const struct bytes *bytes, const char *reason)
{
    snprintf(bytes->message, TABLE_MESSAGE_SIZE, "%.300s: %s", bytes->origin, reason);
    return false;
}

uint64_t number_at(const unsigned char *at, size_t size, bool big_endian)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | at[big_endian ? i : size - 1 - i];
    return value;
}

bool next_element(struct bytes *bytes, struct element *element)
{
    static const char short_of[] = "is damaged or cut short: an element ends behind its array";
    if (bytes->end - bytes->at < 8)
        return mat_refuse(bytes, short_of);
    const uint32_t first = (uint32_t)number_at(bytes->at, 4, bytes->big_endian);
    if (first >> 16) { /* small: size, type and up to four bytes */
        *element = (struct element){first & 0xFFFF, bytes->at + 4, first >> 16};
        bytes->at += 8;
        return element->size <= 4 || mat_refuse(bytes, short_of);
    }
    const size_t size = (size_t)number_at(bytes->at + 4, 4, bytes->big_endian);
    bytes->at += 8;
    *element = (struct element){first, bytes->at, size};
    if (size > (size_t)(bytes->end - bytes->at))
        return mat_refuse(bytes, short_of);
    bytes->at += size;
    /* Padded to eight bytes, but where compressed; the last one may lack that. */
    const size_t padding = first == type_compressed ? 0 : (8 - size % 8) % 8;
    const size_t left = (size_t)(bytes->end - bytes->at);
    bytes->at += padding < left ? padding : left;
    return true;
}

size_t size_of_type(uint32_t type)
{
    switch (type) {
    case type_int8:
    case type_uint8:
    case type_utf8: return 1;
    case type_int16:
    case type_uint16:
    case type_utf16: return 2;
    case type_int32:
    case type_uint32:
    case type_single: return 4;
    case type_double:
    case type_int64:
    case type_uint64: return 8;
    default: return 0;
    }
}

double number_of(uint32_t type, uint64_t bits)
{
    double real;
    float single;
    const uint32_t low = (uint32_t)bits;
    switch (type) {
    case type_int8: return (double)(int8_t)bits;
    case type_int16: return (double)(int16_t)bits;
    case type_int32: return (double)(int32_t)bits;
    case type_int64: return (double)(int64_t)bits;
    case type_single: memcpy(&single, &low, sizeof single); return (double)single;
    case type_double: memcpy(&real, &bits, sizeof real); return real;
    default: return (double)bits;
    }
}

unsigned char *inflate_element(const struct bytes *bytes, const struct element *element,
                               size_t *size, size_t *left)
{
    z_stream stream = {.next_in = element->bytes, .avail_in = (uInt)element->size};
    unsigned char *inflated = NULL;
    size_t room = 0;
    int result = inflateInit(&stream);
    *size = 0;
    while (result == Z_OK && *size <= *left) {
        if (room - *size < 4096)
            inflated = reallocate(inflated, room = 2 * room + 65536, 1);
        stream.next_out = inflated + *size;
        stream.avail_out = (uInt)(room - *size);
        result = inflate(&stream, Z_NO_FLUSH);
        *size = room - stream.avail_out;
    }
    inflateEnd(&stream);
    if (result == Z_STREAM_END && *size <= *left) {
        *left -= *size;
        return inflated;
    }
    free(inflated);
    mat_refuse(bytes, *size > *left
                          ? "inflates to more than 256 MiB: not a file of scores or opinions"
                          : "is damaged or cut short: an array cannot be inflated");
    return NULL;
}
