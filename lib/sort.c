/*
 * sort.c - heap sort and binary search.
 */
#include "sort.h"

/* Moves the item at `root` down until none below it comes after it. */
static void sift(const void **items, size_t root, size_t count, sort_order *order)
{
    const void *item = items[root];
    for (size_t below; (below = 2 * root + 1) < count; root = below) {
        if (below + 1 < count && order(items[below], items[below + 1]) < 0)
            below++;
        if (order(item, items[below]) >= 0)
            break;
        items[root] = items[below];
    }
    items[root] = item;
}

void sort_pointers(const void **items, size_t count, sort_order *order)
{
    for (size_t root = count / 2; root-- > 0;)
        sift(items, root, count, order);
    for (size_t last = count; last-- > 1;) {
        const void *largest = items[0];
        items[0] = items[last];
        items[last] = largest;
        sift(items, 0, last, order);
    }
}

const void *find_pointer(const void *const *items, size_t count, const void *key, sort_order *order)
{
    size_t low = 0, high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int side = order(key, items[middle]);
        if (side == 0)
            return items[middle];
        if (side < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
