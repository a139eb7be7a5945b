/*
 * status.c - names of statuses, and the sentence that goes with a failure.
 */
#include "status.h"

#include <stdarg.h>

#include "format.h"

const char *qc_version(void)
{
    return QC_VERSION_STRING;
}

const char *qc_status_string(qc_status status)
{
    switch (status) {
    case QC_OK: return "success";
    case QC_ERROR_ARGUMENT: return "invalid argument";
    case QC_ERROR_MEMORY: return "out of memory";
    case QC_ERROR_IO: return "cannot read file";
    case QC_ERROR_FORMAT: return "damaged or inconsistent file";
    case QC_ERROR_UNSUPPORTED: return "not supported by this build";
    case QC_ERROR_TOO_SMALL: return "image too small";
    case QC_ERROR_TOO_LARGE: return "image or batch too large";
    case QC_ERROR_NUMERIC: return "result is not finite";
    case QC_CANCELLED: return "cancelled";
    }
    return "unknown status";
}

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
