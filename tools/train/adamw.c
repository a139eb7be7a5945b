/*
 * adamw.c - see adamw.h.
 */
#include "adamw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"

static float *zeros(size_t count)
{
    float *values = reallocate(NULL, count, sizeof *values);
    memset(values, 0, count * sizeof *values);
    return values;
}

void adamw_create(struct adamw *adamw, const struct tower_parameter *parameters, size_t count,
                  double weight_decay)
{
    *adamw = (struct adamw){.parameters = parameters,
                            .count = count,
                            .weight_decay = weight_decay,
                            .first = reallocate(NULL, count, sizeof(float *)),
                            .second = reallocate(NULL, count, sizeof(float *))};
    for (size_t i = 0; i < count; i++) {
        const bool learns = parameters[i].gradient != NULL;
        adamw->first[i] = learns ? zeros(parameters[i].count) : NULL;
        adamw->second[i] = learns ? zeros(parameters[i].count) : NULL;
    }
}

void adamw_free(struct adamw *adamw)
{
    for (size_t i = 0; i < adamw->count; i++) {
        free(adamw->first[i]);
        free(adamw->second[i]);
    }
    free(adamw->first);
    free(adamw->second);
    *adamw = (struct adamw){0};
}

void adamw_step(struct adamw *adamw, double learning_rate)
{
    const double beta1 = 0.9, beta2 = 0.999;
    const double steps = (double)++adamw->steps;
    const float rate = (float)(learning_rate / (1 - pow(beta1, steps)));
    const float correction = (float)(1 / sqrt(1 - pow(beta2, steps)));
    const float keep = (float)(1 - learning_rate * adamw->weight_decay);
    const float epsilon = 1e-8f;
    for (size_t i = 0; i < adamw->count; i++) {
        const struct tower_parameter *parameter = &adamw->parameters[i];
        float *first = adamw->first[i], *second = adamw->second[i];
        for (size_t j = 0; first && j < parameter->count; j++) {
            const float gradient = parameter->gradient[j];
            first[j] += (float)(1 - beta1) * (gradient - first[j]);
            second[j] += (float)(1 - beta2) * (gradient * gradient - second[j]);
            parameter->values[j] = keep * parameter->values[j] -
                                   rate * first[j] / (sqrtf(second[j]) * correction + epsilon);
        }
    }
}
