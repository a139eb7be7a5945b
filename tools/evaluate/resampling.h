/*
 * resampling.h - the bootstrap: numbers computed again and again of pairs drawn with replacement.
 */
#ifndef QUALICLIP_RESAMPLING_H
#define QUALICLIP_RESAMPLING_H

#include "agreement.h"

/* Computes some numbers of pairs that are counted `times[i]` times each; runs on any thread. */
typedef void resampled(const void *context, const uint32_t *times, double *numbers);

/*
 * Draws `count` of as many pairs, bootstrap->resamples times, and sets low and high of each of the
 * `size` intervals.  Draws that give NaN are passed over; NaN where they are the most.
 */
void resample(const struct bootstrap *bootstrap, size_t count, resampled *compute,
              const void *context, struct interval *intervals, size_t size);

#endif
