/*
 * arguments.c - strict parsing of the command line's words.
 */
#include "arguments.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The digits at *text as a number up to `most`; *text moves behind them. */
static bool take_digits(const char **text, uint32_t most, uint32_t *value)
{
    const char *at = *text;
    uint64_t number = 0;
    if (*at < '0' || *at > '9')
        return false;
    for (; *at >= '0' && *at <= '9'; at++) {
        number = 10 * number + (uint64_t)(*at - '0');
        if (number > most)
            return false;
    }
    *text = at;
    *value = (uint32_t)number;
    return true;
}

bool parse_count(const char *text, uint32_t least, uint32_t most, uint32_t *value)
{
    return take_digits(&text, most, value) && *text == '\0' && *value >= least;
}

bool parse_bytes(const char *text, size_t *bytes)
{
    static const char units[] = "KMG";
    uint32_t number;
    if (!take_digits(&text, UINT32_MAX, &number) || number == 0)
        return false;
    const char *unit = *text ? strchr(units, *text) : NULL;
    const unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    if ((unit ? text[1] : text[0]) != '\0' || number > SIZE_MAX >> shift)
        return false;
    *bytes = (size_t)number << shift;
    return true;
}

bool parse_positive(const char *text, double *value)
{
    char *end;
    if (strspn(text, "0123456789.") == 0) /* no sign, blank, "inf" or "nan" */
        return false;
    *value = strtod(text, &end);
    return *end == '\0' && isfinite(*value) && *value > 0;
}

bool parse_size(const char *text, uint32_t most, uint32_t *width, uint32_t *height)
{
    return take_digits(&text, most, width) && *text++ == 'x' &&
           take_digits(&text, most, height) && *text == '\0' && *width > 0 && *height > 0;
}

bool parse_choice(const char *text, const char *const *names, int *value)
{
    for (int i = 0; names[i]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *value = i;
            return true;
        }
    }
    return false;
}

bool parse_counts(const char *text, uint32_t least, uint32_t most, uint32_t *values, size_t room,
                  size_t *count)
{
    *count = 0;
    for (;; text++) {
        if (*count == room || !take_digits(&text, most, &values[*count]) ||
            values[*count] < least)
            return false;
        ++*count;
        if (*text != ',')
            return *text == '\0';
    }
}

bool split_list(char *text, char **parts, size_t room, size_t *count)
{
    *count = 0;
    for (;;) {
        if (*count == room)
            return false;
        parts[(*count)++] = text;
        size_t length = strcspn(text, ",");
        if (length == 0)
            return false;
        if (text[length] == '\0')
            return true;
        text[length] = '\0';
        text += length + 1;
    }
}
