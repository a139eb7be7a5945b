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

void sum_of_views(float *features, size_t views, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        double sum = 0;
        for (size_t view = 0; view < views; view++)
            sum += features[view * size + i];
        features[i] = (float)sum;
    }
}

static double dot(const float *a, const float *b, size_t size)
{
    double sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* Of x <= 0.  Where exp() would leave the normal numbers, and set the caller's errno, it is 0. */
static double exponential(double x)
{
    return x < -708 ? 0 : exp(x);
}

/* 1 / (1 + exp(-x)), by the branch whose exponential cannot overflow. */
static double sigmoid(double x)
{
    if (x >= 0)
        return 1 / (1 + exponential(-x));
    double e = exponential(x);
    return e / (1 + e);
}

static void mean_logits(const struct recipe *recipe, const float *features, size_t views,
                        size_t size, double *logits)
{
    const double factor = (double)recipe->logit_scale / recipe->temperature / (double)views;
    for (size_t text = 0; text < recipe->text_count; text++) {
        double sum = 0;
        for (size_t view = 0; view < views; view++)
            sum += dot(features + view * size, recipe->features + text * size, size);
        logits[text] = sum * factor;
    }
}

/* In place. */
static void softmax(double *logits, size_t count)
{
    double largest = logits[0], sum = 0;
    for (size_t i = 1; i < count; i++)
        largest = logits[i] > largest ? logits[i] : largest;
    for (size_t i = 0; i < count; i++)
        sum += logits[i] = exponential(logits[i] - largest);
    for (size_t i = 0; i < count; i++)
        logits[i] /= sum;
}

static double read_pairs(const double *logits, size_t pairs, float *probabilities)
{
    double sum = 0;
    for (size_t i = 0; i < pairs; i++) {
        const double probability = sigmoid(logits[2 * i] - logits[2 * i + 1]);
        probabilities[i] = (float)probability;
        sum += probability;
    }
    return sum / (double)pairs;
}

static double read_levels(double *logits, size_t texts, size_t levels, float *probabilities)
{
    const size_t each = texts / levels;
    double score = 0;
    softmax(logits, texts);
    for (size_t level = 0; level < levels; level++) {
        double probability = 0;
        for (size_t i = 0; i < each; i++)
            probability += logits[level * each + i];
        probabilities[level] = (float)probability;
        score += (double)(level + 1) * probability;
    }
    return score;
}

static double read_texts(double *logits, size_t texts, float *probabilities)
{
    softmax(logits, texts);
    for (size_t i = 0; i < texts; i++)
        probabilities[i] = (float)logits[i];
    return logits[0];
}

float read_score(const struct recipe *recipe, const float *features, size_t views, size_t size,
                 double *logits, float *probabilities)
{
    mean_logits(recipe, features, views, size, logits);
    switch (recipe->readout) {
    case QC_READOUT_LEVELS:
        return (float)read_levels(logits, recipe->text_count, recipe->output_count, probabilities);
    case QC_READOUT_TEXTS: return (float)read_texts(logits, recipe->text_count, probabilities);
    case QC_READOUT_PAIRS: break;
    }
    return (float)read_pairs(logits, recipe->output_count, probabilities);
}
