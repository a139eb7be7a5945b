/*
 * copy_names.c - an input's name -> its copies' name, and the folders for that.
 */
#include "copy_names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "memory.h"

char *copy_stem(const struct input *input)
{
    const char *slash = strrchr(input->path, '/');
    const char *name = input->below ? input->path + input->below : slash ? slash + 1 : input->path;
    char *stem = copy_string(strcmp(input->path, "-") == 0 ? "stdin" : name);
    char *file = strrchr(stem, '/');
    file = file ? file + 1 : stem;
    const char *ending = image_ending(file);
    if (ending && ending != file)
        file[ending - file] = '\0';
    return stem;
}

bool make_directory(const char *path)
{
    struct stat status;
    char *part = copy_string(path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(part, 0777); /* what goes wrong here shows below */
        *slash = '/';
    }
    free(part);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return false;
    if (stat(path, &status) != 0)
        return false;
    errno = ENOTDIR;
    return S_ISDIR(status.st_mode);
}

bool make_directories_of(const char *directory, const char *stem)
{
    const char *slash = strrchr(stem, '/');
    if (!slash)
        return true;
    const size_t size = strlen(directory) + (size_t)(slash - stem) + 2;
    char *path = allocate(size);
    snprintf(path, size, "%s/%s", directory, stem);
    const bool made = make_directory(path);
    const int error = errno;
    free(path);
    errno = error;
    return made;
}
