/*
 * smoothing.h - takes outlier channels out of what is rounded to 8 bits (after SmoothQuant).
 *
 * A few channels behind a LayerNorm are many times as large as the others, so that a row's scale,
 * which is made for them, leaves little of the others.  Each channel is divided by a factor, in the
 * norm's gain and bias, and the weights that it is multiplied with are multiplied by it.  Nothing
 * changes but roundings.
 *
 * How large a channel is, gain and bias tell, without any image; of the first block, what the norm
 * before it puts in besides.  Shared by the library and the converter: the same bits from both.
 */
#ifndef QUALICLIP_SMOOTHING_H
#define QUALICLIP_SMOOTHING_H

#include <stddef.h>

/* Adds the squares of a row of weights to `energies`; rows of all matrices behind the norm. */
void smoothing_add(double *energies, const float *weights, size_t channels);

/*
 * Turns energies into factors, in place.  `before`, `bias_before`: gain and bias of a norm whose
 * output is this norm's input as it is, or NULL.
 */
void smoothing_factors(double *energies, const float *gain, const float *bias, const float *before,
                       const float *bias_before, size_t channels);

/* out = in / factor (gain and bias) and out = in * factor (a row of weights); out may be in. */
void smoothing_divide(float *out, const float *in, const double *factors, size_t channels);
void smoothing_multiply(float *out, const float *in, const double *factors, size_t channels);

#endif
