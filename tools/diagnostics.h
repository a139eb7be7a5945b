/*
 * diagnostics.h - what the program says on standard error, always after its own name.
 *
 * Text that comes from outside (names of files, messages about them) is shown with control
 * characters replaced, so that a file's name cannot drive the terminal.
 */
#ifndef QUALICLIP_DIAGNOSTICS_H
#define QUALICLIP_DIAGNOSTICS_H

#include "compiler.h"

struct printable {
    char text[1024];
};

/* `text` with '?' for each control character, cut to the buffer. */
struct printable printable(const char *text);

/* "qualiclip: ..." */
void complain(const char *format, ...) PRINTF_LIKE(1, 2);

/* "qualiclip: SUBJECT: MESSAGE"; the subject is not said twice where the message begins with it. */
void complain_about(const char *subject, const char *message);

/* The message without the subject that it begins with. */
const char *without_subject(const char *message, const char *subject);

/* Complains, points to the command's help, and returns COMMAND_USAGE. */
int usage_error(const char *command, const char *format, ...) PRINTF_LIKE(2, 3);

/*
 * The usage error for what getopt_long() did not understand: `result` is '?' or ':'.  getopt's
 * own messages must be off (opterr = 0, and a short option string that begins with ':').
 */
int option_error(const char *command, int result, char *const *argv);

#endif
