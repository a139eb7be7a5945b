/*
 * memory.c - allocation that does not return without memory.
 */
#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "diagnostics.h"

static void *checked(void *block)
{
    if (!block) {
        complain("out of memory");
        exit(COMMAND_FAILED);
    }
    return block;
}

void *allocate(size_t size)
{
    return checked(malloc(size ? size : 1));
}

void *reallocate(void *block, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return checked(NULL);
    size_t bytes = count * size;
    return checked(realloc(block, bytes > 0 ? bytes : 1));
}

char *copy_string(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(allocate(size), text, size);
}
