/*
 * test_train_vit.c - the ViT that learns against PyTorch, and what else its callers rely on.
 *
 * test/golden/train/vit.txt (made by test/reference/make_train_vit_golden.py, which says how) has
 * of each gradient the norm and a product with pseudo-random numbers.  test/parity/gradients.py
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
#include "train/crew.h"
#include "train/initialise.h"
#include "train/tower.h"

#define GOLDEN    "test/golden/train/vit.txt"
#define TOLERANCE 2e-5 /* of the norm; measured: 1e-6 */
#define BATCH     3
#define FEATURE   6

#ifdef QUALICLIP_THREADS
#define MANY 2
#else
#define MANY 1
#endif

struct vit_case {
    const char *name;
    bool exact_gelu;
    uint32_t grid, width, height;
};

static const struct vit_case cases[] = {{"quick-grid", false, 2, 8, 8},
                                        {"exact-none", true, 0, 14, 9}};

static struct tower_shape shape_of(const struct vit_case *c)
{
    return (struct tower_shape){.kind = TRAIN_VIT,
                                .width = 32,
                                .feature = FEATURE,
                                .heads = 2,
                                .layers = 2,
                                .patch = 4,
                                .exact_gelu = c->exact_gelu,
                                .grid = c->grid};
}

static struct tower *create(const struct vit_case *c, uint32_t threads)
{
    char message[QC_MESSAGE_SIZE];
    const struct tower_shape shape = shape_of(c);
    struct tower *tower = tower_create_vit(&shape, BATCH, c->width, c->height, threads, message);
    if (!tower)
        fail_msg("%s", message);
    fill_tower(tower);
    return tower;
}

/* Forth and back over the script's images. */
static void step(struct tower *tower, float *features)
{
    float *pixels = golden_pixels(tower);
    tower->operations->forward(tower, pixels, features, true);
    golden_backward(tower);
    free(pixels);
}

static void compare_case(FILE *file, const struct vit_case *c, uint32_t threads)
{
    float features[BATCH * FEATURE];
    struct tower *tower = create(c, threads);
    step(tower, features);
    golden_title(file, c->name);
    golden_numbers(file, "features", features, BATCH * FEATURE, TOLERANCE);
    for (size_t i = 0; i < tower->parameter_count; i++) {
        const struct tower_parameter *parameter = &tower->parameters[i];
        golden_numbers(file, parameter->name, parameter->gradient, parameter->count, TOLERANCE);
    }
    tower->operations->destroy(tower);
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
    float first[BATCH * FEATURE], second[BATCH * FEATURE];
    struct tower *tower = create(&cases[0], MANY), *other = create(&cases[0], MANY);
    step(tower, first);
    step(other, second);
    step(other, second); /* what the first left behind does not count */
    assert_memory_equal(first, second, sizeof first);
    for (size_t i = 0; i < tower->parameter_count; i++)
        assert_memory_equal(tower->parameters[i].gradient, other->parameters[i].gradient,
                            tower->parameters[i].count * sizeof(float));
    tower->operations->destroy(tower);
    other->operations->destroy(other);
}

/* An image's feature does not depend on those beside it, but for the order of additions. */
static void images_are_kept_apart(void **state)
{
    (void)state;
    const struct vit_case *c = &cases[1];
    const size_t image = (size_t)3 * c->width * c->height;
    float *pixels = calloc(BATCH * image, sizeof *pixels);
    float alone[BATCH * FEATURE], beside[BATCH * FEATURE];
    struct tower *tower = create(c, 1);
    for (size_t i = 0; i < image; i++)
        pixels[image + i] = (float)pseudo_random(7, i);
    tower->operations->forward(tower, pixels, alone, false);
    for (size_t i = 0; i < image; i++)
        pixels[i] = pixels[2 * image + i] = (float)(9 * pseudo_random(8, i));
    tower->operations->forward(tower, pixels, beside, false);
    for (size_t i = FEATURE; i < 2 * FEATURE; i++)
        assert_true(fabsf(alone[i] - beside[i]) <= 1e-6f);
    assert_true(fabsf(alone[0] - beside[0]) > 1e-3f);
    tower->operations->destroy(tower);
    free(pixels);
}

static void centred_features_have_the_mean_0(void **state)
{
    (void)state;
    float features[BATCH * FEATURE];
    struct tower *tower = create(&cases[0], 1);
    const size_t count = (size_t)BATCH * 3 * tower->width * tower->height;
    float *pixels = malloc(count * sizeof *pixels);
    for (size_t i = 0; i < count; i++)
        pixels[i] = (float)pseudo_random(100, i);
    tower->operations->forward(tower, pixels, features, true);
    tower_centre_vit(tower);
    tower->operations->forward(tower, pixels, features, true);
    for (size_t i = 0; i < FEATURE; i++) {
        double sum = 0;
        for (size_t image = 0; image < BATCH; image++)
            sum += (double)features[image * FEATURE + i];
        assert_true(fabs(sum) < 1e-5);
    }
    assert_true(fabsf(features[0]) > 1e-3f);
    tower->operations->destroy(tower);
    free(pixels);
}

/* ------------------------------------------------------------------------------- initialisation */

static const struct tower_parameter *parameter_named(struct tower *tower, const char *name)
{
    for (size_t i = 0; i < tower->parameter_count; i++)
        if (strcmp(tower->parameters[i].name, name) == 0)
            return &tower->parameters[i];
    fail_msg("no parameter %s", name);
    return NULL;
}

static void has_deviation(struct tower *tower, const char *name, double expected)
{
    const struct tower_parameter *parameter = parameter_named(tower, name);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < parameter->count; i++) {
        sum += (double)parameter->values[i];
        squares += (double)parameter->values[i] * (double)parameter->values[i];
    }
    const double count = (double)parameter->count, mean = sum / count;
    const double deviation = sqrt(squares / count - mean * mean);
    /* Five deviations of each estimate. */
    if (fabs(mean) > 5 * expected / sqrt(count) ||
        fabs(deviation / expected - 1) > 5 / sqrt(2 * count))
        fail_msg("%s: mean %g, deviation %g, expected %g", name, mean, deviation, expected);
}

static void has_values(struct tower *tower, const char *name, float expected)
{
    const struct tower_parameter *parameter = parameter_named(tower, name);
    for (size_t i = 0; i < parameter->count; i++)
        assert_true(parameter->values[i] == expected);
}

/* Width 32, 2 layers, patches of 48 values. */
static void initial_values_are_those_of_clip(void **state)
{
    (void)state;
    struct tower *tower = create(&cases[0], 1);
    initialise_vit(tower, 5);
    has_deviation(tower, "class_embedding", 1 / sqrt(32));
    has_deviation(tower, "positional_embedding", 1 / sqrt(32));
    has_deviation(tower, "proj", 1 / sqrt(32));
    has_deviation(tower, "conv1.weight", 1 / sqrt(3 * 48));
    has_deviation(tower, "transformer.resblocks.0.attn.in_proj_weight", 1 / sqrt(32));
    has_deviation(tower, "transformer.resblocks.1.attn.out_proj.weight", 1 / sqrt(32 * 4));
    has_deviation(tower, "transformer.resblocks.1.mlp.c_proj.weight", 1 / sqrt(32 * 4));
    has_deviation(tower, "transformer.resblocks.0.mlp.c_fc.weight", 1 / sqrt(64));
    has_values(tower, "ln_pre.weight", 1);
    has_values(tower, "transformer.resblocks.1.ln_2.weight", 1);
    has_values(tower, "transformer.resblocks.1.ln_2.bias", 0);
    has_values(tower, "transformer.resblocks.0.attn.in_proj_bias", 0);
    has_values(tower, "transformer.resblocks.0.mlp.c_proj.bias", 0);
    tower->operations->destroy(tower);
}

static void seeds_and_tensors_differ(void **state)
{
    (void)state;
    const char *name = "transformer.resblocks.0.attn.in_proj_weight";
    struct tower *tower = create(&cases[0], 1), *other = create(&cases[0], 1);
    const struct tower_parameter *a = parameter_named(tower, name);
    const struct tower_parameter *b = parameter_named(other, name);
    const struct tower_parameter *c =
        parameter_named(tower, "transformer.resblocks.1.attn.in_proj_weight");
    initialise_vit(tower, 5);
    initialise_vit(other, 5);
    assert_memory_equal(a->values, b->values, a->count * sizeof(float));
    assert_memory_not_equal(a->values, c->values, a->count * sizeof(float));
    initialise_vit(other, 6);
    assert_memory_not_equal(a->values, b->values, a->count * sizeof(float));
    tower->operations->destroy(tower);
    other->operations->destroy(other);
}

/* -------------------------------------------------------------------------------------- refusals
 */

static void refuses(struct tower_shape shape, uint32_t batch, uint32_t width, uint32_t threads,
                    const char *why)
{
    char message[QC_MESSAGE_SIZE] = "";
    assert_null(tower_create_vit(&shape, batch, width, width, threads, message));
    if (!strstr(message, why))
        fail_msg("\"%s\" does not say \"%s\"", message, why);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    const struct tower_shape good = shape_of(&cases[0]);
    struct tower_shape bad = good;
    bad.heads = 3;
    refuses(bad, 1, 8, 1, "divisor of the width");
    bad = good;
    bad.layers = 0;
    refuses(bad, 1, 8, 1, "0 layers");
    bad = good;
    bad.width = UINT32_MAX;
    bad.heads = 1;
    refuses(bad, 1, 8, 1, "at most");
    refuses(good, 0, 8, 1, "batch of 0");
    refuses(good, 1, 3, 1, "no whole patch");
    refuses(good, 1, 12, 1, "3x3 patches, and the positions are for 2x2");
    refuses(good, 1, 8, 0, "0 threads");
    refuses(good, 1, 8, 5000, "5000 threads");
    bad = good;
    bad.grid = 0;
    bad.patch = 1;
    refuses(bad, 65536, 16384, 1, "too many");
    bad.width = 16384;
    bad.layers = 256;
    bad.heads = 16384;
    refuses(bad, 16384, 180, 1, "not enough memory");
}

static void shares_cover_all_once(void **state)
{
    (void)state;
    for (size_t count = 0; count < 12; count++) {
        for (size_t members = 1; members < 6; members++) {
            assert_int_equal(crew_share(count, 0, members), 0);
            assert_int_equal(crew_share(count, members, members), count);
            for (size_t m = 0; m < members; m++) {
                size_t share = crew_share(count, m + 1, members) - crew_share(count, m, members);
                assert_in_range(share, count / members, (count + members - 1) / members);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_pytorch),
        cmocka_unit_test(threads_without_an_image_do_no_harm),
        cmocka_unit_test(the_same_call_gives_the_same_bits),
        cmocka_unit_test(images_are_kept_apart),
        cmocka_unit_test(centred_features_have_the_mean_0),
        cmocka_unit_test(initial_values_are_those_of_clip),
        cmocka_unit_test(seeds_and_tensors_differ),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(shares_cover_all_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
