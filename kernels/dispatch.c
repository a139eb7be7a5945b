/*
 * dispatch.c - which kernels this build and this CPU have, and in which order.
 *
 * Nothing is remembered between calls, so there is nothing to lock; a model asks once, at open.
 */
#include <string.h>

#include "compiler.h"
#include "reference/reference.h"

const kernel_set *kernel_set_at(size_t index)
{
    return index == 0 ? &kernel_set_reference : NULL;
}

const kernel_set *kernel_set_find(const char *name)
{
    if (!name)
        return kernel_set_at(0);
    for (size_t i = 0;; i++) {
        const kernel_set *set = kernel_set_at(i);
        if (!set || strcmp(set->name, name) == 0)
            return set;
    }
}
