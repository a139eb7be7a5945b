/*
 * bench_process.h - the processes that `bench` measures in, and what they tell.
 */
#ifndef QUALICLIP_BENCH_PROCESS_H
#define QUALICLIP_BENCH_PROCESS_H

#include <sys/types.h>

#include "bench.h"

/* A process, and a pipe each way. */
struct bench_process {
    pid_t process;
    int from, to;
};

/* Runs work(context, from, to) in a process of its own, which ends with it; false: none could be
 * made. */
bool process_start(struct bench_process *process, void (*work)(void *context, int from, int to),
                   void *context);

/* Closes the pipes and waits.  NULL, or how it ended if not well. */
const char *process_end(struct bench_process *process, char *text, size_t size);

/* All of the bytes, or false. */
bool process_read(int pipe, void *bytes, size_t size);
bool process_write(int pipe, const void *bytes, size_t size);

#endif
