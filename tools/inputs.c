/*
 * inputs.c - arguments and directories -> the list of images.
 */
#include "inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "memory.h"

/* Takes the path over; the error is copied. */
static void append(struct input_list *list, char *path, size_t below, const char *error)
{
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 64;
        list->items = reallocate(list->items, list->room, sizeof *list->items);
    }
    list->items[list->count++] = (struct input){path, below, error ? copy_string(error) : NULL};
}

const char *image_ending(const char *name)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof endings[0]; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return dot;
    return NULL;
}

static char *join(const char *directory, const char *name)
{
    size_t length = strlen(directory), size = length + strlen(name) + 2;
    char *path = allocate(size);
    const char *slash = length && directory[length - 1] == '/' ? "" : "/";
    snprintf(path, size, "%s%s%s", directory, slash, name);
    return path;
}

/* Of a directory as join() begins with it. */
static size_t length_with_slash(const char *directory)
{
    const size_t length = strlen(directory);
    return length + (length && directory[length - 1] != '/');
}

static int by_name(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The names in a directory, sorted; NULL with errno if it cannot be read. */
static char **read_names(const char *directory, size_t *count)
{
    DIR *stream = opendir(directory);
    if (!stream)
        return NULL;
    size_t room = 16;
    char **names = reallocate(NULL, room, sizeof *names);
    struct dirent *entry;
    *count = 0;
    while ((errno = 0, entry = readdir(stream))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (*count == room)
            names = reallocate(names, room *= 2, sizeof *names);
        names[(*count)++] = copy_string(entry->d_name);
    }
    int error = errno;
    closedir(stream);
    if (error) {
        while (*count)
            free(names[--*count]);
        free(names);
        errno = error;
        return NULL;
    }
    qsort(names, *count, sizeof *names, by_name);
    return names;
}

/* Directories are closed before those below them are opened: depth costs no descriptors. */
static void walk(struct input_list *list, const char *directory, size_t below)
{
    size_t count;
    char **names = read_names(directory, &count);
    if (!names) {
        append(list, copy_string(directory), 0, strerror(errno));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        char *path = join(directory, names[i]);
        struct stat status;
        bool known = lstat(path, &status) == 0;
        if (known && S_ISDIR(status.st_mode)) {
            walk(list, path, below);
            free(path);
        } else if (image_ending(names[i]) &&
                   (stat(path, &status) != 0 || S_ISREG(status.st_mode))) {
            /* A dangling link too: opening it tells what is wrong. */
            append(list, path, below, NULL);
        } else {
            free(path);
        }
        free(names[i]);
    }
    free(names);
}

void inputs_gather(struct input_list *list, char *const *arguments, size_t count, bool recursive)
{
    for (size_t i = 0; i < count; i++) {
        struct stat status;
        bool directory = strcmp(arguments[i], "-") != 0 && stat(arguments[i], &status) == 0 &&
                         S_ISDIR(status.st_mode);
        size_t before = list->count;
        if (!directory)
            append(list, copy_string(arguments[i]), 0, NULL);
        else if (!recursive)
            append(list, copy_string(arguments[i]), 0, "is a directory; -r takes what is in it");
        else
            walk(list, arguments[i], length_with_slash(arguments[i]));
        if (list->count == before)
            append(list, copy_string(arguments[i]), 0, "no .png, .jpg or .jpeg file is in it");
    }
}

void inputs_free(struct input_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
        free(list->items[i].error);
    }
    free(list->items);
    *list = (struct input_list){0};
}
