/*
 * degradation_names.c - a list of names, taken apart.
 */
#include "degradation_names.h"

#include <stdlib.h>

#include "arguments.h"
#include "memory.h"

bool choose_degradations(const char *names, bool chosen[degradation_count])
{
    char *list = copy_string(names), *parts[degradation_count];
    size_t count;
    bool good = split_list(list, parts, degradation_count, &count);
    for (size_t i = 0; good && i < count; i++) {
        enum degradation type;
        good = degradation_by_name(parts[i], &type);
        if (good)
            chosen[type] = true;
    }
    free(list);
    return good;
}
