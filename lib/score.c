/*
 * score.c - cosines to probabilities to a score, in double: it costs nothing and loses nothing.
 */
#include "score.h"

#include <math.h>

bool unit_length(float *feature, size_t size)
{
    double squares = 0;
    for (size_t i = 0; i < size; i++)
        squares += (double)feature[i] * feature[i];
    if (!(squares > 0) || !isfinite(squares))
        return false;
    double norm = sqrt(squares);
    for (size_t i = 0; i < size; i++)
        feature[i] = (float)(feature[i] / norm);
    return true;
}

static double dot(const float *a, const float *b, size_t size)
{
    double sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* 1 / (1 + exp(-x)), by the branch whose exponential cannot overflow. */
static double sigmoid(double x)
{
    if (x >= 0)
        return 1 / (1 + exp(-x));
    double e = exp(x);
    return e / (1 + e);
}

float score_pairs(const float *feature, size_t size, const float *prompts, size_t pair_count,
                  float logit_scale, float temperature, float *probabilities)
{
    double sum = 0;
    for (size_t i = 0; i < pair_count; i++) {
        const float *positive = prompts + 2 * i * size, *negative = positive + size;
        double difference = dot(feature, positive, size) - dot(feature, negative, size);
        double probability = sigmoid(difference * logit_scale / temperature);
        probabilities[i] = (float)probability;
        sum += probability;
    }
    return (float)(sum / (double)pair_count);
}
