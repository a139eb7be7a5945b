/*
 * golden_tower.c - see golden_tower.h.
 */
#include "golden_tower.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

double pseudo_random(uint32_t seed, size_t index)
{
    uint32_t x = (uint32_t)index + seed * 0x9E3779B9u;
    x = (x ^ x >> 16) * 0x7FEB352Du;
    x = (x ^ x >> 15) * 0x846CA68Bu;
    x ^= x >> 16;
    return (x >> 8) / 8388608.0 - 1;
}

static bool ends_with(const char *name, const char *end)
{
    const size_t length = strlen(name), rest = strlen(end);
    return length >= rest && strcmp(name + length - rest, end) == 0;
}

static bool is_about_1(const struct tower_parameter *parameter)
{
    return ends_with(parameter->name, "running_var") ||
           (parameter->dimensions == 1 && ends_with(parameter->name, "weight"));
}

void fill_tower(struct tower *tower)
{
    for (size_t i = 0; i < tower->parameter_count; i++) {
        const struct tower_parameter *parameter = &tower->parameters[i];
        for (size_t k = 0; k < parameter->count; k++)
            parameter->values[k] =
                (float)(pseudo_random((uint32_t)i, k) / 4 + (is_about_1(parameter) ? 1 : 0));
    }
}

float *golden_pixels(const struct tower *tower)
{
    const size_t count = (size_t)tower->batch * 3 * tower->width * tower->height;
    float *pixels = malloc(count * sizeof *pixels);
    assert_non_null(pixels);
    for (size_t i = 0; i < count; i++)
        pixels[i] = (float)(2 * pseudo_random(100, i));
    return pixels;
}

void golden_backward(struct tower *tower)
{
    const size_t count = (size_t)tower->batch * tower->shape.feature;
    float *changes = malloc(count * sizeof *changes);
    assert_non_null(changes);
    for (size_t i = 0; i < count; i++)
        changes[i] = (float)pseudo_random(101, i);
    tower->operations->backward(tower, changes);
    free(changes);
}

FILE *golden_open(const char *path)
{
    char line[256];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    assert_int_equal(line[0], '#');
    return file;
}

void golden_close(FILE *file)
{
    char line[256];
    assert_null(fgets(line, sizeof line, file));
    fclose(file);
}

void golden_title(FILE *file, const char *name)
{
    char line[256], title[64];
    snprintf(title, sizeof title, "case %s\n", name);
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, title);
}

void golden_numbers(FILE *file, const char *name, const float *values, size_t count,
                    double tolerance)
{
    char line[256], expected_name[64];
    double expected_norm, expected_product, squares = 0, product = 0;
    assert_non_null(fgets(line, sizeof line, file));
    assert_int_equal(sscanf(line, "%63s %lf %lf", expected_name, &expected_norm, &expected_product),
                     3);
    assert_string_equal(name, expected_name);
    for (size_t i = 0; i < count; i++) {
        squares += (double)values[i] * (double)values[i];
        product += (double)values[i] * pseudo_random(99, i);
    }
    const double limit = tolerance * expected_norm;
    if (!(fabs(sqrt(squares) - expected_norm) <= limit) ||
        !(fabs(product - expected_product) <= limit))
        fail_msg("%s: norm %.7g, product %.7g, expected %.7g, %.7g", name, sqrt(squares), product,
                 expected_norm, expected_product);
}
