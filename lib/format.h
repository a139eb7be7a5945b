/*
 * format.h - printf's way of writing texts, as far as the library needs it and in builds without a
 * C library: %s %c %d %i %u %x %p %g with widths, zeros, precisions and the lengths l, ll, z, t.
 *
 * What is written is what printf writes in the C locale, to the last digit, whatever locale the
 * application has set.
 */
#ifndef QUALICLIP_FORMAT_H
#define QUALICLIP_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

#include "compiler.h"

/*
 * Writes the text, cut to `size` bytes with the zero at its end (`size` may be 0).  Returns how
 * long it is uncut.
 */
size_t format_text(char *text, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
size_t format_text_v(char *text, size_t size, const char *format, va_list arguments);

#endif
