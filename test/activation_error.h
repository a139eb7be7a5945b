/*
 * activation_error.h - for tests: activations in double, and how far a kernel may be from them.
 */
#ifndef QUALICLIP_TEST_ACTIVATION_ERROR_H
#define QUALICLIP_TEST_ACTIVATION_ERROR_H

#include "kernels.h"

double exact_activation(double x, activation kind);

/*
 * The largest error for an exact x whose activation is y.  The argument of an exponential is
 * rounded, which the exponential turns into a relative error that grows with the argument; 8
 * roundings' worth is for the rest.  Where the exponential overflows (x below -52 for QuickGELU)
 * the result is 0 instead of up to 2e-37.
 */
double activation_error(double x, double y, activation kind);

#endif
