/*
 * sort.h - sorting and searching of pointers, for builds that have no C library to do it.
 */
#ifndef QUALICLIP_SORT_H
#define QUALICLIP_SORT_H

#include <stddef.h>

/* Below 0, 0 or above 0: whether what `a` points to comes before, with or after that of `b`. */
typedef int sort_order(const void *a, const void *b);

/* Ascending, in place, in at most about 2 n log n steps whatever the input. */
void sort_pointers(const void **items, size_t count, sort_order *order);

/* The item of a sorted array that is equal to `key`, or NULL. */
const void *find_pointer(const void *const *items, size_t count, const void *key,
                         sort_order *order);

#endif
