/*
 * machine.h - what the program asks the operating system about the machine.
 */
#ifndef QUALICLIP_MACHINE_H
#define QUALICLIP_MACHINE_H

#include <stdint.h>

/* Processors that this process may run on (affinity honoured); at least 1. */
uint32_t machine_processors(void);

/* Bytes of memory that are built in; 0 if unknown. */
uint64_t machine_memory(void);

/* The most memory that this process has held so far, in MiB. */
double machine_peak_mb(void);

/* Seconds on a clock that never goes back. */
double machine_seconds(void);

#endif
