/*
 * contest.c - two lists of scores become one list of images, and that becomes pairs.
 */
#include "contest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../diagnostics.h"
#include "../memory.h"
#include "labels/join.h"

/* The file's name without its folder and ending. */
static void set_titles(struct contest *contest, const char *const *paths)
{
    for (size_t i = 0; i < 2; i++) {
        const char *slash = strrchr(paths[i], '/');
        const char *base = slash && slash[1] ? slash + 1 : paths[i];
        const char *dot = strrchr(base, '.');
        size_t length = dot && dot != base ? (size_t)(dot - base) : strlen(base);
        length = length < 40 ? length : 40;
        snprintf(contest->titles[i], sizeof contest->titles[i], "%.*s", (int)length,
                 printable(base).text);
    }
    if (strcmp(contest->titles[0], contest->titles[1]) != 0)
        return;
    for (size_t i = 0; i < 2; i++) {
        const size_t length = strlen(contest->titles[i]);
        snprintf(contest->titles[i] + length, sizeof contest->titles[i] - length, " (%c)",
                 (char)('A' + i));
    }
}

static void join(struct contest *contest)
{
    const struct scores *first = &contest->lists[0], *second = &contest->lists[1];
    size_t *partner = reallocate(NULL, first->count, sizeof *partner), joined = 0;
    join_names(first->names, first->count, second->names, second->count, partner);
    contest->names = reallocate(NULL, first->count, sizeof *contest->names);
    for (size_t i = 0; i < 2; i++)
        contest->scores[i] = reallocate(NULL, first->count, sizeof *contest->scores[i]);
    for (size_t i = 0; i < first->count; i++) {
        if (partner[i] >= second->count) { /* none, or an ambiguous one */
            contest->lone[0]++;
            continue;
        }
        joined++;
        const double scores[2] = {first->values[i], second->values[partner[i]]};
        if (!isfinite(scores[0]) || !isfinite(scores[1])) {
            contest->failed++;
            continue;
        }
        contest->names[contest->count] = first->names[i];
        contest->scores[0][contest->count] = scores[0];
        contest->scores[1][contest->count++] = scores[1];
    }
    contest->lone[1] = second->count - joined;
    free(partner);
}

/* So that the result does not depend on the order in the files. */
static int by_name(const void *left, const void *right)
{
    const char *const *a = left, *const *b = right;
    return strcmp(*a, *b);
}

static void sort_by_name(struct contest *contest)
{
    struct item {
        const char *name;
        double scores[2];
    } *items = reallocate(NULL, contest->count, sizeof *items);
    for (size_t i = 0; i < contest->count; i++)
        items[i] = (struct item){contest->names[i], {contest->scores[0][i], contest->scores[1][i]}};
    qsort(items, contest->count, sizeof *items, by_name);
    for (size_t i = 0; i < contest->count; i++) {
        contest->names[i] = items[i].name;
        contest->scores[0][i] = items[i].scores[0];
        contest->scores[1][i] = items[i].scores[1];
    }
    free(items);
}

bool contest_read(struct contest *contest, const char *const *paths,
                  const struct score_options *options)
{
    char message[TABLE_MESSAGE_SIZE];
    for (size_t i = 0; i < 2; i++) {
        if (!scores_read(&contest->lists[i], paths[i], options, message)) {
            complain("%s", message);
            return false;
        }
    }
    set_titles(contest, paths);
    join(contest);
    if (contest->count < 2) {
        complain("%zu image%s a score in both lists: two are needed; images are joined by name",
                 contest->count, contest->count == 1 ? " has" : "s have");
        return false;
    }
    sort_by_name(contest);
    return true;
}

static void fight(struct contest *contest, size_t defender, size_t level)
{
    const struct competition competition = {contest->count, contest->scores[defender],
                                            contest->scores[1 - defender], contest->bins,
                                            contest->tolerance};
    struct duel *duels = reallocate(NULL, contest->pairs, sizeof *duels);
    const size_t found = competition_duels(&competition, level, contest->pairs, duels);
    contest->bouts =
        reallocate(contest->bouts, contest->bout_count + found, sizeof *contest->bouts);
    for (size_t i = 0; i < found; i++)
        contest->bouts[contest->bout_count++] =
            (struct bout){defender, level, i + 1, {duels[i].better, duels[i].worse}};
    free(duels);
}

void contest_run(struct contest *contest)
{
    for (size_t defender = 0; defender < 2; defender++)
        for (size_t level = 0; level < contest->bins; level++)
            if (!contest->ends_alone || level == 0 || level + 1 == contest->bins)
                fight(contest, defender, level);
}

size_t contest_find_pictures(struct contest *contest, const struct input_list *pictures)
{
    const char **paths = reallocate(NULL, pictures->count, sizeof *paths);
    const char **wanted = reallocate(NULL, 2 * contest->bout_count, sizeof *wanted);
    size_t *partner = reallocate(NULL, 2 * contest->bout_count, sizeof *partner);
    size_t *image = reallocate(NULL, 2 * contest->bout_count, sizeof *image);
    size_t found = 0, count = 0, path_count = 0;
    contest->pictures = reallocate(NULL, contest->count, sizeof *contest->pictures);
    bool *asked = reallocate(NULL, contest->count, sizeof *asked);
    for (size_t i = 0; i < contest->count; i++) {
        contest->pictures[i] = NULL;
        asked[i] = false;
    }
    for (size_t i = 0; i < pictures->count; i++)
        if (!pictures->items[i].error)
            paths[path_count++] = pictures->items[i].path;
    for (size_t i = 0; i < 2 * contest->bout_count; i++) {
        const size_t chosen = contest->bouts[i / 2].images[i % 2];
        if (asked[chosen])
            continue;
        asked[chosen] = true;
        image[count] = chosen;
        wanted[count++] = contest->names[chosen];
    }
    join_names(wanted, count, paths, path_count, partner);
    for (size_t i = 0; i < count; i++) {
        if (partner[i] >= path_count)
            continue;
        contest->pictures[image[i]] = copy_string(paths[partner[i]]);
        found++;
    }
    free(paths);
    free(wanted);
    free(partner);
    free(image);
    free(asked);
    return found;
}

void contest_free(struct contest *contest)
{
    for (size_t i = 0; contest->pictures && i < contest->count; i++)
        free(contest->pictures[i]);
    free(contest->pictures);
    free(contest->bouts);
    free(contest->names);
    for (size_t i = 0; i < 2; i++) {
        free(contest->scores[i]);
        scores_free(&contest->lists[i]);
    }
    *contest = (struct contest){0};
}

void contest_level(const struct contest *contest, size_t level, char *text)
{
    if (contest->ends_alone && contest->bins > 1)
        snprintf(text, 32, "%s quality", level == 0 ? "low" : "high");
    else
        snprintf(text, 32, "level %zu of %u", level + 1, (unsigned)contest->bins);
}
