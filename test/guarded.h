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
void guarded_free(struct guarded *memory); /* fails the test where the pattern was overwritten */

/* Seeds from QC_TEST_SEED, else from `argument` if not NULL, else from the clock; prints it. */
void random_start(const char *argument);
uint64_t random_bits(void);
size_t random_between(size_t low, size_t high); /* both included */
float random_float(float low, float high);

#endif
