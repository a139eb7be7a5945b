/*
 * utf8.c - sequences of bytes to characters and back.
 */
#include "utf8.h"

#include <stdbool.h>

size_t utf8_length(const char *text, size_t left)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (bytes[0] < 0x80)
        return 1;
    const size_t length = bytes[0] < 0xE0 ? 2 : bytes[0] < 0xF0 ? 3 : 4;
    if (bytes[0] < 0xC2 || bytes[0] > 0xF4 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    const unsigned second = bytes[1];
    const bool overlong =
        (bytes[0] == 0xE0 && second < 0xA0) || (bytes[0] == 0xF0 && second < 0x90);
    const bool surrogate = bytes[0] == 0xED && second > 0x9F;
    const bool beyond = bytes[0] == 0xF4 && second > 0x8F;
    return overlong || surrogate || beyond ? 0 : length;
}

uint32_t utf8_decode(const char *text, size_t length)
{
    static const unsigned char payload[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    const unsigned char *bytes = (const unsigned char *)text;
    uint32_t code = bytes[0] & payload[length];
    for (size_t i = 1; i < length; i++)
        code = code << 6 | (bytes[i] & 0x3F);
    return code;
}

size_t utf8_encode(char *out, uint32_t code)
{
    const size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length; i-- > 1; code >>= 6)
        out[i] = (char)(unsigned char)(0x80 | (code & 0x3F));
    out[0] = (char)(unsigned char)(first[length] | code);
    return length;
}
