/*
 * mat_element.h - what MATLAB's files of level 5 are made of: a tag of type and size, then that
 * many bytes, which may be further elements.
 */
#ifndef QUALICLIP_MAT_ELEMENT_H
#define QUALICLIP_MAT_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "table.h"

enum mat_type {
    type_int8 = 1,
    type_uint8 = 2,
    type_int16 = 3,
    type_uint16 = 4,
    type_int32 = 5,
    type_uint32 = 6,
    type_single = 7,
    type_double = 9,
    type_int64 = 12,
    type_uint64 = 13,
    type_matrix = 14,
    type_compressed = 15,
    type_utf8 = 16,
    type_utf16 = 17
};

struct element {
    uint32_t type;
    const unsigned char *bytes;
    size_t size;
};

/* Bytes that are being read, and what is said of them. */
struct bytes {
    const unsigned char *at, *end;
    bool big_endian;
    const char *origin;
    char *message;
};

/* Says why the file is refused; false. */
bool mat_refuse(const struct bytes *bytes, const char *reason);

/* The next element of those bytes, which it must not go beyond. */
bool next_element(struct bytes *bytes, struct element *element);

/* Bytes of a number of that type; 0: it is not one of numbers. */
size_t size_of_type(uint32_t type);

/* The number of `size` bytes as its bits, and what those mean. */
uint64_t number_at(const unsigned char *at, size_t size, bool big_endian);
double number_of(uint32_t type, uint64_t bits);

/* What an element inflates to, or NULL; *left is what the file may still inflate to. */
unsigned char *inflate_element(const struct bytes *bytes, const struct element *element,
                               size_t *size, size_t *left);

#endif
