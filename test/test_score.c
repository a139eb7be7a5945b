/*
 * test_score.c - probabilities and the score, against their definition and at extremes.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "score.h"

#include <cmocka.h>


static float score_pairs(const float *feature, size_t size, const float *prompts, size_t pairs,
                         float logit_scale, float temperature, float *probabilities)
{
    double logits[8];
    const struct recipe recipe = {.readout = QC_READOUT_PAIRS,
                                  .text_count = 2 * pairs,
                                  .output_count = pairs,
                                  .features = prompts,
                                  .logit_scale = logit_scale,
                                  .temperature = temperature};
    return read_score(&recipe, feature, 1, size, logits, probabilities);
}

static void probabilities_are_the_two_way_softmax(void **state)
{
    (void)state;
    const float feature[2] = {0.6f, 0.8f};
    const float prompts[8] = {1, 0, 0, 1, 0.8f, 0.6f, 0.6f, 0.8f};
    float pairs[2];
    float score = score_pairs(feature, 2, prompts, 2, 10, 2, pairs);
    for (int i = 0; i < 2; i++) {
        const float *p = prompts + 4 * i;
        double positive = exp((0.6f * p[0] + 0.8f * p[1]) * 10.0 / 2);
        double negative = exp((0.6f * p[2] + 0.8f * p[3]) * 10.0 / 2);
        assert_true(fabs(pairs[i] - positive / (positive + negative)) <= 1e-6);
    }
    assert_true(pairs[0] < 0.5f); /* nearer to the second prompt: the negative one */
    assert_true(fabsf(score - (pairs[0] + pairs[1]) / 2) <= 1e-7f);
}

/* exp() of such a logit overflows even in double: a softmax written naively gives NaN. */
static void extreme_logits_saturate(void **state)
{
    (void)state;
    const float feature[1] = {1}, prompts[4] = {1, -1, -1, 1};
    float pairs[2];
    float score = score_pairs(feature, 1, prompts, 2, 1e30f, 1e-5f, pairs);
    assert_true(pairs[0] == 1);
    assert_true(pairs[1] == 0);
    assert_true(score == 0.5f);
}

static void equal_cosines_give_one_half(void **state)
{
    (void)state;
    const float feature[2] = {0.6f, 0.8f}, prompts[4] = {0.3f, 0.1f, 0.3f, 0.1f};
    float pair;
    assert_true(score_pairs(feature, 2, prompts, 1, 100, 1, &pair) == 0.5f);
}

static void features_get_unit_length_or_are_refused(void **state)
{
    (void)state;
    float feature[2] = {3, -4}, huge[2] = {3e38f, -3e38f}, zero[2] = {0, 0};
    float infinite[2] = {1, INFINITY}, nan[2] = {NAN, 1};
    assert_true(unit_length(feature, 2));
    assert_true(fabsf(feature[0] - 0.6f) <= 1e-7f && fabsf(feature[1] + 0.8f) <= 1e-7f);
    assert_true(unit_length(huge, 2)); /* the squares need more range than float has */
    assert_true(fabsf(huge[0] - 0.70710678f) <= 1e-7f);
    assert_false(unit_length(zero, 2));
    assert_false(unit_length(infinite, 2));
    assert_false(unit_length(nan, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_are_the_two_way_softmax),
        cmocka_unit_test(extreme_logits_saturate),
        cmocka_unit_test(equal_cosines_give_one_half),
        cmocka_unit_test(features_get_unit_length_or_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
