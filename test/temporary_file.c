/*
 * temporary_file.c - makes and removes the file.
 */
#include "temporary_file.h"

#include <stdlib.h>
#include <unistd.h>

char temporary_path[] = "/tmp/qualiclip-test-XXXXXX";

int temporary_file_make(void **state)
{
    (void)state;
    const int descriptor = mkstemp(temporary_path);
    return descriptor < 0 ? -1 : close(descriptor);
}

int temporary_file_remove(void **state)
{
    (void)state;
    return unlink(temporary_path);
}
