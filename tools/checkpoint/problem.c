/*
 * problem.c - one sentence for one failure.
 */
#include "problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void make_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

bool problem(char *message, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, QC_MESSAGE_SIZE, format, arguments);
    va_end(arguments);
    make_printable(message);
    return false;
}

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *origin_of(const char *path)
{
    /* A message has 512 bytes, and the reason at its end matters more than the directories. */
    return strlen(path) <= 200 ? path : base_name(path);
}
