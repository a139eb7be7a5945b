/*
 * activation_error.c - for tests: activations in double, and how far a kernel may be from them.
 */
#include "activation_error.h"

#include <math.h>

double exact_activation(double x, activation kind)
{
    switch (kind) {
    case ACTIVATION_NONE: break;
    case ACTIVATION_RELU: return x > 0 ? x : 0;
    case ACTIVATION_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    case ACTIVATION_GELU: return x * 0.5 * erfc(-x * 0.70710678118654752);
    }
    return x;
}

double activation_error(double x, double y, activation kind)
{
    const double u = 0x1p-24;
    switch (kind) {
    case ACTIVATION_NONE:
    case ACTIVATION_RELU: break;
    /* 1.702 is rounded, and so is its product with x. */
    case ACTIVATION_QUICK_GELU: return fabs(y) * u * (8 + 2 * 1.702 * fabs(fmax(x, -60))) + 2e-37;
    /* d erfc(z) / erfc(z) is about -2 z dz; z errs by 2 u z, so that is 2 u x^2 in the tail. */
    case ACTIVATION_GELU: return fabs(y) * u * (8 + (x < 0 ? 2 * fmin(x * x, 250) : 0)) + 2e-37;
    }
    return 0;
}
