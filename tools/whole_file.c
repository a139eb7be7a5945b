/*
 * whole_file.c - a temporary name beside the file, then rename().
 */
#include "whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diagnostics.h"
#include "memory.h"

static bool complain_of_errno(const char *path)
{
    complain_about(path, strerror(errno));
    return false;
}

static bool write_and_close(int descriptor, const void *data, size_t size)
{
    FILE *file = fdopen(descriptor, "wb");
    if (!file) {
        close(descriptor);
        return false;
    }
    const bool written = fwrite(data, 1, size, file) == size;
    return (fclose(file) == 0) && written;
}

/* A new file, with the permissions that the user's umask gives. */
static int create_beside(const char *path, char *name, size_t room)
{
    int descriptor = -1;
    for (int attempt = 0; attempt < 100 && descriptor < 0; attempt++) {
        snprintf(name, room, "%s.%ld-%d.partial", path, (long)getpid(), attempt);
        descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor < 0 && errno != EEXIST)
            break;
    }
    return descriptor;
}

bool whole_file_write(const char *path, const void *data, size_t size)
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        const int descriptor = open(path, O_WRONLY | O_CLOEXEC);
        return (descriptor >= 0 && write_and_close(descriptor, data, size)) ||
               complain_of_errno(path);
    }
    const size_t room = strlen(path) + 48;
    char *name = allocate(room);
    const int descriptor = create_beside(path, name, room);
    bool good = descriptor >= 0;
    if (good && (!write_and_close(descriptor, data, size) || rename(name, path) != 0)) {
        const int error = errno;
        unlink(name);
        errno = error;
        good = false;
    }
    free(name);
    return good || complain_of_errno(path);
}
