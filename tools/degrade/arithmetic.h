/*
 * arithmetic.h - functions made of + - * / and the square root alone, which every machine rounds
 * alike; libm's differ in the last digit.  For kernels and parameters, not for pixels.
 */
#ifndef QUALICLIP_DEGRADE_ARITHMETIC_H
#define QUALICLIP_DEGRADE_ARITHMETIC_H

double exponential(double x); /* e to the power of x; 0 below -700, x at most 0 */

/* Of an angle in [0, pi]. */
double sine(double angle);
double cosine(double angle);

double fifth_root(double x); /* of x >= 0 */

#endif
