/*
 * threads.h - run independent tasks on the caller's thread, on a scorer's own threads, or in the
 * caller's pool.  No global state.  Between threads_begin() and threads_end(), that is while a call
 * of the library is in progress, idle threads look out for work for some microseconds before they
 * sleep; outside they only sleep.  A process that was forked off has the calling thread alone.
 *
 * Once the caller's qc_cancel has asked for the end of a call, no task is run until the next call
 * begins: whoever hands out tasks goes through its steps as before, over numbers that mean nothing,
 * or looks at threads_cancelled() where that would take long.
 */
#ifndef QUALICLIP_THREADS_H
#define QUALICLIP_THREADS_H

#include "arena.h"
#include "status.h"

struct threads;

/* Reserves what threads_start() needs; NULL while the arena only counts. */
struct threads *threads_plan(struct arena *arena, const qc_scorer_options *options);

/* Starts options->threads - 1 threads, unless the caller has a pool.  On failure none are left. */
qc_status threads_start(struct threads *threads, const qc_scorer_options *options,
                        struct message *message);
void threads_stop(struct threads *threads);

/* How many tasks may run at once; workers are numbered below this.  One where threads is NULL. */
size_t threads_count(const struct threads *threads);

void threads_begin(struct threads *threads);
void threads_end(struct threads *threads);

/* Whether the call in progress is to end. */
bool threads_cancelled(const struct threads *threads);

/*
 * Runs task(context, i, worker) for each i below count; returns when all are done, or none is.
 * Where threads is NULL, on the calling thread as worker 0: so does a task whose layers are its
 * own.
 */
void threads_run(struct threads *threads, size_t count, qc_task *task, void *context);

#endif
