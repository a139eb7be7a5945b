/*
 * contest.h - a whole gMAD competition between two models: their scores read and joined, both
 * roles, several quality levels.
 */
#ifndef QUALICLIP_CONTEST_H
#define QUALICLIP_CONTEST_H

#include <stdint.h>

#include "competition.h"
#include "inputs.h"
#include "labels/scores.h"

/* A pair that one model finds equal and the other does not. */
struct bout {
    size_t defender;  /* 0 or 1; the other one attacks */
    size_t level;     /* the bin */
    size_t rank;      /* from 1 on, of the bin's pairs */
    size_t images[2]; /* the one that the attacker finds better, the worse one */
};

struct contest {
    struct scores lists[2];
    char titles[2][48];

    /* Images that both lists have a number for. */
    size_t count;
    const char **names; /* as the first list has them */
    double *scores[2];
    size_t lone[2], failed; /* images of one list alone; without a number in either */

    uint32_t bins, pairs;
    bool ends_alone; /* the lowest and the highest bin, not those between */
    double tolerance;
    struct bout *bouts;
    size_t bout_count;
    char **pictures; /* of each image its file, or NULL */
};

/* Reads and joins; false, once complained about, if a list cannot be read or too few are joined. */
bool contest_read(struct contest *contest, const char *const *paths,
                  const struct score_options *options);

/* Chooses the pairs; bins, pairs, ends_alone and tolerance are set. */
void contest_run(struct contest *contest);

/* Finds the pictures of the images that were chosen; how many there are. */
size_t contest_find_pictures(struct contest *contest, const struct input_list *pictures);

void contest_free(struct contest *contest);

/* "low", "high" or "level 2 of 5"; `text` has 32 bytes. */
void contest_level(const struct contest *contest, size_t level, char *text);

#endif
