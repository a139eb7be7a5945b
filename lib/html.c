/*
 * html.c - HTML 5's character references: &#decimal; &#xhexadecimal; &name;
 *
 * The final semicolon may be missing behind numbers and behind the old names, even where more
 * letters follow: "&ampere" is "&ere".
 */
#include "html.h"

#include <stdbool.h>
#include <string.h>

#include "unicode.h"
#include "text_tables/html_entities.h"

#define NAME_MAX_CHARACTERS 32 /* behind the ampersand, without the semicolon */
#define REPLACEMENT         0xFFFD

struct output {
    char *bytes;
    size_t size;
};

static void put(struct output *out, const char *bytes, size_t size)
{
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
}

/* ----------------------------------------------------------------------------------- numbers */

/* Numbers that stand for nothing. */
static bool is_void(uint32_t code)
{
    return (code >= 0x01 && code <= 0x08) || code == 0x0B || (code >= 0x0E && code <= 0x1F) ||
           (code >= 0x7F && code <= 0x9F) || (code >= 0xFDD0 && code <= 0xFDEF) ||
           (code & 0xFFFE) == 0xFFFE;
}

static void put_number(struct output *out, uint32_t code)
{
    /* 0x80 ... 0x9F are meant as Windows-1252 by those who write them. */
    static const uint16_t windows[32] = {
        0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};
    if (code >= 0x80 && code <= 0x9F)
        code = windows[code - 0x80];
    else if (code == 0 || (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF)
        code = REPLACEMENT;
    else if (is_void(code))
        return;
    out->size += utf8_encode(out->bytes + out->size, code);
}

static int digit_value(char digit, unsigned base)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (base == 16 && digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (base == 16 && digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* `text` begins with "&#".  Returns how many bytes were used, 0 if it is no number. */
static size_t take_number(struct output *out, const char *text, size_t size)
{
    const unsigned base = size > 2 && (text[2] == 'x' || text[2] == 'X') ? 16 : 10;
    const size_t first = base == 16 ? 3 : 2;
    size_t used = first;
    uint32_t code = 0;
    for (; used < size && digit_value(text[used], base) >= 0; used++)
        if (code <= 0x10FFFF) /* beyond it, further digits change nothing */
            code = base * code + (uint32_t)digit_value(text[used], base);
    if (used == first)
        return 0;
    put_number(out, code);
    return used < size && text[used] == ';' ? used + 1 : used;
}

/* ------------------------------------------------------------------------------------- names */

struct entity {
    const char *value;
    size_t size;
    bool semicolon_optional;
};

/* The character called by these bytes, which hold no semicolon. */
static bool find_entity(const char *name, size_t size, struct entity *entity)
{
    const char *record = NULL;
    for (size_t i = 0; i < sizeof entity_lists / sizeof entity_lists[0] && size; i++)
        if (entity_lists[i].letter == name[0])
            record = entity_lists[i].records;
    while (record && *record) {
        const size_t rest = strcspn(record, ",;");
        const char *value = record + rest + 1;
        const size_t value_size = strcspn(value, " ");
        if (rest + 1 == size && memcmp(record, name + 1, rest) == 0) {
            *entity = (struct entity){value, value_size, record[rest] == ','};
            return true;
        }
        record = value + value_size + 1;
    }
    return false;
}

static bool ends_name(char byte)
{
    return byte == '\t' || byte == '\n' || byte == '\f' || byte == ' ' || byte == '<' ||
           byte == '&' || byte == '#' || byte == ';';
}

/* `text` begins with "&".  Returns how many bytes were used, 0 if it is no name. */
static size_t take_name(struct output *out, const char *text, size_t size)
{
    size_t end = 1;
    for (size_t characters = 0;
         end < size && !ends_name(text[end]) && characters < NAME_MAX_CHARACTERS; characters++)
        end += utf8_length(text + end, size - end);
    struct entity entity;
    const bool semicolon = end < size && text[end] == ';';
    if (find_entity(text + 1, end - 1, &entity) && (semicolon || entity.semicolon_optional)) {
        put(out, entity.value, entity.size);
        return end + semicolon;
    }
    /* The longest old name that it begins with. */
    for (size_t name = end - 1; name >= 2; name--)
        if (find_entity(text + 1, name, &entity) && entity.semicolon_optional) {
            put(out, entity.value, entity.size);
            return name + 1;
        }
    return 0;
}

size_t html_unescape(char *out, const char *text, size_t size)
{
    struct output output = {out, 0};
    for (size_t i = 0; i < size;) {
        size_t used = 0;
        if (text[i] == '&' && i + 1 < size)
            used = text[i + 1] == '#' ? take_number(&output, text + i, size - i)
                                      : take_name(&output, text + i, size - i);
        if (!used) {
            put(&output, text + i, 1);
            used = 1;
        }
        i += used;
    }
    return output.size;
}
