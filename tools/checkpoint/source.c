/*
 * source.c - see source.h.  Looks at the names and kinds of files, not into them.
 */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "problem.h"

/* In a directory that has several, they hold the same numbers; the first is taken. */
static const char *const published_files[] = {
    "model.safetensors",           "model.safetensors.index.json",
    "open_clip_model.safetensors", "open_clip_pytorch_model.bin",
    "pytorch_model.bin",           "pytorch_model.bin.index.json"};

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* "DIRECTORY/FILE", to be freed. */
static char *join(const char *directory, const char *file)
{
    const size_t size = strlen(directory) + strlen(file) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s", directory, file);
    return path;
}

static bool has_file(const char *directory, const char *file)
{
    struct stat status;
    char *path = join(directory, file);
    const bool has = path && stat(path, &status) == 0 && S_ISREG(status.st_mode);
    free(path);
    return has;
}

char *source_file(const char *path, char *message)
{
    const size_t count = sizeof published_files / sizeof published_files[0];
    char *file = NULL;
    if (!is_directory(path)) {
        file = malloc(strlen(path) + 1);
        if (file)
            strcpy(file, path);
    } else {
        size_t i = 0;
        while (i < count && !has_file(path, published_files[i]))
            i++;
        if (i == count) {
            problem(message,
                    "%.200s: the directory has no checkpoint under a name that is known, such as "
                    "%s or %s: name the file",
                    origin_of(path), published_files[0], published_files[4]);
            return NULL;
        }
        file = join(path, published_files[i]);
    }
    if (!file)
        problem(message, "%.200s: out of memory", origin_of(path));
    return file;
}

bool source_has_vocabulary(const char *path)
{
    return is_directory(path) && has_file(path, "vocab.json") && has_file(path, "merges.txt");
}

void source_name(const char *path, char *name, size_t size)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start && path[start - 1] != '/')
        start--;
    snprintf(name, size, "%.*s", (int)(end - start), path + start);
    char *extension = strrchr(name, '.');
    if (extension && extension != name && !is_directory(path))
        *extension = 0;
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "/") == 0)
        snprintf(name, size, "model");
}

static bool is_same_file(const char *left, const char *right)
{
    struct stat a, b;
    return stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

bool source_contains(const struct checkpoint *checkpoint, const char *path)
{
    const struct container *container = checkpoint->container;
    for (size_t i = 0; i < container->file_count; i++)
        if (is_same_file(container->files[i], path))
            return true;
    return is_same_file(checkpoint->path, path);
}
