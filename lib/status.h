/*
 * status.h - how a failure inside the library becomes a status and a sentence.
 */
#ifndef QUALICLIP_STATUS_H
#define QUALICLIP_STATUS_H

#include "compiler.h"
#include "qualiclip.h"

/* Where the explanation of a failure goes: the caller's buffer.  A NULL message or text: nowhere.
 */
struct message {
    char *text;
    size_t size;
};

/*
 * Writes the sentence, cut to the buffer's size, and returns `status`, so that a failure is one
 * statement: return fail(message, QC_ERROR_FORMAT, "%s: tensor %s is missing", path, name);
 */
qc_status fail(struct message *message, qc_status status, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
