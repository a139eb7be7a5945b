/*
 * test_train_resnet.c - the ModifiedResNet that learns against PyTorch, and what else its callers
 * rely on.
 *
 * test/golden/train/resnet.txt (made by test/reference/make_train_resnet_golden.py, which says how)
 * has of each gradient the norm and a product with pseudo-random numbers.  test/parity/gradients.py
 * compares every element, of large towers too.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden_tower.h"
#include "qualiclip.h"
#include "train/tower.h"

#define GOLDEN    "test/golden/train/resnet.txt"
#define TOLERANCE 5e-5 /* of the norm */
#define BATCH     3
#define FEATURE   6

#ifdef QUALICLIP_THREADS
#define MANY 2
#else
#define MANY 1
#endif

struct resnet_case {
    const char *name;
    bool folded;
    uint32_t grid, width, height;
};

static const struct resnet_case cases[] = {{"statistics-grid", false, 2, 64, 64},
                                           {"folded-none", true, 0, 70, 47}};

static struct tower_shape shape_of(const struct resnet_case *c)
{
    return (struct tower_shape){.kind = TRAIN_RESNET,
                                .width = 4,
                                .feature = FEATURE,
                                .heads = 2,
                                .blocks = {1, 2, 1, 1},
                                .grid = c->grid,
                                .folded = c->folded};
}

static struct tower *create(const struct resnet_case *c, uint32_t threads)
{
    char message[QC_MESSAGE_SIZE];
    const struct tower_shape shape = shape_of(c);
    struct tower *tower = tower_create(&shape, BATCH, c->width, c->height, threads, message);
    if (!tower)
        fail_msg("%s", message);
    fill_tower(tower);
    return tower;
}

static void step(struct tower *tower, float *evaluated, float *features)
{
    float *pixels = golden_pixels(tower);
    tower->operations->forward(tower, pixels, evaluated, false);
    tower->operations->forward(tower, pixels, features, true);
    golden_backward(tower);
    free(pixels);
}

/* ------------------------------------------------------------------------------------- gradients
 */

static void compare_case(FILE *file, const struct resnet_case *c, uint32_t threads)
{
    float evaluated[BATCH * FEATURE], features[BATCH * FEATURE];
    struct tower *tower = create(c, threads);
    step(tower, evaluated, features);
    golden_title(file, c->name);
    golden_numbers(file, "evaluated", evaluated, BATCH * FEATURE, TOLERANCE);
    golden_numbers(file, "features", features, BATCH * FEATURE, TOLERANCE);
    for (size_t i = 0; i < tower->parameter_count; i++) {
        const struct tower_parameter *parameter = &tower->parameters[i];
        const float *found = parameter->gradient ? parameter->gradient : parameter->values;
        if (strcmp(parameter->name, "attnpool.k_proj.bias") != 0)
            golden_numbers(file, parameter->name, found, parameter->count, TOLERANCE);
        else
            for (size_t k = 0; k < parameter->count; k++)
                assert_true(found[k] == 0);
    }
    tower_destroy(tower);
}

static void gradients_with(uint32_t threads)
{
    FILE *file = golden_open(GOLDEN);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        compare_case(file, &cases[i], threads);
    golden_close(file);
}

static void gradients_are_those_of_pytorch(void **state)
{
    (void)state;
    gradients_with(1);
    gradients_with(MANY);
}

static void threads_without_an_image_do_no_harm(void **state)
{
    (void)state;
    if (MANY > 1)
        gradients_with(BATCH + 2);
}

static void the_same_call_gives_the_same_bits(void **state)
{
    (void)state;
    float evaluated[BATCH * FEATURE], first[BATCH * FEATURE], second[BATCH * FEATURE];
    struct tower *tower = create(&cases[0], MANY), *other = create(&cases[0], MANY);
    step(tower, evaluated, first);
    step(other, evaluated, second);
    fill_tower(other); /* running statistics have moved */
    step(other, evaluated, second);
    assert_memory_equal(first, second, sizeof first);
    for (size_t i = 0; i < tower->parameter_count; i++) {
        const struct tower_parameter *a = &tower->parameters[i], *b = &other->parameters[i];
        assert_memory_equal(a->values, b->values, a->count * sizeof(float));
        if (a->gradient)
            assert_memory_equal(a->gradient, b->gradient, a->count * sizeof(float));
    }
    tower_destroy(tower);
    tower_destroy(other);
}

/* ------------------------------------------------------------------------------------ evaluation
 */

static void evaluation_keeps_images_apart_and_changes_nothing(void **state)
{
    (void)state;
    const struct resnet_case *c = &cases[0];
    const size_t image = (size_t)3 * c->width * c->height;
    float alone[BATCH * FEATURE], beside[BATCH * FEATURE];
    struct tower *tower = create(c, 1), *untouched = create(c, 1);
    float *pixels = golden_pixels(tower);
    tower->operations->forward(tower, pixels, alone, false);
    for (size_t i = 0; i < image; i++)
        pixels[i] = pixels[2 * image + i] = (float)(9 * pseudo_random(8, i));
    tower->operations->forward(tower, pixels, beside, false);
    for (size_t i = FEATURE; i < 2 * FEATURE; i++)
        assert_true(fabsf(alone[i] - beside[i]) <= 1e-5f);
    assert_true(fabsf(alone[0] - beside[0]) > 1e-3f);
    for (size_t i = 0; i < tower->parameter_count; i++)
        assert_memory_equal(tower->parameters[i].values, untouched->parameters[i].values,
                            tower->parameters[i].count * sizeof(float));
    tower_destroy(tower);
    tower_destroy(untouched);
    free(pixels);
}

/* What is no number must not be taken for a decision of a ReLU. */
static void a_pixel_that_is_no_number_shows(void **state)
{
    (void)state;
    float features[BATCH * FEATURE];
    struct tower *tower = create(&cases[1], 1);
    float *pixels = golden_pixels(tower);
    pixels[5] = NAN;
    tower->operations->forward(tower, pixels, features, true);
    assert_true(isnan(features[0]));
    assert_false(isnan(features[FEATURE]));
    tower_destroy(tower);
    free(pixels);
}

static void parameters_are_found_by_name(void **state)
{
    (void)state;
    struct tower *tower = create(&cases[0], 1);
    const struct tower_parameter *weight = tower_find(tower, "layer2.0.downsample.0.weight");
    assert_non_null(weight);
    assert_int_equal(weight->shape[0], 32);
    assert_int_equal(weight->shape[1], 16);
    assert_non_null(weight->gradient);
    assert_null(tower_find(tower, "layer2.1.bn2.running_var")->gradient);
    assert_null(tower_find(tower, "layer2.1.downsample.0.weight"));
    tower_destroy(tower);
    tower_destroy(NULL);
}

/* -------------------------------------------------------------------------------------- refusals
 */

static void refuses(struct tower_shape shape, uint32_t batch, uint32_t width, uint32_t threads,
                    const char *why)
{
    char message[QC_MESSAGE_SIZE] = "";
    assert_null(tower_create(&shape, batch, width, width, threads, message));
    if (!strstr(message, why))
        fail_msg("\"%s\" does not say \"%s\"", message, why);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    const struct tower_shape good = shape_of(&cases[0]);
    struct tower_shape bad = good;
    bad.heads = 3;
    refuses(bad, 1, 64, 1, "heads");
    bad = good;
    bad.width = 5;
    refuses(bad, 1, 64, 1, "even");
    bad.width = UINT32_MAX - 1;
    refuses(bad, 1, 64, 1, "even");
    bad = good;
    bad.blocks[3] = 0;
    refuses(bad, 1, 64, 1, "blocks");
    bad = good;
    bad.feature = 0;
    refuses(bad, 1, 64, 1, "feature");
    refuses(good, 0, 64, 1, "batch");
    refuses(good, 1, 31, 1, "32 to 8192");
    refuses(good, 1, 96, 1, "positions");
    refuses(good, 1, 64, 0, "0 threads");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_pytorch),
        cmocka_unit_test(threads_without_an_image_do_no_harm),
        cmocka_unit_test(the_same_call_gives_the_same_bits),
        cmocka_unit_test(evaluation_keeps_images_apart_and_changes_nothing),
        cmocka_unit_test(a_pixel_that_is_no_number_shows),
        cmocka_unit_test(parameters_are_found_by_name),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
