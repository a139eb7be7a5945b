/*
 * machine.h - what the program asks the operating system about the machine.
 */
#ifndef QUALICLIP_MACHINE_H
#define QUALICLIP_MACHINE_H

#include <stdint.h>

/* Processors that this process may use, by its affinity and its control group; at least 1. */
uint32_t machine_processors(void);

/*
 * What the quotas (cpu.max) of a process's control group and of those around it leave of so many
 * processors, rounded up.  membership: /proc/self/cgroup, root: where version 2 is mounted.
 */
uint32_t machine_group_processors(const char *membership, const char *root, uint32_t processors);

/* Bytes of memory that are built in; 0 if unknown. */
uint64_t machine_memory(void);

/* The most memory that this process has held so far, in MiB. */
double machine_peak_mb(void);

/* Seconds on a clock that never goes back. */
double machine_seconds(void);

#endif
