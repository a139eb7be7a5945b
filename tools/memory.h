/*
 * memory.h - memory for the program (never the library): it is there, or the program ends with
 * a message and status 1.
 */
#ifndef QUALICLIP_TOOL_MEMORY_H
#define QUALICLIP_TOOL_MEMORY_H

#include <stddef.h>

void *allocate(size_t size);
void *reallocate(void *block, size_t count, size_t size);
char *copy_string(const char *text);

#endif
