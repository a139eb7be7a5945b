/*
 * model_tensors.c - see model_tensors.h; and a tower's values out of a model file.
 */
#include "model_tensors.h"

#include <math.h>
#include <stdlib.h>

#include "../../kernels/reference/reference.h"
#include "../checkpoint/problem.h"
#include "model_file.h"
#include "model_names.h"

/* A tensor of so many plain numbers, or NULL. */
static const struct gguf_tensor *find_plain(const struct gguf *gguf, const char *name, size_t count,
                                            char *message)
{
    const struct gguf_tensor *tensor = gguf_find_tensor(gguf, name);
    if (!tensor)
        problem(message, "%.200s: tensor %s is missing", gguf->origin, name);
    else if (tensor->type != GGML_F32 && tensor->type != GGML_F16 && tensor->type != GGML_BF16)
        problem(message,
                "%.200s: tensor %s is not of f32, f16 or bf16, which training needs: convert the "
                "checkpoint to one of them",
                gguf->origin, name);
    else if (tensor->count != count)
        problem(message, "%.200s: tensor %s has %zu numbers, expected %zu", gguf->origin, name,
                tensor->count, count);
    else
        return tensor;
    return NULL;
}

bool model_numbers(const struct gguf *gguf, const char *name, size_t count, float *numbers,
                   char *message)
{
    const struct gguf_tensor *tensor = find_plain(gguf, name, count, message);
    if (!tensor)
        return false;
    const number_type type = tensor->type == GGML_F16    ? NUMBER_F16
                             : tensor->type == GGML_BF16 ? NUMBER_BF16
                                                         : NUMBER_F32;
    reference_widen(numbers, tensor->data, type, count);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(numbers[i]))
            return problem(message, "%.200s: tensor %s is not finite", gguf->origin, name);
    return true;
}

/* The place's sizes are compared by their product: the library does so by their order, too. */
static bool read_parameter(const struct gguf *gguf, const struct tower_parameter *parameter,
                           const struct model_place *place, float *scratch, char *message)
{
    const size_t count = parameter->count, *shape = parameter->shape;
    if (place->layout == LAYOUT_SAME)
        return model_numbers(gguf, place->names[0], count, parameter->values, message);
    if (place->layout == LAYOUT_THIRDS) {
        for (size_t i = 0; i < 3; i++)
            if (!model_numbers(gguf, place->names[i], count / 3,
                               parameter->values + i * (count / 3), message))
                return false;
        return true;
    }
    if (!model_numbers(gguf, place->names[0], count, scratch, message))
        return false;
    /* From [outer][inner][middle] to [outer][middle][inner]. */
    const bool is_matrix = place->layout == LAYOUT_TRANSPOSED;
    const size_t outer = is_matrix ? 1 : shape[0], middle = is_matrix ? shape[0] : shape[1];
    const size_t inner = count / outer / middle;
    for (size_t o = 0; o < outer; o++)
        for (size_t m = 0; m < middle; m++)
            for (size_t i = 0; i < inner; i++)
                parameter->values[(o * middle + m) * inner + i] =
                    scratch[(o * inner + i) * middle + m];
    return true;
}

static size_t largest_parameter(const struct tower *tower)
{
    size_t most = 0;
    for (size_t i = 0; i < tower->parameter_count; i++)
        if (tower->parameters[i].count > most)
            most = tower->parameters[i].count;
    return most;
}

bool model_file_fill(const struct model_file *file, struct tower *tower, char *message)
{
    const struct gguf *gguf = file->gguf;
    float *scratch = malloc(largest_parameter(tower) * sizeof *scratch);
    bool good = scratch || problem(message, "%.200s: out of memory", gguf->origin);
    for (size_t i = 0; good && i < tower->parameter_count; i++) {
        const struct tower_parameter *parameter = &tower->parameters[i];
        struct model_place place;
        good = (tower->shape.kind == TRAIN_VIT ? model_place_of_vit
                                               : model_place_of_resnet)(parameter->name, &place)
                   ? read_parameter(gguf, parameter, &place, scratch, message)
                   : problem(message, "%.200s: no converted model has %s", gguf->origin,
                             parameter->name);
    }
    free(scratch);
    return good;
}
