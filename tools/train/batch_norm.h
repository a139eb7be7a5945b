/*
 * batch_norm.h - the numbers of a BatchNorm: from statistics, learned or fixed, to the factors that
 * the loops over a tensor use (planes.h), and from their sums to gradients.
 */
#ifndef QUALICLIP_TRAIN_BATCH_NORM_H
#define QUALICLIP_TRAIN_BATCH_NORM_H

#include "normalise.h"
#include "tower.h"

struct batch_norm {
    struct tower_parameter *gain, *bias, *mean, *variance; /* bias alone: folded, nothing but it */
    size_t channels, padded, members;
    struct channel_factors factors;
    struct channel_moments *moments; /* of each member's share of a batch */
    struct channel_sums *sums;       /* likewise */
    void *memory;
};

/* The parameters are set by the caller.  False: no memory. */
bool batch_norm_create(struct batch_norm *norm, size_t channels, size_t padded, size_t members);
void batch_norm_destroy(struct batch_norm *norm);

/* Before a batch: no moments, no sums. */
void batch_norm_begin(struct batch_norm *norm);

/*
 * After the moments of a batch were taken, if `training`, which also moves the running statistics;
 * else those are used.  Sets what is needed forth.  `peers`: see tower.h.
 */
void batch_norm_settle(struct batch_norm *norm, bool training, const struct tower_peers *peers);

/* After the sums over a batch were taken: sets what is needed back, writes the gradients. */
void batch_norm_settle_back(struct batch_norm *norm, const struct tower_peers *peers);

#endif
