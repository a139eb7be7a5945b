/*
 * kernel_timing.h - the fastest time of each kernel, shape and set, and the table of them.
 */
#ifndef QUALICLIP_TEST_KERNEL_TIMING_H
#define QUALICLIP_TEST_KERNEL_TIMING_H

#include "kernel_check.h"

/* Whose the calls of time_kernel() are from now on. */
void timing_of(const struct kernel_check *kernel, const kernel_set *set);
void print_timings(void);

#endif
