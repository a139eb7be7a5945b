/*
 * xml.c - searches for the next angle bracket.
 */
#include "xml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void xml_start(struct xml *xml, const char *bytes, size_t size)
{
    *xml = (struct xml){.at = bytes, .end = bytes + size};
}

/* Where `mark` ends, or NULL. */
static const char *behind(const char *at, const char *end, const char *mark)
{
    const size_t length = strlen(mark);
    for (; (size_t)(end - at) >= length; at++) {
        at = memchr(at, mark[0], (size_t)(end - at) - length + 1);
        if (!at)
            return NULL;
        if (memcmp(at, mark, length) == 0)
            return at + length;
    }
    return NULL;
}

static bool begins(const struct xml *xml, const char *mark)
{
    const size_t length = strlen(mark);
    return (size_t)(xml->end - xml->at) >= length && memcmp(xml->at, mark, length) == 0;
}

static bool is_blank(char letter)
{
    return letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r';
}

/* The closing bracket of a tag: one in quotes is part of a value. */
static const char *tag_end(const char *at, const char *end)
{
    for (char quote = 0; at < end; at++) {
        if (quote)
            quote = *at == quote ? 0 : quote;
        else if (*at == '"' || *at == '\'')
            quote = *at;
        else if (*at == '>')
            return at;
    }
    return NULL;
}

static bool read_tag(struct xml *xml)
{
    const char *close = tag_end(xml->at, xml->end);
    if (!close)
        return false;
    const char *at = xml->at + 1;
    xml->tag = true;
    xml->closes = at < close && *at == '/';
    at += xml->closes;
    xml->empty = close > at && close[-1] == '/';
    const char *last = close - xml->empty;
    xml->name = at;
    for (; at < last && !is_blank(*at); at++)
        if (*at == ':')
            xml->name = at + 1;
    xml->name_length = (size_t)(at - xml->name);
    xml->text = at;
    xml->text_length = (size_t)(last - at);
    xml->at = close + 1;
    return true;
}

bool xml_next(struct xml *xml)
{
    while (xml->at && xml->at < xml->end) {
        if (begins(xml, "<!--")) {
            xml->at = behind(xml->at, xml->end, "-->");
        } else if (begins(xml, "<?")) {
            xml->at = behind(xml->at, xml->end, "?>");
        } else if (begins(xml, "<!")) {
            xml->at = behind(xml->at, xml->end, ">");
        } else if (*xml->at == '<') {
            return read_tag(xml);
        } else {
            const char *open = memchr(xml->at, '<', (size_t)(xml->end - xml->at));
            xml->tag = false;
            xml->text = xml->at;
            xml->at = open ? open : xml->end;
            xml->text_length = (size_t)(xml->at - xml->text);
            return true;
        }
    }
    return false;
}

bool xml_is(const struct xml *xml, const char *name)
{
    return xml->tag && strlen(name) == xml->name_length &&
           memcmp(xml->name, name, xml->name_length) == 0;
}

bool xml_attribute(const struct xml *xml, const char *name, char *value, size_t size)
{
    const char *at = xml->text, *end = xml->text + xml->text_length;
    const size_t length = strlen(name);
    while (at < end) {
        while (at < end && is_blank(*at))
            at++;
        const char *key = at;
        for (; at < end && *at != '=' && !is_blank(*at); at++)
            if (*at == ':')
                key = at + 1;
        const size_t key_length = (size_t)(at - key);
        while (at < end && *at != '"' && *at != '\'')
            at++;
        const char *text = at + 1,
                   *close = at < end ? memchr(text, *at, (size_t)(end - text)) : NULL;
        if (!close)
            return false;
        at = close + 1;
        if (key_length != length || memcmp(key, name, length) != 0)
            continue;
        if ((size_t)(close - text) >= size)
            return false;
        xml_decode(text, (size_t)(close - text), value);
        return true;
    }
    return false;
}

/* A character in UTF-8: never longer than "&#N;" was. */
static size_t encode(uint32_t code, char *text)
{
    if (code < 0x80) {
        text[0] = (char)code;
        return 1;
    }
    const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    for (int i = more; i > 0; i--, code >>= 6)
        text[i] = (char)(0x80 | (code & 0x3F));
    text[0] = (char)((0xF0 << (3 - more) & 0xFF) | code);
    return (size_t)more + 1;
}

/* The character that an entity between '&' and ';' stands for; 0: none that is known. */
static uint32_t entity(const char *text, size_t length)
{
    static const struct {
        const char *name;
        uint32_t code;
    } known[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strlen(known[i].name) == length && memcmp(known[i].name, text, length) == 0)
            return known[i].code;
    if (length < 2 || text[0] != '#')
        return 0;
    const bool hexadecimal = text[1] == 'x';
    uint32_t code = 0;
    for (size_t i = 1 + hexadecimal; i < length; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = memchr(digits, text[i] | (text[i] >= 'A' ? 0x20 : 0), 16);
        if (!digit || (!hexadecimal && digit - digits >= 10) || code > 0x10FFFF)
            return 0;
        code = code * (hexadecimal ? 16 : 10) + (uint32_t)(digit - digits);
    }
    return code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? 0 : code;
}

size_t xml_decode(const char *text, size_t length, char *decoded)
{
    enum { entity_max = 10 };
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        const size_t left = length - i - 1;
        const char *close = text[i] == '&'
                                ? memchr(text + i + 1, ';', left < entity_max ? left : entity_max)
                                : NULL;
        const size_t name = close ? (size_t)(close - text) - i - 1 : 0;
        const uint32_t code = close ? entity(text + i + 1, name) : 0;
        if (code) {
            used += encode(code, decoded + used);
            i += name + 2;
        } else {
            decoded[used++] = text[i++];
        }
    }
    decoded[used] = 0;
    return used;
}
