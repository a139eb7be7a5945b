/*
 * test_train_losses.c - values of the losses against PyTorch's
 * (test/reference/make_losses_golden.py computes them from the same numbers), gradients against
 * differences of the values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "auxiliary.h"
#include "losses.h"
#include "golden/losses_golden.h"

enum { PHOTOS = 2, STRANGE = 1, IMAGES = PHOTOS * CROPS * STAGES + STRANGE, SIZE = 6, TEXTS = 4 };

/* Numbers that the script makes by the same formula. */
static float number(unsigned seed, unsigned i)
{
    return (float)sin(0.7 * seed + 1.3 * i + 0.01 * i * i);
}

static const float badnesses[PHOTOS][CROPS][STAGES] = {
    {{0, 0, 1.5f, 2, 4, 5}, {0, 1, 1.5f, 2, 4, 5}}, /* the first stage missed one of the crops */
    {{0, 0, 2, 2, 4, 4}, {0, 0, 2, 2, 4, 4}}};      /* mean shift: two levels are equal */

struct problem {
    struct image_label labels[IMAGES];
    struct batch batch;
    float features[IMAGES * SIZE], prompts[TEXTS * SIZE];
    float teacher_scores[IMAGES], teacher_features[IMAGES * SIZE];
    float weight[AUXILIARY_ROWS * SIZE], bias[AUXILIARY_ROWS];
    float feature_gradients[IMAGES * SIZE], prompt_gradients[TEXTS * SIZE];
    float weight_gradient[AUXILIARY_ROWS * SIZE], bias_gradient[AUXILIARY_ROWS];
    struct loss_recipe recipe;
    double auxiliary;
};

static void fill(float *values, size_t count, unsigned seed)
{
    for (size_t i = 0; i < count; i++)
        values[i] = number(seed, (unsigned)i);
}

static void set_labels(struct problem *problem)
{
    static const enum degradation types[PHOTOS] = {DEGRADE_GAUSSIAN_BLUR, DEGRADE_MEAN_SHIFT};
    for (uint32_t photo = 0; photo < PHOTOS; photo++)
        for (uint32_t crop = 0; crop < CROPS; crop++)
            for (uint32_t stage = 0; stage < STAGES; stage++)
                problem->labels[(photo * CROPS + crop) * STAGES + stage] = (struct image_label){
                    .photo = photo, .type = types[photo], .badness = badnesses[photo][crop][stage]};
    problem->labels[IMAGES - 1] =
        (struct image_label){.photo = PHOTOS, .type = degradation_count, .badness = 5};
}

static void set_up(struct problem *problem)
{
    set_labels(problem);
    problem->batch = (struct batch){.photos = PHOTOS, .images = IMAGES, .labels = problem->labels};
    fill(problem->features, IMAGES * SIZE, 1);
    fill(problem->prompts, TEXTS * SIZE, 2);
    fill(problem->weight, AUXILIARY_ROWS * SIZE, 3);
    fill(problem->bias, AUXILIARY_ROWS, 4);
    fill(problem->teacher_features, IMAGES * SIZE, 5);
    for (unsigned image = 0; image < IMAGES; image++) {
        double squares = 0;
        float *feature = problem->teacher_features + image * SIZE;
        for (unsigned i = 0; i < SIZE; i++)
            squares += (double)feature[i] * feature[i];
        for (unsigned i = 0; i < SIZE; i++)
            feature[i] = (float)(feature[i] / sqrt(squares));
        problem->teacher_scores[image] = 0.5f + 0.4f * number(6, image);
    }
    problem->auxiliary = 0;
    problem->recipe = (struct loss_recipe){.consistency_margin = 0.02,
                                           .rank_margin = 0.1,
                                           .margin_grows = true,
                                           .pristine_margin = 0.5,
                                           .across_from = 3,
                                           .pristine_score = 0.92,
                                           .worst_score = 0.08,
                                           .strange_score = 0.05};
}

static struct losses evaluate(struct problem *problem)
{
    struct losses losses = {0};
    struct alignment alignment;
    const struct auxiliary head = {SIZE, problem->weight, problem->bias, problem->weight_gradient,
                                   problem->bias_gradient};
    alignment_create(&alignment, IMAGES, TEXTS, SIZE);
    alignment_forward(&alignment, problem->features, problem->prompts);
    ranking_losses(&alignment, &problem->batch, &problem->recipe, &losses);
    score_losses(&alignment, &problem->batch, &problem->recipe, 4, &losses);
    alignment_backward(&alignment, problem->feature_gradients, problem->prompt_gradients);
    auxiliary_loss(&head, &problem->batch, problem->features, problem->auxiliary,
                   problem->feature_gradients, &losses);
    alignment_free(&alignment);
    return losses;
}

/* The gradient at each of the values is the slope of the total there. */
static void check_slopes(struct problem *problem, float *values, const float *gradients,
                         size_t count)
{
    float *expected = malloc(count * sizeof *expected);
    evaluate(problem);
    for (size_t i = 0; i < count; i++)
        expected[i] = gradients[i];
    for (size_t i = 0; i < count; i++) {
        const float value = values[i], step = 1.0f / 16384; /* rarely over the edge of a hinge */
        const float more = value + step, less = value - step;
        values[i] = more;
        const double above = evaluate(problem).total;
        values[i] = less;
        const double below = evaluate(problem).total;
        values[i] = value;
        const double slope = (above - below) / ((double)more - (double)less);
        if (!(fabs(slope - (double)expected[i]) <= 2e-3 * fabs(slope) + 3e-5))
            fail_msg("value %zu: the slope is %g, the gradient %g", i, slope, (double)expected[i]);
    }
    free(expected);
}

static void check_all_slopes(struct problem *problem)
{
    check_slopes(problem, problem->features, problem->feature_gradients, IMAGES * SIZE);
    check_slopes(problem, problem->prompts, problem->prompt_gradients, TEXTS * SIZE);
}

static void expect_term(struct problem *problem, enum loss_term term, double weight)
{
    const struct losses losses = evaluate(problem);
    if (!(fabs(losses.terms[term] - golden_terms[term]) <= 1e-5 * fabs(golden_terms[term]) + 1e-7))
        fail_msg("%s is %.9g, PyTorch's %.9g", loss_term_names[term], losses.terms[term],
                 golden_terms[term]);
    assert_true(fabs(losses.total - weight * losses.terms[term]) < 1e-12);
    assert_true(losses.terms[term] > 0.001);
    check_all_slopes(problem);
}

static void test_consistency(void **state)
{
    struct problem problem;
    (void)state;
    set_up(&problem);
    problem.recipe.consistency = 0.7;
    expect_term(&problem, LOSS_CONSISTENCY, 0.7);
}

static void test_ranking(void **state)
{
    struct problem problem;
    (void)state;
    set_up(&problem);
    problem.recipe.positive = 1.5;
    expect_term(&problem, LOSS_POSITIVE, 1.5);
    problem.recipe.positive = 0;
    problem.recipe.negative = 2;
    expect_term(&problem, LOSS_NEGATIVE, 2);
}

static void test_across(void **state)
{
    struct problem problem;
    (void)state;
    set_up(&problem);
    problem.recipe.across = 0.3;
    expect_term(&problem, LOSS_ACROSS, 0.3);
}

static void test_calibration(void **state)
{
    struct problem problem;
    (void)state;
    set_up(&problem);
    problem.recipe.calibration = 0.5;
    expect_term(&problem, LOSS_CALIBRATION, 0.5);
}

static void test_teacher(void **state)
{
    struct problem problem;
    (void)state;
    set_up(&problem);
    problem.recipe.teacher_score = 0.8;
    problem.recipe.teacher_feature = 0.6;
    problem.batch.lesson =
        (struct lesson){.scores = problem.teacher_scores, .features = problem.teacher_features};
    expect_term(&problem, LOSS_TEACHER, 1); /* its weights are in the term */
}

static void test_auxiliary(void **state)
{
    struct problem problem;
    (void)state;
    set_up(&problem);
    problem.auxiliary = 0.9;
    expect_term(&problem, LOSS_AUXILIARY, 0.9);
    check_slopes(&problem, problem.weight, problem.weight_gradient, AUXILIARY_ROWS * SIZE);
    check_slopes(&problem, problem.bias, problem.bias_gradient, AUXILIARY_ROWS);
}

/* ------------------------------------------------------------------------------------ margins */

/* One pair, whose images lie at these angles from the positive prompt. */
static double positive_loss(struct problem *problem, const double *angles)
{
    for (size_t image = 0; image < IMAGES; image++) {
        const double angle = image < STAGES ? angles[image] : 0;
        for (size_t i = 0; i < SIZE; i++)
            problem->features[image * SIZE + i] = i == 0   ? (float)cos(angle)
                                                  : i == 1 ? (float)sin(angle)
                                                           : 0;
    }
    for (size_t i = 0; i < TEXTS * SIZE; i++)
        problem->prompts[i] = i % SIZE == 0;
    return evaluate(problem).terms[LOSS_POSITIVE];
}

/* Only the first photo's first crop has levels. */
static void one_series(struct problem *problem, const float *badness)
{
    set_up(problem);
    problem->recipe.positive = 1;
    for (size_t image = 0; image < IMAGES; image++)
        problem->labels[image].badness = image < STAGES ? badness[image] : 0;
}

static void test_equal_badness_needs_no_margin(void **state)
{
    struct problem problem;
    const double equal[STAGES] = {0};
    (void)state;
    one_series(&problem, (float[STAGES]){0, 0, 0, 0, 0, 0});
    assert_true(positive_loss(&problem, equal) == 0);
    one_series(&problem, (float[STAGES]){0, 0, 0, 0, 0, 1});
    assert_true(positive_loss(&problem, equal) > 0);
}

static void test_margins(void **state)
{
    struct problem problem;
    const double equal[STAGES] = {0};
    (void)state;
    /* 4 comparisons with stages of equal badness, and the pristine one, whose margin is half. */
    one_series(&problem, (float[STAGES]){0, 0, 0, 0, 0, 4});
    assert_true(fabs(positive_loss(&problem, equal) - 0.1 * 2 * (4 + 0.5) / 5) < 1e-6);
    problem.recipe.margin_grows = false;
    assert_true(fabs(positive_loss(&problem, equal) - 0.1 * (4 + 0.5) / 5) < 1e-6);
    problem.recipe.pristine_margin = 0;
    assert_true(fabs(positive_loss(&problem, equal) - 0.1) < 1e-6);
}

static void test_order_alone_counts(void **state)
{
    struct problem problem;
    const double good[STAGES] = {0, 0.9, 0.9, 1.5, 1.5, 2.2};
    const double bad[STAGES] = {0, 0.9, 0.9, 1.5, 1.5, 0.3};
    (void)state;
    /* Mean shift: by the absolute value; here even with the last stage as the best. */
    one_series(&problem, (float[STAGES]){0, 2, 2, 4, 4, 5});
    assert_true(positive_loss(&problem, good) == 0);
    assert_true(positive_loss(&problem, bad) > 0);
    one_series(&problem, (float[STAGES]){0, 2, 2, 4, 4, 1});
    assert_true(positive_loss(&problem, bad) < positive_loss(&problem, good));
}

static void test_wanted_scores(void **state)
{
    struct problem problem;
    (void)state;
    set_up(&problem);
    const struct image_label pristine = {.type = DEGRADE_JPEG};
    const struct image_label worst = {.type = DEGRADE_JPEG, .badness = 5};
    const struct image_label both = {
        .type = DEGRADE_JPEG, .badness = 5, .base = DEGRADE_JITTER, .base_badness = 5};
    assert_true(fabs(wanted_score(&problem.recipe, &pristine) - 0.92) < 1e-9);
    assert_true(fabs(wanted_score(&problem.recipe, &worst) - 0.08) < 1e-9);
    assert_true(fabs(wanted_score(&problem.recipe, &problem.labels[IMAGES - 1]) - 0.05) < 1e-9);
    assert_true(fabs(wanted_score(&problem.recipe, &both) - 0.08 * 0.08 / 0.92) < 1e-9);
    assert_true(whole_badness(&problem.recipe, &both) > 5);
    assert_true(fabs(whole_badness(&problem.recipe, &worst) - 5) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consistency),
        cmocka_unit_test(test_ranking),
        cmocka_unit_test(test_across),
        cmocka_unit_test(test_calibration),
        cmocka_unit_test(test_teacher),
        cmocka_unit_test(test_auxiliary),
        cmocka_unit_test(test_equal_badness_needs_no_margin),
        cmocka_unit_test(test_margins),
        cmocka_unit_test(test_order_alone_counts),
        cmocka_unit_test(test_wanted_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
