/*
 * auxiliary.c - cross-entropy of the type, smooth L1 of the level (its badness).
 */
#include "auxiliary.h"

#include <math.h>
#include <string.h>

static double row_output(const struct auxiliary *head, const float *feature, int row)
{
    const float *weights = head->weight + (size_t)row * head->size;
    double sum = head->bias[row];
    for (uint32_t i = 0; i < head->size; i++)
        sum += (double)weights[i] * feature[i];
    return sum;
}

/* Outputs of the classes -> probabilities; returns the logarithm of the wanted one's. */
static double softmax(double *outputs, int wanted)
{
    double most = outputs[0], sum = 0;
    for (int i = 1; i < AUXILIARY_CLASSES; i++)
        most = fmax(most, outputs[i]);
    const double log_wanted = outputs[wanted] - most;
    for (int i = 0; i < AUXILIARY_CLASSES; i++)
        sum += outputs[i] = exp(outputs[i] - most);
    for (int i = 0; i < AUXILIARY_CLASSES; i++)
        outputs[i] /= sum;
    return log_wanted - log(sum);
}

/* The loss of one image; `outputs` become its gradients by them. */
static double image_loss(double outputs[AUXILIARY_ROWS], const struct image_label *label)
{
    const int class = label->badness > 0        ? (int)label->type
                      : label->base_badness > 0 ? (int)label->base
                                                : degradation_count;
    const double error = outputs[AUXILIARY_CLASSES] - (double)label->badness;
    const double log_probability = softmax(outputs, class);
    outputs[class] -= 1;
    outputs[AUXILIARY_CLASSES] = fmin(fmax(error, -1), 1);
    return -log_probability + (fabs(error) < 1 ? error * error / 2 : fabs(error) - 0.5);
}

void auxiliary_loss(const struct auxiliary *head, const struct batch *batch, const float *features,
                    double weight, float *feature_gradients, struct losses *losses)
{
    const size_t images = (size_t)batch->photos * CROPS * STAGES, size = head->size;
    double sum = 0;
    memset(head->weight_gradient, 0, AUXILIARY_ROWS * size * sizeof(float));
    memset(head->bias_gradient, 0, AUXILIARY_ROWS * sizeof(float));
    if (!(weight > 0))
        return;
    for (size_t image = 0; image < images; image++) {
        const float *feature = features + image * size;
        double outputs[AUXILIARY_ROWS];
        for (int row = 0; row < AUXILIARY_ROWS; row++)
            outputs[row] = row_output(head, feature, row);
        sum += image_loss(outputs, &batch->labels[image]);
        for (int row = 0; row < AUXILIARY_ROWS; row++) {
            const float slope = (float)(outputs[row] * weight / (double)images);
            head->bias_gradient[row] += slope;
            for (size_t i = 0; i < size; i++) {
                head->weight_gradient[(size_t)row * size + i] += slope * feature[i];
                feature_gradients[image * size + i] += slope * head->weight[(size_t)row * size + i];
            }
        }
    }
    losses->terms[LOSS_AUXILIARY] = sum / (double)images;
    losses->total += weight * losses->terms[LOSS_AUXILIARY];
}
