/*
 * student.c - memory, random beginnings, running means.
 */
#include "student.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "draws.h"
#include "../memory.h"

static float *zeros(size_t count)
{
    float *values = reallocate(NULL, count, sizeof *values);
    memset(values, 0, count * sizeof *values);
    return values;
}

static void add(struct student *student, const char *name, size_t rows, size_t columns,
                float *values, float *gradient)
{
    student->parameters[student->count++] =
        (struct tower_parameter){.name = name,
                                 .dimensions = columns ? 2 : 1,
                                 .shape = {rows, columns},
                                 .count = rows * (columns ? columns : 1),
                                 .values = values,
                                 .gradient = gradient};
}

void student_create(struct student *student, struct tower *tower, uint32_t texts,
                    bool prompts_learn)
{
    const size_t size = tower->shape.feature, of_tower = tower->parameter_count;
    *student = (struct student){.tower = tower,
                                .texts = texts,
                                .prompts_learn = prompts_learn,
                                .prompts = zeros(texts * size),
                                .prompt_gradients = zeros(texts * size)};
    student->head = (struct auxiliary){.size = (uint32_t)size,
                                       .weight = zeros(AUXILIARY_ROWS * size),
                                       .bias = zeros(AUXILIARY_ROWS),
                                       .weight_gradient = zeros(AUXILIARY_ROWS * size),
                                       .bias_gradient = zeros(AUXILIARY_ROWS)};
    student->parameters = reallocate(NULL, of_tower + 3, sizeof *student->parameters);
    memcpy(student->parameters, tower->parameters, of_tower * sizeof *student->parameters);
    student->count = of_tower;
    add(student, "prompts", texts, size, student->prompts,
        prompts_learn ? student->prompt_gradients : NULL);
    add(student, "auxiliary.weight", AUXILIARY_ROWS, size, student->head.weight,
        student->head.weight_gradient);
    add(student, "auxiliary.bias", AUXILIARY_ROWS, 0, student->head.bias,
        student->head.bias_gradient);
    student->averages = reallocate(NULL, student->count, sizeof *student->averages);
    for (size_t i = 0; i < student->count; i++)
        student->averages[i] = i <= of_tower ? zeros(student->parameters[i].count) : NULL;
}

void student_free(struct student *student)
{
    for (size_t i = 0; i < student->count; i++)
        free(student->averages[i]);
    free(student->averages);
    free(student->parameters);
    free(student->prompts);
    free(student->prompt_gradients);
    free(student->head.weight);
    free(student->head.bias);
    free(student->head.weight_gradient);
    free(student->head.bias_gradient);
    tower_destroy(student->tower);
    *student = (struct student){0};
}

static void fill_with_draws(float *values, size_t count, double deviation, uint64_t seed)
{
    struct draws draws = draws_of(seed, 0);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(deviation * draw_normal(&draws));
}

void student_draw(struct student *student, uint64_t seed)
{
    const size_t size = student->tower->shape.feature;
    const double deviation = 1 / sqrt((double)size);
    fill_with_draws(student->prompts, student->texts * size, deviation, random_word(seed, 1));
    fill_with_draws(student->head.weight, AUXILIARY_ROWS * size, deviation, random_word(seed, 2));
}

void student_begin_average(struct student *student)
{
    for (size_t i = 0; i < student->count; i++)
        if (student->averages[i])
            memcpy(student->averages[i], student->parameters[i].values,
                   student->parameters[i].count * sizeof(float));
}

void student_average(struct student *student, double decay, uint64_t step)
{
    const double early = (1.0 + (double)step) / (10.0 + (double)step);
    const float rest = (float)(1 - fmin(decay, early));
    for (size_t i = 0; i < student->count; i++) {
        float *average = student->averages[i];
        const float *values = student->parameters[i].values;
        for (size_t j = 0; average && j < student->parameters[i].count; j++)
            average[j] += rest * (values[j] - average[j]);
    }
}

double student_clip(struct student *student, double limit)
{
    double squares = 0;
    for (size_t i = 0; i < student->count; i++) {
        const float *gradient = student->parameters[i].gradient;
        for (size_t j = 0; gradient && j < student->parameters[i].count; j++)
            squares += (double)gradient[j] * gradient[j];
    }
    const double norm = sqrt(squares);
    if (!(norm > limit) || !(limit > 0))
        return norm;
    const float factor = (float)(limit / norm);
    for (size_t i = 0; i < student->count; i++) {
        float *gradient = student->parameters[i].gradient;
        for (size_t j = 0; gradient && j < student->parameters[i].count; j++)
            gradient[j] *= factor;
    }
    return norm;
}
