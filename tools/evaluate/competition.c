/*
 * competition.c - images sorted by the defender; a window slides over those that are equal enough,
 * and two queues know the attacker's least and greatest score in it.
 */
#include "competition.h"

#include <math.h>
#include <stdlib.h>

#include "../memory.h"

struct contender {
    double defender, attacker;
    size_t image;
};

static int by_defender(const void *left, const void *right)
{
    const struct contender *a = left, *b = right;
    if (a->defender != b->defender)
        return a->defender < b->defender ? -1 : 1;
    return a->image < b->image ? -1 : a->image > b->image;
}

/*
 * Contenders of a window that may still be the extreme one: the first is now.  None that follows is
 * more extreme, or as extreme and nearer to the defender's next scores.
 */
struct queue {
    size_t *places, first, end;
    double sign; /* 1: the extreme is the greatest attacker's score, -1: the least */
};

static bool outdoes(const struct contender *newer, const struct contender *older, double sign)
{
    const double difference = sign * (newer->attacker - older->attacker);
    return difference > 0 || (difference == 0 && newer->defender > older->defender);
}

static void push(struct queue *queue, const struct contender *contenders, size_t place)
{
    while (queue->end > queue->first &&
           outdoes(&contenders[place], &contenders[queue->places[queue->end - 1]], queue->sign))
        queue->end--;
    queue->places[queue->end++] = place;
}

static void drop_before(struct queue *queue, size_t place)
{
    while (queue->first < queue->end && queue->places[queue->first] < place)
        queue->first++;
}

struct found {
    size_t low, high; /* places of the defender's order */
    double difference, gap;
};

static void consider(struct found *best, const struct contender *contenders, size_t earlier,
                     size_t later)
{
    const double difference = fabs(contenders[later].attacker - contenders[earlier].attacker);
    const double gap = contenders[later].defender - contenders[earlier].defender;
    if (difference > best->difference ||
        (difference == best->difference && difference > 0 && gap < best->gap))
        *best = (struct found){earlier, later, difference, gap};
}

/* The best pair of the contenders; difference 0: there is none. */
static struct found find_best(const struct contender *contenders, size_t count, double tolerance,
                              size_t *scratch)
{
    struct found best = {0, 0, 0, 0};
    struct queue greatest = {scratch, 0, 0, 1}, least = {scratch + count, 0, 0, -1};
    for (size_t start = 0, i = 0; i < count; i++) {
        while (contenders[i].defender - contenders[start].defender > tolerance)
            start++;
        drop_before(&greatest, start);
        drop_before(&least, start);
        if (greatest.first < greatest.end)
            consider(&best, contenders, greatest.places[greatest.first], i);
        if (least.first < least.end)
            consider(&best, contenders, least.places[least.first], i);
        push(&greatest, contenders, i);
        push(&least, contenders, i);
    }
    return best;
}

static void remove_at(struct contender *contenders, size_t *count, size_t place)
{
    for (size_t i = place + 1; i < *count; i++)
        contenders[i - 1] = contenders[i];
    --*count;
}

size_t competition_duels(const struct competition *competition, size_t bin, size_t wanted,
                         struct duel *duels)
{
    const size_t total = competition->count, bins = competition->bins;
    struct contender *all = reallocate(NULL, total, sizeof *all);
    for (size_t i = 0; i < total; i++)
        all[i] = (struct contender){competition->defender[i], competition->attacker[i], i};
    qsort(all, total, sizeof *all, by_defender);
    const double range = total ? all[total - 1].defender - all[0].defender : 0;
    /* Without overflow: total / bins to each, one more to the first total % bins. */
    const size_t share = total / bins, more = total % bins;
    const size_t first = bin * share + (bin < more ? bin : more);
    struct contender *contenders = all + first;
    size_t count = share + (bin < more), found = 0;
    size_t *scratch = reallocate(NULL, count, 2 * sizeof *scratch);
    while (found < wanted) {
        const struct found best =
            find_best(contenders, count, competition->tolerance * range, scratch);
        if (!(best.difference > 0))
            break;
        const struct contender *low = &contenders[best.low], *high = &contenders[best.high];
        const bool rising = high->attacker > low->attacker;
        duels[found++] = (struct duel){rising ? high->image : low->image,
                                       rising ? low->image : high->image, best.difference};
        remove_at(contenders, &count, best.high);
        remove_at(contenders, &count, best.low);
    }
    free(scratch);
    free(all);
    return found;
}
