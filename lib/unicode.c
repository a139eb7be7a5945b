/*
 * unicode.c - looks characters up in Python's tables (text_tables/make_tables.py).
 */
#include "unicode.h"

#include "text_tables/unicode.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define CAPITAL_SIGMA 0x3A3
#define SMALL_SIGMA   0x3C3
#define FINAL_SIGMA   0x3C2
#define DOTTED_I      0x130 /* the one character whose lower case is two: i and a dot above */
#define DOT_ABOVE     0x307

/* ----------------------------------------------------------------------------------- classes */

/* Whether an odd number of the ascending boundaries lie at or below the code point. */
static bool in_set(const uint32_t *boundaries, size_t count, uint32_t code)
{
    size_t low = 0, high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (boundaries[middle] <= code)
            low = middle + 1;
        else
            high = middle;
    }
    return low % 2;
}

bool is_letter(uint32_t code)
{
    return in_set(letters, COUNT(letters), code);
}

bool is_number(uint32_t code)
{
    return in_set(numbers, COUNT(numbers), code);
}

bool is_white_space(uint32_t code)
{
    return (code >= 0x09 && code <= 0x0D) || code == 0x20 || code == 0x85 || code == 0xA0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

/* -------------------------------------------------------------------------------- lower case */

static uint32_t lower_of(uint32_t code)
{
    size_t low = 0, high = COUNT(lower_runs);
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (lower_runs[middle].last < code)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == COUNT(lower_runs) || code < lower_runs[low].first ||
        (code - lower_runs[low].first) % lower_runs[low].step)
        return code;
    return (uint32_t)((int32_t)code + lower_runs[low].difference);
}

/* Whether the first character that is not case-ignorable is cased. */
static bool cased_follows(const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        const size_t length = utf8_length(text + i, size - i);
        const uint32_t code = utf8_decode(text + i, length);
        if (!in_set(case_ignorable, COUNT(case_ignorable), code))
            return in_set(cased, COUNT(cased), code);
        i += length;
    }
    return false;
}

size_t lower_case(char *out, const char *text, size_t size)
{
    size_t written = 0;
    bool after_cased = false; /* what cased_follows() asks, looking back */
    for (size_t i = 0; i < size;) {
        const size_t length = utf8_length(text + i, size - i);
        const uint32_t code = utf8_decode(text + i, length);
        i += length;
        if (code == CAPITAL_SIGMA) {
            const bool is_final = after_cased && !cased_follows(text + i, size - i);
            written += utf8_encode(out + written, is_final ? FINAL_SIGMA : SMALL_SIGMA);
        } else if (code == DOTTED_I) {
            written += utf8_encode(out + written, 'i');
            written += utf8_encode(out + written, DOT_ABOVE);
        } else {
            written += utf8_encode(out + written, lower_of(code));
        }
        if (!in_set(case_ignorable, COUNT(case_ignorable), code))
            after_cased = in_set(cased, COUNT(cased), code);
    }
    return written;
}
