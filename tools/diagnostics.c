/*
 * diagnostics.c - messages on standard error.  Decides nothing and ends nothing.
 */
#include "diagnostics.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "progress.h"

struct printable printable(const char *text)
{
    struct printable result;
    size_t length = 0;
    for (; text[length] && length < sizeof result.text - 1; length++) {
        unsigned char byte = (unsigned char)text[length];
        result.text[length] = byte < 0x20 || byte == 0x7f ? '?' : text[length];
    }
    result.text[length] = '\0';
    return result;
}

static void say(const char *format, va_list arguments)
{
    char text[sizeof(struct printable)];
    vsnprintf(text, sizeof text, format, arguments);
    progress_hide();
    fprintf(stderr, "qualiclip: %s\n", printable(text).text);
}

void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

const char *without_subject(const char *message, const char *subject)
{
    size_t length = strlen(subject);
    return strncmp(message, subject, length) == 0 && strncmp(message + length, ": ", 2) == 0
               ? message + length + 2
               : message;
}

void complain_about(const char *subject, const char *message)
{
    complain("%s: %s", subject, without_subject(message, subject));
}

int usage_error(const char *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    fprintf(stderr, "Try 'qualiclip %s --help'.\n", command);
    return COMMAND_USAGE;
}

int option_error(const char *command, int result, char *const *argv)
{
    const char *word = argv[optind - 1];
    if (strncmp(word, "--", 2) != 0 && optopt > ' ' && optopt < 0x7f)
        return usage_error(command,
                           result == ':' ? "option -%c needs a value" : "unknown option -%c",
                           optopt);
    if (result == ':')
        return usage_error(command, "option %s needs a value", word);
    if (optopt)
        return usage_error(command, "%s: this option takes no value", word);
    return usage_error(command, "unknown or ambiguous option %s", word);
}
