/*
 * log.h - how a decision inside the library becomes a sentence for the caller's log (qc_log).
 *
 * For what is decided once, while a model is opened or a scorer made.  Not for failures (status.h),
 * and never while images are scored.
 */
#ifndef QUALICLIP_LOG_H
#define QUALICLIP_LOG_H

#include "compiler.h"
#include "qualiclip.h"

/* The caller's function and what it is handed.  NULL: nobody hears. */
struct listener {
    qc_log *hear;
    void *context;
};

/* Tells a sentence, cut to QC_MESSAGE_SIZE bytes. */
void log_tell(const struct listener *listener, qc_log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
