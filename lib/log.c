/*
 * log.c - a sentence for the caller's log.
 */
#include "log.h"

#include <stdarg.h>

#include "format.h"

void log_tell(const struct listener *listener, qc_log_level level, const char *format, ...)
{
    if (!listener->hear)
        return;
    char sentence[QC_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    format_text_v(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    listener->hear(listener->context, level, sentence);
}
