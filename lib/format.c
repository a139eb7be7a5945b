/*
 * format.c - a text into a buffer, piece by piece.
 */
#include "format.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "c_text.h"
#include "decimal.h"

struct writer {
    char *text;
    size_t size, used; /* used: also what did not fit */
};

static void write_byte(struct writer *writer, char byte)
{
    if (writer->used + 1 < writer->size)
        writer->text[writer->used] = byte;
    writer->used++;
}

static void write_bytes(struct writer *writer, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        write_byte(writer, bytes[i]);
}

/* What stands between % and the letter. */
struct conversion {
    bool zeros;
    size_t width;
    int precision; /* -1: none */
    char length;   /* 0, 'l', 'L' for ll, 'z', 't' */
};

/* ------------------------------------------------------------------------------------- integers */

static void write_number(struct writer *writer, const struct conversion *conversion, bool negative,
                         uint64_t number, unsigned base)
{
    char digits[20];
    size_t count = 0;
    do
        digits[count++] = "0123456789abcdef"[number % base];
    while (number /= base);
    const size_t size = count + (negative ? 1 : 0);
    const size_t padding = conversion->width > size ? conversion->width - size : 0;
    for (size_t i = 0; i < padding && !conversion->zeros; i++)
        write_byte(writer, ' ');
    if (negative)
        write_byte(writer, '-');
    for (size_t i = 0; i < padding && conversion->zeros; i++)
        write_byte(writer, '0');
    while (count)
        write_byte(writer, digits[--count]);
}

/* Arguments that were promoted, by the length that was given. */
#define SIGNED_ARGUMENT(length, arguments)                                                         \
    ((length) == 'l'                      ? va_arg(arguments, long)                                \
     : (length) == 'L'                    ? va_arg(arguments, long long)                           \
     : (length) == 't' || (length) == 'z' ? va_arg(arguments, ptrdiff_t)                           \
                                          : va_arg(arguments, int))
#define UNSIGNED_ARGUMENT(length, arguments)                                                       \
    ((length) == 'l'                      ? va_arg(arguments, unsigned long)                       \
     : (length) == 'L'                    ? va_arg(arguments, unsigned long long)                  \
     : (length) == 'z' || (length) == 't' ? va_arg(arguments, size_t)                              \
                                          : va_arg(arguments, unsigned))

/* ---------------------------------------------------------------------------------------- texts */

static void write_text(struct writer *writer, const struct conversion *conversion, const char *text)
{
    size_t size = 0;
    while ((conversion->precision < 0 || size < (size_t)conversion->precision) && text[size])
        size++;
    for (size_t i = size; i < conversion->width; i++)
        write_byte(writer, ' ');
    write_bytes(writer, text, size);
}

/* -------------------------------------------------------------------------------------- doubles */

/* Digits with a point behind the first `whole` of them; zeros where there are none. */
static void write_digits(struct writer *writer, const char *digits, int count, int whole)
{
    for (int i = whole < 1 ? whole - 1 : 0; i < count || i < whole; i++) {
        if (i == whole)
            write_byte(writer, '.');
        write_byte(writer, i >= 0 && i < count ? digits[i] : '0');
    }
}

/* %g: the shorter of both ways, without zeros at the end. */
static void write_double(struct writer *writer, const struct conversion *conversion, double value)
{
    int count = conversion->precision < 0    ? 6
                : conversion->precision == 0 ? 1
                                             : conversion->precision;
    count = count > DECIMAL_DIGITS_MAX ? DECIMAL_DIGITS_MAX : count;
    const int wanted = count;
    char digits[DECIMAL_DIGITS_MAX];
    if (signbit(value)) {
        write_byte(writer, '-');
        value = -value;
    }
    if (!isfinite(value)) {
        write_bytes(writer, isnan(value) ? "nan" : "inf", 3);
        return;
    }
    const int exponent = decimal_digits(value, count, digits);
    while (count > 1 && digits[count - 1] == '0')
        count--;
    if (exponent >= -4 && exponent < wanted) {
        write_digits(writer, digits, count, exponent + 1);
        return;
    }
    write_digits(writer, digits, count, 1);
    write_byte(writer, 'e');
    write_byte(writer, exponent < 0 ? '-' : '+');
    const struct conversion two_digits = {.zeros = true, .width = 2};
    write_number(writer, &two_digits, false, (uint64_t)(exponent < 0 ? -exponent : exponent), 10);
}

/* -------------------------------------------------------------------------------------- formats */

static int take_number(const char **at)
{
    int number = 0;
    while (**at >= '0' && **at <= '9' && number < 100000)
        number = 10 * number + *(*at)++ - '0';
    return number;
}

static struct conversion take_conversion(const char **at, va_list *arguments)
{
    struct conversion conversion = {.precision = -1};
    if (**at == '0') {
        conversion.zeros = true;
        (*at)++;
    }
    conversion.width = (size_t)take_number(at);
    if (**at == '.') {
        (*at)++;
        if (**at == '*') {
            (*at)++;
            conversion.precision = va_arg(*arguments, int);
        } else {
            conversion.precision = take_number(at);
        }
    }
    if (**at == 'l' || **at == 'z' || **at == 't')
        conversion.length = *(*at)++;
    if (conversion.length == 'l' && **at == 'l') {
        conversion.length = 'L';
        (*at)++;
    }
    return conversion;
}

static void write_argument(struct writer *writer, char letter, const struct conversion *conversion,
                           va_list *arguments)
{
    switch (letter) {
    case 'd':
    case 'i': {
        const int64_t number = SIGNED_ARGUMENT(conversion->length, *arguments);
        write_number(writer, conversion, number < 0,
                     number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 10);
        break;
    }
    case 'u':
    case 'x': {
        const uint64_t number = UNSIGNED_ARGUMENT(conversion->length, *arguments);
        write_number(writer, conversion, false, number, letter == 'u' ? 10 : 16);
        break;
    }
    case 'p':
        write_bytes(writer, "0x", 2);
        write_number(writer, conversion, false, (uintptr_t)va_arg(*arguments, void *), 16);
        break;
    case 'c': write_byte(writer, (char)va_arg(*arguments, int)); break;
    case 's': write_text(writer, conversion, va_arg(*arguments, const char *)); break;
    case 'g': write_double(writer, conversion, va_arg(*arguments, double)); break;
    default: write_byte(writer, letter); break; /* %% */
    }
}

size_t format_text_v(char *text, size_t size, const char *format, va_list given)
{
    struct writer writer = {text, size, 0};
    va_list arguments;
    va_copy(arguments, given); /* of a type that can be pointed to, whatever va_list is */
    for (const char *at = format; *at;) {
        if (*at != '%') {
            write_byte(&writer, *at++);
            continue;
        }
        at++;
        const struct conversion conversion = take_conversion(&at, &arguments);
        write_argument(&writer, *at++, &conversion, &arguments);
    }
    va_end(arguments);
    if (size)
        text[writer.used < size ? writer.used : size - 1] = '\0';
    return writer.used;
}

size_t format_text(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const size_t used = format_text_v(text, size, format, arguments);
    va_end(arguments);
    return used;
}
