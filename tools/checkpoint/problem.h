/*
 * problem.h - how the checkpoint readers and the converter explain a failure: one sentence in the
 * caller's buffer.  Names out of a file may hold anything, so control characters are replaced.
 */
#ifndef QUALICLIP_PROBLEM_H
#define QUALICLIP_PROBLEM_H

#include <stdbool.h>

#include "../../kernels/compiler.h"
#include "qualiclip.h"

/* Writes the sentence, cut to QC_MESSAGE_SIZE bytes; returns false, so that failing is one line. */
bool problem(char *message, const char *format, ...) PRINTF_LIKE(2, 3);

/* Replaces control characters, which could steer a terminal, by '?'. */
void make_printable(char *text);

/* What a path is called in messages: the path itself, or the file's name where that is long. */
const char *origin_of(const char *path);

/* The part of a path after the last slash. */
const char *base_name(const char *path);

#endif
