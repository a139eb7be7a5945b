/*
 * peak.h - what one core can do at most: multiply-adds between registers, without any memory.
 */
#ifndef QUALICLIP_PEAK_H
#define QUALICLIP_PEAK_H

/*
 * Thousand millions of operations a second (a multiply-add is two) that the instructions of a set
 * of kernels for a precision allow, the best of some milliseconds on this thread.
 *
 * kernels: the name of a set that this CPU has, as in --kernels.
 * precision: "f32", "bf16" or "int8"; a set without instructions of its own for one computes in
 * f32, and is measured so.
 *
 * 0 where nothing is known of the set (plain C).
 */
double peak_gflops(const char *kernels, const char *precision);

#endif
