/*
 * mat.c - arrays, made of data elements: flags, dimensions, a name, then numbers, characters or
 * the arrays that are in cells.
 *
 * Nothing is believed: arrays have as many numbers as their dimensions say, and how many elements
 * and how many cells within cells there may be is limited.
 */
#include "mat.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../memory.h"
#include "mat_element.h"

enum {
    HEADER_SIZE = 128,
    ELEMENTS_MAX = 1 << 22, /* of an array */
    DEPTH_MAX = 3           /* cells within cells */
};

/* Classes of arrays. */
enum { class_cell = 1, class_char = 4, class_double = 6, class_uint64 = 15, class_opaque = 17 };

/* What an array says of itself before its data. */
struct array_header {
    uint32_t class;
    bool complex;
    size_t rows, count;
    char name[64];
};

static bool read_dimensions(struct bytes *bytes, struct array_header *header)
{
    struct element dimensions;
    if (!next_element(bytes, &dimensions))
        return false;
    if (dimensions.type != type_int32 || dimensions.size < 8 || dimensions.size % 4)
        return mat_refuse(bytes, "is damaged: an array has no dimensions");
    header->count = 1;
    for (size_t i = 0; i < dimensions.size; i += 4) {
        const uint32_t length = (uint32_t)number_at(dimensions.bytes + i, 4, bytes->big_endian);
        if (length && header->count > ELEMENTS_MAX / length)
            return mat_refuse(bytes, "has an array of more than four million elements: not a file "
                                     "of scores or opinions");
        header->count *= length;
        if (i == 0)
            header->rows = length;
    }
    return true;
}

static bool read_array_header(struct bytes *bytes, struct array_header *header)
{
    struct element flags, name;
    if (!next_element(bytes, &flags))
        return false;
    if (flags.type != type_uint32 || flags.size != 8)
        return mat_refuse(bytes, "is damaged: an array has no flags");
    const uint32_t word = (uint32_t)number_at(flags.bytes, 4, bytes->big_endian);
    header->class = word & 0xFF;
    header->complex = word >> 11 & 1;
    if (header->class == class_opaque)
        return true; /* a table, say: no dimensions follow, and nothing that is known */
    if (!read_dimensions(bytes, header) || !next_element(bytes, &name))
        return false;
    const size_t length = name.size < sizeof header->name ? name.size : sizeof header->name - 1;
    memcpy(header->name, name.bytes, length);
    header->name[length] = 0;
    return true;
}

static size_t utf8_of(uint32_t code, char *text)
{
    if (code < 0x80) {
        text[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        text[0] = (char)(0xC0 | code >> 6);
        text[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    text[0] = (char)(0xE0 | code >> 12);
    text[1] = (char)(0x80 | (code >> 6 & 0x3F));
    text[2] = (char)(0x80 | (code & 0x3F));
    return 3;
}

/* Every `step`th character from the first on, without the blanks that fill rows up. */
static const char *text_of(struct mat_file *file, const struct bytes *bytes,
                           const struct element *data, size_t first, size_t step, size_t length)
{
    const size_t size = size_of_type(data->type);
    char *text = reallocate(NULL, length + 1, 3);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        const unsigned char *at = data->bytes + (first + i * step) * size;
        const uint32_t code = (uint32_t)number_at(at, size, bytes->big_endian) & 0xFFFF;
        if (data->type == type_utf8 || !code)
            text[used++] = (char)code; /* bytes are kept as they are */
        else
            used += utf8_of(code, text + used);
    }
    while (used && (text[used - 1] == ' ' || !text[used - 1]))
        used--;
    const char *kept = table_text(&file->text, text, used);
    free(text);
    return kept;
}

static bool read_characters(const struct bytes *bytes, const struct array_header *header,
                            const struct element *data)
{
    const size_t size = size_of_type(data->type);
    return (size == 1 || size == 2) && data->size / size >= header->count
               ? true
               : mat_refuse(bytes, "is damaged: an array of characters is shorter than it says");
}

/* A character array as an element of a cell array; "" for anything else. */
static bool read_cell(struct mat_file *file, struct bytes bytes, const char **text, int depth)
{
    struct array_header header = {.count = 0};
    struct element data;
    *text = "";
    if (bytes.at == bytes.end)
        return true; /* MATLAB's empty array */
    if (!read_array_header(&bytes, &header))
        return false;
    if (!header.count)
        return true;
    if (header.class != class_char && header.class != class_cell)
        return true;
    if (!next_element(&bytes, &data))
        return false;
    if (header.class == class_char) {
        if (!read_characters(&bytes, &header, &data))
            return false;
        *text = text_of(file, &bytes, &data, 0, 1, header.count);
        return true;
    }
    /* A cell in a cell: a text that was put into braces twice. */
    if (depth == DEPTH_MAX || data.type != type_matrix)
        return mat_refuse(&bytes, "has cells within cells, which are not read");
    bytes.at = data.bytes;
    bytes.end = data.bytes + data.size;
    return read_cell(file, bytes, text, depth + 1);
}

static bool read_cells(struct mat_file *file, struct bytes *bytes, struct mat_array *array)
{
    struct element cell;
    array->texts = reallocate(NULL, array->count + 1, sizeof *array->texts);
    for (size_t i = 0; i < array->count; i++) {
        if (!next_element(bytes, &cell))
            return false;
        struct bytes inside = *bytes;
        inside.at = cell.bytes;
        inside.end = cell.bytes + cell.size;
        if (cell.type != type_matrix)
            return mat_refuse(bytes,
                              "is damaged: a cell array has something else than arrays in it");
        if (!read_cell(file, inside, &array->texts[i], 0))
            return false;
    }
    return true;
}

static bool read_rows(struct mat_file *file, struct bytes *bytes, const struct array_header *header,
                      struct mat_array *array)
{
    struct element data;
    if (!next_element(bytes, &data) || !read_characters(bytes, header, &data))
        return false;
    array->count = header->rows;
    array->texts = reallocate(NULL, array->count + 1, sizeof *array->texts);
    for (size_t i = 0; i < array->count; i++)
        array->texts[i] =
            text_of(file, bytes, &data, i, header->rows, header->count / header->rows);
    return true;
}

static bool read_numbers(struct bytes *bytes, struct mat_array *array)
{
    struct element data;
    if (!next_element(bytes, &data))
        return false;
    const size_t size = size_of_type(data.type);
    if (!size || data.size / size < array->count)
        return mat_refuse(bytes, "is damaged: an array has fewer numbers than it says");
    array->numbers = reallocate(NULL, array->count + 1, sizeof *array->numbers);
    for (size_t i = 0; i < array->count; i++)
        array->numbers[i] =
            number_of(data.type, number_at(data.bytes + i * size, size, bytes->big_endian));
    return true;
}

static bool read_array(struct mat_file *file, struct bytes bytes)
{
    struct array_header header = {.count = 0};
    if (!read_array_header(&bytes, &header))
        return false;
    const bool numbers =
        header.class >= class_double && header.class <= class_uint64 && !header.complex;
    if (!header.count || (!numbers && header.class != class_cell && header.class != class_char))
        return true;
    if (!header.name[0])
        return true; /* not a variable: what objects are made of */
    if (file->count == file->room) {
        file->room = 2 * file->room + 8;
        file->arrays = reallocate(file->arrays, file->room, sizeof *file->arrays);
    }
    struct mat_array *array = &file->arrays[file->count++];
    memset(array, 0, sizeof *array);
    memcpy(array->name, header.name, sizeof array->name);
    array->count = header.count;
    if (header.class == class_cell)
        return read_cells(file, &bytes, array);
    return numbers ? read_numbers(&bytes, array) : read_rows(file, &bytes, &header, array);
}

static bool read_compressed(struct mat_file *file, struct bytes bytes,
                            const struct element *element, size_t *left)
{
    struct element inner;
    size_t size;
    unsigned char *inflated = inflate_element(&bytes, element, &size, left);
    if (!inflated)
        return false;
    bytes.at = inflated;
    bytes.end = inflated + size;
    bool good = next_element(&bytes, &inner);
    if (good && inner.type == type_matrix) {
        bytes.at = inner.bytes;
        bytes.end = inner.bytes + inner.size;
        good = read_array(file, bytes);
    }
    free(inflated);
    return good;
}

bool mat_recognised(const unsigned char *bytes, size_t size)
{
    return size >= HEADER_SIZE &&
           (memcmp(bytes + 126, "IM", 2) == 0 || memcmp(bytes + 126, "MI", 2) == 0);
}

static bool read_all(struct mat_file *file, struct bytes *bytes)
{
    struct element element;
    size_t left = TABLE_FILE_MAX;
    bytes->big_endian = bytes->at[126] == 'M';
    if (number_at(bytes->at + 124, 2, bytes->big_endian) != 0x0100)
        return mat_refuse(bytes, "is a MATLAB file of level 7.3, which is HDF5 and not read: load "
                                 "it and save it again with -v7");
    bytes->at += HEADER_SIZE;
    while (bytes->at < bytes->end) {
        if (!next_element(bytes, &element))
            return false;
        struct bytes inside = *bytes;
        inside.at = element.bytes;
        inside.end = element.bytes + element.size;
        if (element.type == type_compressed
                ? !read_compressed(file, inside, &element, &left)
                : element.type == type_matrix && !read_array(file, inside))
            return false;
    }
    return true;
}

bool mat_read(struct mat_file *file, const unsigned char *bytes, size_t size, const char *origin,
              char message[TABLE_MESSAGE_SIZE])
{
    struct bytes all = {bytes, bytes + size, false, origin, message};
    memset(file, 0, sizeof *file);
    if (!mat_recognised(bytes, size))
        return mat_refuse(&all, "is not a MATLAB file of level 5");
    if (read_all(file, &all))
        return true;
    mat_free(file);
    return false;
}

void mat_free(struct mat_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        free(file->arrays[i].numbers);
        free(file->arrays[i].texts);
    }
    free(file->arrays);
    table_free(&file->text);
    memset(file, 0, sizeof *file);
}

const struct mat_array *mat_find(const struct mat_file *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->arrays[i].name, name) == 0)
            return &file->arrays[i];
    return NULL;
}
