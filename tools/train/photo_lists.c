/*
 * photo_lists.c - see photo_lists.h.
 */
#include "photo_lists.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "diagnostics.h"
#include "../memory.h"

static bool is_list(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && strcmp(dot, ".txt") == 0;
}

static bool add_lines(struct input_list *list, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        complain_about(path, strerror(errno));
        return false;
    }
    char line[4096];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\t\r\n")] = '\0';
        char *argument = line;
        if (line[0] && line[0] != '#')
            inputs_gather(list, &argument, 1, true);
    }
    const bool good = !ferror(file);
    if (!good)
        complain_about(path, strerror(errno));
    fclose(file);
    return good;
}

bool photo_list_add(struct input_list *list, const char *argument)
{
    if (is_list(argument))
        return add_lines(list, argument);
    char *path = copy_string(argument);
    inputs_gather(list, &path, 1, true);
    free(path);
    return true;
}

void photo_list_subtract(struct input_list *list, const struct input_list *others)
{
    struct stat *known = reallocate(NULL, others->count + 1, sizeof *known);
    size_t kept = 0, knowns = 0;
    for (size_t j = 0; j < others->count; j++)
        knowns += stat(others->items[j].path, &known[knowns]) == 0;
    for (size_t i = 0; i < list->count; i++) {
        struct stat one;
        bool found = false;
        if (knowns && stat(list->items[i].path, &one) == 0)
            for (size_t j = 0; j < knowns && !found; j++)
                found = one.st_dev == known[j].st_dev && one.st_ino == known[j].st_ino;
        if (found) {
            free(list->items[i].path);
            free(list->items[i].error);
        } else {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
    free(known);
}
