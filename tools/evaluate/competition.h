/*
 * competition.h - group maximum differentiation (gMAD): where two lists of scores disagree most.
 *
 * One list defends: images that it finds (nearly) equal.  The other attacks: of those, the pair
 * that it finds most different.  Whoever looks at the pair sees which of the two is wrong.  Knows
 * numbers only.
 */
#ifndef QUALICLIP_COMPETITION_H
#define QUALICLIP_COMPETITION_H

#include <stdbool.h>
#include <stddef.h>

struct competition {
    size_t count;
    const double *defender, *attacker; /* scores of the same images; none is NaN */
    size_t bins;      /* of equal numbers of images, by the defender's score; at least 1 */
    double tolerance; /* how far two scores of the defender may differ, as a part of its range */
};

struct duel {
    size_t better, worse; /* images, by the attacker's score */
    double difference;    /* of the attacker's scores, greater than 0 */
};

/*
 * The `wanted` pairs of a bin (0: of the lowest scores) that the attacker finds most different, no
 * image in two of them, the most different first.  Of equal ones the defender's more equal goes
 * first, then the one whose images come first.  Returns how many there are.
 */
size_t competition_duels(const struct competition *competition, size_t bin, size_t wanted,
                         struct duel *duels);

#endif
