/*
 * initialise_vit.c - a ViT before its first step.
 *
 * As CLIP does it: normal deviates whose deviation falls with the width, and of what adds to the
 * stream with the depth; gains 1, biases 0.  Each tensor draws from a series of its own, by its
 * place.
 */
#include "initialise.h"

#include <math.h>
#include <string.h>

#include "random.h"

enum { PAIRS = 64 };

static void draw(uint64_t seed, float deviation, float *values, size_t count)
{
    float left[PAIRS], right[PAIRS];
    for (size_t i = 0; i < count; i++) {
        const size_t place = i % (2 * PAIRS);
        if (place == 0)
            random_normals(seed, i / 2, PAIRS, left, right);
        values[i] = deviation * (place < PAIRS ? left[place] : right[place - PAIRS]);
    }
}

static bool ends_with(const char *name, const char *end)
{
    const size_t length = strlen(name), rest = strlen(end);
    return length >= rest && strcmp(name + length - rest, end) == 0;
}

/* 0: no deviates, but gains and biases. */
static float deviation_of(const struct tower *tower, const struct tower_parameter *parameter)
{
    const float width = (float)tower->shape.width, layers = (float)tower->shape.layers;
    const char *name = parameter->name;
    if (ends_with(name, "out_proj.weight") || ends_with(name, "c_proj.weight"))
        return 1 / sqrtf(2 * width * layers);
    if (ends_with(name, "c_fc.weight"))
        return 1 / sqrtf(2 * width);
    if (ends_with(name, "conv1.weight")) /* of its inputs, as PyTorch's uniform numbers have it */
        return 1 / sqrtf(3 * (float)(parameter->count / parameter->shape[0]));
    if (parameter->dimensions > 1 || ends_with(name, "class_embedding"))
        return 1 / sqrtf(width); /* in_proj, proj, positions */
    return 0;
}

void initialise_vit(struct tower *tower, uint64_t seed)
{
    for (size_t i = 0; i < tower->parameter_count; i++) {
        const struct tower_parameter *parameter = &tower->parameters[i];
        const float deviation = deviation_of(tower, parameter);
        const float plain = ends_with(parameter->name, ".weight") ? 1 : 0;
        if (deviation > 0) {
            draw(random_word(seed, i), deviation, parameter->values, parameter->count);
        } else {
            for (size_t k = 0; k < parameter->count; k++)
                parameter->values[k] = plain;
        }
    }
}
