/*
 * kernel_check.h - how one kernel of one set is checked and timed.  test_kernels.c runs them all.
 *
 * Checks are rows of the tables below, each in a file of its kind.  A check compares with what
 * kernels.h says, computed in double or exactly, on shapes and numbers drawn at random; its bound
 * stands above it with the reason.  Data lies between forbidden pages: see guarded_anywhere().
 */
#ifndef QUALICLIP_TEST_KERNEL_CHECK_H
#define QUALICLIP_TEST_KERNEL_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "guarded.h"
#include "kernels.h"

struct kernel_check {
    const char *name;
    bool (*suits)(const kernel_set *set); /* NULL: every set has this kernel */
    const char *precision; /* "f32", "bf16", "int8": whose peak is the limit; NULL: none is told */
    void (*check)(const kernel_set *set); /* by cmocka's assertions */
    void (*time)(const kernel_set *set);  /* calls time_kernel() for each shape; NULL: not timed */
};

/* Each ends with a row without a name. */
extern const struct kernel_check gemm_checks[], gemm_rounded_checks[], attention_checks[],
    row_checks[], number_checks[], winograd_checks[], pixel_checks[];

/* What is checked: kernel_set_at()'s sets, and then a stand-in for one that is not here, if any. */
const kernel_set *checked_set_at(size_t index);
const kernel_set *stand_in_set(void);

/*
 * Measures call(context), the same call that the check makes, of as many `operations` (0: no rate
 * is told).  What is told of a shape is the fastest of all rounds.
 */
void time_kernel(const char *shape, double operations, void (*call)(void *context), void *context);

/*
 * NULL, or another set that computes the same chains with the same roundings, so that gemm without
 * rounded rows, attention, layernorm and activate give the same bits.
 */
const kernel_set *set_of_same_bits(const kernel_set *set);

/* Whether its gemm gives rows of floats to another set's, so that a few shapes are enough. */
bool passes_floats_on(const kernel_set *set);

/* One rounding to nearest errs by this; and n of them, each on the result of the one before. */
#define ROUNDING 0x1p-24
double roundings(double n);

struct guarded random_floats(size_t count, float low, float high);
struct guarded same_floats(const struct guarded *other);
struct guarded cache_lines(size_t bytes); /* whole ones, aligned to them, full of NaN */
float *floats_of(const struct guarded *memory);

/* To the nearest of 8 bits of mantissa, ties to even, by arithmetic alone; subnormal ones to 0. */
float rounded_to_bf16(float x);

/* Mostly of the size that towers have; now and then nothing, almost nothing, or a lot. */
float some_float(void);

#endif
