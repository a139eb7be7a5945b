/*
 * smoothing.c - a channel of size a, whose weights are of size w, gets the factor (a / w^3)^(1/4).
 *
 * With (a / w)^(1/2), SmoothQuant's, what is rounded off weights and off activations is about the
 * same; less of the burden on the weights was better here, where a is no more than a guess
 * (docs/kernels.md).  Sums in double and square roots alone: the same bits everywhere.
 */
#include "smoothing.h"

#include <float.h>
#include <math.h>

/* Of a normalised channel, about the largest of many: 3 standard deviations. */
#define LARGEST 3

/* Sizes below this part of the largest count as it: factors stay within bounds. */
#define LEAST_PART 1e-6

void smoothing_add(double *energies, const float *weights, size_t channels)
{
    for (size_t i = 0; i < channels; i++)
        energies[i] += (double)weights[i] * weights[i];
}

static double size_of_channel(const float *gain, const float *bias, const float *before,
                              const float *bias_before, double mean, size_t i)
{
    double deviation = 1;
    if (before && mean > 0)
        deviation =
            sqrt(((double)before[i] * before[i] + (double)bias_before[i] * bias_before[i]) / mean);
    return LARGEST * fabs((double)gain[i]) * deviation + fabs((double)bias[i]);
}

void smoothing_factors(double *energies, const float *gain, const float *bias, const float *before,
                       const float *bias_before, size_t channels)
{
    double mean = 0, largest = 0, largest_weight = 0;
    for (size_t i = 0; before && i < channels; i++)
        mean += ((double)before[i] * before[i] + (double)bias_before[i] * bias_before[i]) /
                (double)channels;
    for (size_t i = 0; i < channels; i++) {
        /* fmax() here crashes gcc 12 for AArch64. */
        const double size = size_of_channel(gain, bias, before, bias_before, mean, i);
        largest = size > largest ? size : largest;
        largest_weight = energies[i] > largest_weight ? energies[i] : largest_weight;
    }
    for (size_t i = 0; i < channels; i++) {
        const double size = size_of_channel(gain, bias, before, bias_before, mean, i) / largest;
        const double weight = sqrt(energies[i] / largest_weight);
        const double a = fmax(size, LEAST_PART), w = fmax(weight, LEAST_PART);
        energies[i] = largest > 0 && largest_weight > 0 ? sqrt(sqrt(a / (w * w * w))) : 1;
    }
}

static float single_of(double number)
{
    return (float)fmax(fmin(number, FLT_MAX), -FLT_MAX);
}

void smoothing_divide(float *out, const float *in, const double *factors, size_t channels)
{
    for (size_t i = 0; i < channels; i++)
        out[i] = single_of(in[i] / factors[i]);
}

void smoothing_multiply(float *out, const float *in, const double *factors, size_t channels)
{
    for (size_t i = 0; i < channels; i++)
        out[i] = single_of(in[i] * factors[i]);
}
