/*
 * options.h - one rule for all option structs of the public header: they begin with their size, so
 * that a caller built against an older or newer header than the library is understood.
 */
#ifndef QUALICLIP_OPTIONS_H
#define QUALICLIP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/*
 * Lays the caller's options, if any, over the defaults in `options`: as many bytes as both know.
 * False where the caller's size was never set by the init function.
 */
static inline bool take_options(void *options, size_t options_size, const void *given)
{
    if (!given)
        return true;
    size_t size;
    memcpy(&size, given, sizeof size);
    if (size <= sizeof size)
        return false;
    memcpy(options, given, size < options_size ? size : options_size);
    return true;
}

#endif
