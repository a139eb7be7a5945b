/*
 * ranks.h - the processes that mpirun started, which train one model together; one, where there is
 * no MPI in this build or nobody started more.
 */
#ifndef QUALICLIP_TRAIN_RANKS_H
#define QUALICLIP_TRAIN_RANKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tower.h"

/* To be called once each, around all others. */
void ranks_start(void);
void ranks_end(void);

uint32_t rank_of_this(void);
uint32_t rank_count(void);

/* Of all ranks, for towers; NULL where there is one alone. */
const struct tower_peers *rank_peers(void);

/* values[i] becomes the sum over all ranks, the same bits everywhere. */
void ranks_sum(float *values, size_t count);

/*
 * `all` receives each rank's bytes, by rank; sizes[rank] are theirs.  The caller's own are those at
 * its place in `all` already.
 */
void ranks_gather(void *all, const size_t *sizes);

/* Whether it is so for any of them. */
bool ranks_any(bool here);

#endif
