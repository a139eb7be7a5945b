/*
 * export.c - averages, where there are any, and else values, to a checkpoint in a folder of its own
 * beside the model; then the folder is gone.
 */
#include "export.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "convert_trained.h"
#include "diagnostics.h"
#include "../memory.h"
#include "problem.h"
#include "tensor_file.h"

/* BatchNorm's constant: with this variance it divides by one. */
static const float epsilon = 1e-5f;

static struct named_tensor *add(struct named_tensor *tensors, size_t *count, const char *prefix,
                                const char *name, unsigned dimensions, const size_t *shape,
                                float *values)
{
    struct named_tensor *tensor = &tensors[(*count)++];
    *tensor = (struct named_tensor){.dimensions = dimensions, .count = 1, .values = values};
    for (unsigned d = 0; d < dimensions; d++) {
        tensor->shape[d] = shape[d];
        tensor->count *= shape[d];
    }
    snprintf(tensor->name, sizeof tensor->name, "%s%s", prefix, name);
    return tensor;
}

static bool ends_in(const char *name, const char *end)
{
    const size_t length = strlen(name), size = strlen(end);
    return length >= size && strcmp(name + length - size, end) == 0;
}

/* "layer1.0.bn1.bias", "layer1.0.downsample.1.bias": of a convolution without BatchNorm. */
static bool is_folded_bias(const struct student *student, const struct tower_parameter *parameter)
{
    return student->tower->shape.kind == TRAIN_RESNET && student->tower->shape.folded &&
           ends_in(parameter->name, ".bias") && strncmp(parameter->name, "attnpool.", 9) != 0;
}

/* The BatchNorm that changes nothing; `blank` has room for three times its size. */
static void add_norm(struct named_tensor *tensors, size_t *count,
                     const struct tower_parameter *bias, float *blank)
{
    static const char *const parts[] = {"weight", "running_mean", "running_var"};
    const float values[] = {1, 0, 1 - epsilon};
    const size_t stem = strlen(bias->name) - strlen("bias");
    for (unsigned part = 0; part < 3; part++) {
        char name[96];
        float *numbers = blank + part * bias->count;
        snprintf(name, sizeof name, "%.*s%s", (int)stem, bias->name, parts[part]);
        for (size_t i = 0; i < bias->count; i++)
            numbers[i] = values[part];
        add(tensors, count, "clip_model.visual.", name, 1, bias->shape, numbers);
    }
}

/* At unit length, as they are compared. */
static void normalise_rows(const float *from, size_t rows, size_t size, float *to)
{
    for (size_t row = 0; row < rows; row++, from += size, to += size) {
        double squares = 0;
        for (size_t i = 0; i < size; i++)
            squares += (double)from[i] * from[i];
        const double norm = fmax(sqrt(squares), 1e-12);
        for (size_t i = 0; i < size; i++)
            to[i] = (float)(from[i] / norm);
    }
}

static float *learned(const struct student *student, size_t index)
{
    return student->averages[index] ? student->averages[index] : student->parameters[index].values;
}

static bool write_checkpoint(const struct student *student, const char *path, double logit_scale,
                             char *message)
{
    const size_t of_tower = student->tower->parameter_count, size = student->tower->shape.feature;
    struct named_tensor *tensors = reallocate(NULL, 4 * of_tower + 2, sizeof *tensors);
    float *prompts = reallocate(NULL, student->texts * size, sizeof *prompts);
    float logarithm = (float)log(logit_scale);
    size_t count = 0, blanks = 0;
    for (size_t i = 0; i < of_tower; i++)
        blanks +=
            is_folded_bias(student, &student->parameters[i]) ? 3 * student->parameters[i].count : 0;
    float *blank = reallocate(NULL, blanks, sizeof *blank);
    blanks = 0;
    for (size_t i = 0; i < of_tower; i++) {
        const struct tower_parameter *parameter = &student->parameters[i];
        add(tensors, &count, "clip_model.visual.", parameter->name, parameter->dimensions,
            parameter->shape, learned(student, i));
        if (is_folded_bias(student, parameter)) {
            add_norm(tensors, &count, parameter, blank + blanks);
            blanks += 3 * parameter->count;
        }
    }
    normalise_rows(learned(student, of_tower), student->texts, size, prompts);
    add(tensors, &count, "", "prompts_features", 2, (size_t[]){student->texts, size}, prompts);
    add(tensors, &count, "", "clip_model.logit_scale", 0, NULL, &logarithm);
    const bool good = tensor_file_write(path, tensors, count, message);
    free(blank);
    free(prompts);
    free(tensors);
    return good;
}

/* FOLDER/NAME.safetensors for .../NAME.gguf: the model file will say that it was made from it. */
static char *checkpoint_path(const char *folder, const char *model_path)
{
    const char *file = base_name(model_path), *dot = strrchr(file, '.');
    const int length = (int)(dot && dot > file ? (size_t)(dot - file) : strlen(file));
    const size_t size = strlen(folder) + strlen(file) + 16;
    char *path = allocate(size);
    snprintf(path, size, "%s/%.*s.safetensors", folder, length, file);
    return path;
}

/* What was said of the checkpoint, which is gone, is said of the model. */
static void rename_subject(char *message, const char *path, const char *model_path)
{
    const char *reason = without_subject(message, path);
    char copy[QC_MESSAGE_SIZE];
    if (reason == message)
        return;
    snprintf(copy, sizeof copy, "%s", reason);
    problem(message, "%.200s: %s", model_path, copy);
}

bool export_model(const struct student *student, const struct export_options *options,
                  char *message)
{
    const size_t size = strlen(options->model_path) + 16;
    char *folder = allocate(size);
    snprintf(folder, size, "%s.XXXXXX", options->model_path);
    if (!mkdtemp(folder)) {
        problem(message, "%.200s: %s", options->model_path, strerror(errno));
        free(folder);
        return false;
    }
    char *path = checkpoint_path(folder, options->model_path);
    const struct tower_shape *shape = &student->tower->shape;
    const struct trained_model model = {.checkpoint_path = path,
                                        .model_path = options->model_path,
                                        .activation = shape->kind == TRAIN_RESNET ? NULL
                                                      : shape->exact_gelu         ? "gelu"
                                                                                  : "quick_gelu",
                                        .name = options->name,
                                        .license = options->license,
                                        .full = options->full,
                                        .takes_positions = shape->grid > 0};
    const bool good = write_checkpoint(student, path, options->logit_scale, message) &&
                      convert_trained(&model, message);
    if (!good)
        rename_subject(message, path, options->model_path);
    unlink(path);
    rmdir(folder);
    free(path);
    free(folder);
    return good;
}
