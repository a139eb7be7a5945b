/*
 * message.c - the sentence that goes with a failure.
 */
#include <stdarg.h>

#include "format.h"
#include "status.h"

qc_status fail(struct message *message, qc_status status, const char *format, ...)
{
    if (message && message->text && message->size) {
        va_list arguments;
        va_start(arguments, format);
        format_text_v(message->text, message->size, format, arguments);
        va_end(arguments);
    }
    return status;
}
