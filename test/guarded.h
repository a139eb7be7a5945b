/*
 * guarded.h - for tests: memory between forbidden pages, and repeatable random numbers.
 */
#ifndef QUALICLIP_TEST_GUARDED_H
#define QUALICLIP_TEST_GUARDED_H

#include <stddef.h>
#include <stdint.h>

/*
 * `size` bytes that end where a forbidden page begins, so that reading or writing one byte beyond
 * is a fault.  Before them lies a pattern that guarded_free checks, and before that another
 * forbidden page.  As the end is fixed, the beginning is aligned only as far as `size` is.
 */
struct guarded {
    unsigned char *data;
    unsigned char *pages;
    size_t size, page_bytes;
};

struct guarded guarded_alloc(size_t size);

/*
 * The same, but at random: it ends at a forbidden page, begins behind one, or lies anywhere between
 * patterns.  Aligned to `alignment`, a power of two, and as a rule to no more; an end at a page is
 * off by what that takes.
 */
struct guarded guarded_anywhere(size_t size, size_t alignment);

void guarded_free(struct guarded *memory); /* fails the test where a pattern was overwritten */

/* Seeds from QC_TEST_SEED, else from `argument` if not NULL, else from the clock; prints it. */
void random_start(const char *argument);
/* Begins anew, with numbers that depend on the seed and the name: whatever was drawn before. */
void random_restart(const char *name);
uint64_t random_bits(void);
size_t random_between(size_t low, size_t high); /* both included */
float random_float(float low, float high);

#endif
