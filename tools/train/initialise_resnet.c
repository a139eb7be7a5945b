/*
 * initialise.c - a ResNet's: Kaiming's normal distribution by the outputs for convolutions, CLIP's
 * for the attention pool; each block begins as little more than its shortcut.
 */
#include "initialise.h"

#include <math.h>
#include <string.h>

#include "draws.h"

/* Gain of the last BatchNorm of a block. */
static const float block_gain = 0.25f;

static bool ends_in(const char *name, const char *end)
{
    const size_t length = strlen(name), size = strlen(end);
    return length >= size && strcmp(name + length - size, end) == 0;
}

/* Standard deviation of the weights of convolutions and matrices. */
static double deviation(const struct tower_parameter *parameter)
{
    const size_t *shape = parameter->shape;
    if (parameter->dimensions == 4)
        return sqrt(2.0 / ((double)shape[0] * (double)shape[2] * (double)shape[3]));
    return 1 / sqrt((double)shape[1]);
}

static float constant(const struct tower_parameter *parameter)
{
    const char *name = parameter->name;
    if (strncmp(name, "layer", 5) == 0 && ends_in(name, ".bn3.weight"))
        return block_gain;
    return ends_in(name, ".weight") || ends_in(name, ".running_var") ? 1 : 0;
}

void initialise_resnet(struct tower *tower, uint64_t seed)
{
    for (size_t i = 0; i < tower->parameter_count; i++) {
        const struct tower_parameter *parameter = &tower->parameters[i];
        struct draws draws = draws_of(seed, i);
        for (size_t j = 0; j < parameter->count; j++)
            parameter->values[j] = parameter->dimensions > 1
                                       ? (float)(deviation(parameter) * draw_normal(&draws))
                                       : constant(parameter);
    }
}
