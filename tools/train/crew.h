/*
 * crew.h - a fixed number of threads that do one task together, each its own share.
 *
 * The shares follow from the number of threads alone, never from chance, so sums over shares are
 * the same each time.  Knows nothing of what is computed.
 */
#ifndef QUALICLIP_TRAIN_CREW_H
#define QUALICLIP_TRAIN_CREW_H

#include <stddef.h>
#include <stdint.h>

struct crew;

/* The share of `member`, who is below `members`; the calling thread is member 0. */
typedef void crew_task(void *context, size_t member, size_t members);

/* NULL, and why not in `message` (QC_MESSAGE_SIZE bytes). */
struct crew *crew_create(uint32_t threads, char *message);

/* Returns when all members have done their share. */
void crew_run(struct crew *crew, crew_task *task, void *context);

size_t crew_size(const struct crew *crew);

/* NULL is allowed. */
void crew_destroy(struct crew *crew);

/* What of `count` things, in order, `member` takes: from the result up to that of member + 1. */
size_t crew_share(size_t count, size_t member, size_t members);

#endif
