/*
 * written_file.c - a temporary name beside the real one, and the renaming at the end.
 */
#include "written_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"

static bool refuse(const char *path, const char *why, char *message)
{
    snprintf(message, QC_MESSAGE_SIZE, "%.200s: %s", path, why);
    return false;
}

/* A file that did not exist, with the permissions that the user's umask gives. */
static FILE *create_beside(const char *path, char **temporary)
{
    const size_t size = strlen(path) + 48;
    int descriptor = -1;
    *temporary = allocate(size);
    for (int attempt = 0; attempt < 100 && descriptor < 0; attempt++) {
        snprintf(*temporary, size, "%s.%ld-%d.partial", path, (long)getpid(), attempt);
        descriptor = open(*temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor < 0 && errno != EEXIST)
            break;
    }
    FILE *stream = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (stream)
        return stream;
    const int error = errno;
    if (descriptor >= 0) {
        close(descriptor);
        unlink(*temporary);
    }
    free(*temporary);
    errno = error;
    return NULL;
}

/* Renaming over /dev/null or a pipe would replace it. */
static bool is_regular_or_absent(const char *path, char *message)
{
    struct stat status;
    return stat(path, &status) != 0 || S_ISREG(status.st_mode) ||
           refuse(path,
                  S_ISDIR(status.st_mode) ? "is a directory, expected the name of a file"
                                          : "exists and is not a regular file",
                  message);
}

bool written_file_can_open(const char *path, char *message)
{
    if (!is_regular_or_absent(path, message))
        return false;
    char *directory = copy_string(path);
    char *slash = strrchr(directory, '/');
    if (slash)
        slash[slash == directory] = '\0';
    const bool good = access(slash ? directory : ".", W_OK | X_OK) == 0;
    const int error = errno;
    free(directory);
    return good || refuse(path, strerror(error), message);
}

bool written_file_open(struct written_file *file, const char *path, char *message)
{
    *file = (struct written_file){0};
    if (!is_regular_or_absent(path, message))
        return false;
    file->stream = create_beside(path, &file->temporary);
    if (!file->stream)
        return refuse(path, strerror(errno), message);
    file->path = copy_string(path);
    return true;
}

bool written_file_close(struct written_file *file, bool good, char *message)
{
    errno = 0;
    const bool written = !ferror(file->stream);
    if ((fclose(file->stream) != 0 || !written) && good)
        good = refuse(file->path, errno ? strerror(errno) : "could not be written", message);
    if (good && rename(file->temporary, file->path) != 0)
        good = refuse(file->path, strerror(errno), message);
    if (!good)
        unlink(file->temporary);
    free(file->path);
    free(file->temporary);
    *file = (struct written_file){0};
    return good;
}
