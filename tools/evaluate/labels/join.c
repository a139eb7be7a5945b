/*
 * join.c - both lists are sorted by what is compared; names that are the same are a block, in which
 * each is held against each.
 */
#include "join.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../memory.h"

/* Blocks beyond are ambiguous: 65536 comparisons, where a dataset has five of a name. */
enum { block_max = 256 };

struct entry {
    const char *path, *name; /* the name begins in the path */
    size_t length;           /* of the name without its ending */
    size_t index;
};

static char folded(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a')
           : letter == '\\'               ? '/'
                                          : letter;
}

static struct entry entry_of(const char *path, size_t index)
{
    const char *name = path;
    for (const char *at = path; *at; at++)
        if (*at == '/' || *at == '\\')
            name = at + 1;
    const char *dot = strrchr(name, '.');
    return (struct entry){path, name, dot && dot > name ? (size_t)(dot - name) : strlen(name),
                          index};
}

static int compare_names(const struct entry *a, const struct entry *b)
{
    const size_t shorter = a->length < b->length ? a->length : b->length;
    for (size_t i = 0; i < shorter; i++) {
        const int difference =
            (unsigned char)folded(a->name[i]) - (unsigned char)folded(b->name[i]);
        if (difference)
            return difference;
    }
    return (a->length > b->length) - (a->length < b->length);
}

static int by_name(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    const int order = compare_names(a, b);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

static struct entry *sorted(const char *const *paths, size_t count)
{
    struct entry *entries = reallocate(NULL, count + 1, sizeof *entries);
    for (size_t i = 0; i < count; i++)
        entries[i] = entry_of(paths[i], i);
    qsort(entries, count, sizeof *entries, by_name);
    return entries;
}

/* How much alike two of the same name are: folders from the name on, then the ending. */
static size_t likeness(const struct entry *a, const struct entry *b)
{
    const char *x = a->name, *y = b->name, *ending = a->name + a->length;
    const char *other = b->name + b->length;
    size_t folders = 0;
    while (*ending && folded(*ending) == folded(*other))
        ending++, other++;
    const bool same_ending = folded(*ending) == folded(*other);
    while (x > a->path && y > b->path && folded(x[-1]) == folded(y[-1])) {
        x--, y--;
        /* A folder ends where another begins, or the path. */
        if ((x == a->path || folded(x[-1]) == '/') && (y == b->path || folded(y[-1]) == '/') &&
            *x != '/' && *x != '\\')
            folders++;
    }
    return 2 * folders + same_ending;
}

/* The one of a block that is most like an entry; JOIN_AMBIGUOUS if there are several. */
static size_t most_alike(const struct entry *entry, const struct entry *block, size_t count)
{
    size_t best = 0, best_likeness = 0, equals = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t alike = likeness(entry, &block[i]);
        if (i == 0 || alike > best_likeness) {
            best = i;
            best_likeness = alike;
            equals = 1;
        } else {
            equals += alike == best_likeness;
        }
    }
    return equals == 1 ? best : JOIN_AMBIGUOUS;
}

static void join_block(const struct entry *mine, size_t count, const struct entry *theirs,
                       size_t their_count, size_t *partner)
{
    const bool too_many = count > block_max || their_count > block_max;
    for (size_t i = 0; i < count; i++) {
        size_t best = too_many ? JOIN_AMBIGUOUS : most_alike(&mine[i], theirs, their_count);
        if (best != JOIN_AMBIGUOUS && most_alike(&theirs[best], mine, count) != i)
            best = JOIN_AMBIGUOUS;
        partner[mine[i].index] = best == JOIN_AMBIGUOUS ? best : theirs[best].index;
    }
}

static size_t block_end(const struct entry *entries, size_t count, size_t first)
{
    size_t end = first + 1;
    while (end < count && compare_names(&entries[first], &entries[end]) == 0)
        end++;
    return end;
}

void join_names(const char *const *names, size_t count, const char *const *others,
                size_t other_count, size_t *partner)
{
    struct entry *mine = sorted(names, count), *theirs = sorted(others, other_count);
    for (size_t i = 0, j = 0; i < count;) {
        const size_t end = block_end(mine, count, i);
        while (j < other_count && compare_names(&theirs[j], &mine[i]) < 0)
            j++;
        const bool found = j < other_count && compare_names(&theirs[j], &mine[i]) == 0;
        if (found)
            join_block(mine + i, end - i, theirs + j, block_end(theirs, other_count, j) - j,
                       partner);
        for (size_t k = i; k < end && !found; k++)
            partner[mine[k].index] = JOIN_NOTHING;
        i = end;
    }
    free(mine);
    free(theirs);
}
