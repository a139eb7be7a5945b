/*
 * test_agreement.c - how well two lists of numbers agree: the coefficients and the logistic curve
 * as SciPy has them (golden vectors), and what is promised where there is no answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>

#include "agreement.h"
#include "correlation.h"
#include "logistic.h"

#include <cmocka.h>

enum { pairs_max = 64 };

static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-9 * (1 + fabs(expected))))
        fail_msg("%.12g instead of %.12g", value, expected);
}

struct golden {
    char name[32];
    size_t count;
    double srcc, krcc, pearson, plcc, rmse;
    double x[pairs_max], y[pairs_max];
};

static bool next_case(FILE *file, struct golden *golden)
{
    if (fscanf(file, "case %31s %zu %lf %lf %lf %lf %lf\n", golden->name, &golden->count,
               &golden->srcc, &golden->krcc, &golden->pearson, &golden->plcc, &golden->rmse) != 7)
        return false;
    assert_true(golden->count <= pairs_max);
    for (size_t i = 0; i < golden->count; i++)
        assert_int_equal(fscanf(file, "%lf %lf\n", &golden->x[i], &golden->y[i]), 2);
    return true;
}

static void test_golden(void **state)
{
    (void)state;
    struct golden golden;
    size_t cases = 0, curves = 0;
    FILE *file = fopen("test/golden/agreement/pairs.txt", "r");
    assert_non_null(file);
    for (; next_case(file, &golden); cases++) {
        assert_near(spearman(golden.x, golden.y, golden.count), golden.srcc);
        assert_near(kendall(golden.x, golden.y, golden.count), golden.krcc);
        assert_near(pearson(golden.x, golden.y, golden.count), golden.pearson);
        if (isnan(golden.plcc))
            continue;
        struct logistic curve;
        assert_true(logistic_fit(golden.x, golden.y, NULL, golden.count, NULL, &curve));
        assert_near(curve.plcc, golden.plcc);
        assert_near(curve.rmse, golden.rmse);
        curves++;
    }
    fclose(file);
    assert_int_equal(cases, 9);
    assert_int_equal(curves, 3);
}

static void test_no_answer(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3}, constant[] = {0.1, 0.1, 0.1}, unknown[] = {1, NAN, 3};
    double (*const measures[])(const double *, const double *, size_t) = {spearman, kendall,
                                                                          pearson};
    for (size_t i = 0; i < 3; i++) {
        assert_true(isnan(measures[i](x, x, 0)));
        assert_true(isnan(measures[i](x, x, 1)));
        assert_true(isnan(measures[i](x, constant, 3)));
        assert_true(isnan(measures[i](constant, x, 3)));
        assert_true(isnan(measures[i](x, unknown, 3)));
        assert_near(measures[i](x, x, 3), 1);
    }
}

static void test_ranks(void **state)
{
    (void)state;
    const double values[] = {3, 1, 3, -2, 3, 1};
    const double expected[] = {5, 2.5, 5, 1, 5, 2.5};
    double ranks[6];
    average_ranks(values, 6, ranks);
    for (size_t i = 0; i < 6; i++)
        assert_true(ranks[i] == expected[i]);
}

/* A pair counted several times is as good as the pair written so often. */
static void test_counted_pairs(void **state)
{
    (void)state;
    const double x[] = {0.3, 0.9, 0.1, 0.3, 0.5, 0.7, 0.2}, y[] = {2, 5, 1, 3, 2, 4, 2};
    const uint32_t times[] = {2, 0, 1, 3, 1, 4, 2};
    double long_x[16], long_y[16];
    size_t count = 0;
    for (size_t i = 0; i < 7; i++)
        for (uint32_t j = 0; j < times[i]; j++, count++) {
            long_x[count] = x[i];
            long_y[count] = y[i];
        }
    struct pairs pairs;
    pairs_prepare(&pairs, x, y, 7);
    assert_near(pairs_spearman(&pairs, times), spearman(long_x, long_y, count));
    assert_near(pairs_kendall(&pairs, times), kendall(long_x, long_y, count));
    assert_near(pairs_pearson(&pairs, times), pearson(long_x, long_y, count));
    pairs_free(&pairs);
    struct logistic counted, written;
    assert_true(logistic_fit(x, y, times, 7, NULL, &counted));
    assert_true(logistic_fit(long_x, long_y, NULL, count, NULL, &written));
    assert_near(counted.rmse, written.rmse);
}

/* A curve without noise is found again, whatever the scales; its value is that of the formula. */
static void test_curve_is_found(void **state)
{
    (void)state;
    const struct logistic truths[] = {{.b1 = 3, .b2 = 8, .b3 = 0.4, .b4 = 0.5, .b5 = 2},
                                      {.b1 = -60, .b2 = 0.05, .b3 = 40, .b4 = -0.1, .b5 = 50},
                                      {.b1 = 1e-3, .b2 = 1e4, .b3 = 5e-4, .b4 = 0.1, .b5 = 0}};
    const double widths[] = {1, 100, 1e-3};
    for (size_t k = 0; k < 3; k++) {
        const struct logistic *truth = &truths[k];
        double x[pairs_max], y[pairs_max];
        for (size_t i = 0; i < pairs_max; i++) {
            x[i] = widths[k] * (double)i / pairs_max;
            y[i] = truth->b1 * (0.5 - 1 / (1 + exp(truth->b2 * (x[i] - truth->b3)))) +
                   truth->b4 * x[i] + truth->b5;
            assert_near(logistic_value(truth, x[i]), y[i]);
        }
        struct logistic curve;
        assert_true(logistic_fit(x, y, NULL, pairs_max, NULL, &curve));
        assert_true(curve.rmse < 1e-7 * fabs(truth->b1));
        assert_true(fabs(curve.b2 / truth->b2 - 1) < 1e-3 && curve.plcc > 1 - 1e-9);
    }
}

static void test_curve_is_impossible(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4, 5, 6}, constant[] = {2, 2, 2, 2, 2, 2};
    const uint32_t few[] = {1, 1, 1, 1, 9, 0};
    struct logistic curve;
    assert_false(logistic_fit(x, x, NULL, 5, NULL, &curve));
    assert_false(logistic_fit(x, constant, NULL, 6, NULL, &curve));
    assert_false(logistic_fit(constant, x, NULL, 6, NULL, &curve));
    assert_false(logistic_fit(x, x, few, 6, NULL, &curve));
    assert_true(logistic_fit(x, x, NULL, 6, NULL, &curve)); /* a straight line is one, too */
    assert_true(curve.rmse < 1e-9);
}

/* Pairs that follow each other with noise that is known. */
static void make_pairs(double *scores, double *opinions, size_t count, double noise)
{
    for (size_t i = 0; i < count; i++) {
        scores[i] = (double)i / (double)count;
        opinions[i] = scores[i] + noise * sin(12.9898 * (double)(i + 1) * (double)(i + 3));
    }
}

static void test_intervals(void **state)
{
    (void)state;
    double scores[200], opinions[200];
    struct agreement one, two, other;
    make_pairs(scores, opinions, 200, 0.4);
    agreement_measure(scores, opinions, 200, &(struct bootstrap){300, 1, 1}, &one);
    agreement_measure(scores, opinions, 200, &(struct bootstrap){300, 1, 3}, &two);
    agreement_measure(scores, opinions, 200, &(struct bootstrap){300, 2, 1}, &other);
    for (int i = 0; i < measure_count; i++) {
        const struct interval *interval = &one.measures[i];
        assert_true(interval->low < interval->value && interval->value < interval->high);
        assert_memory_equal(interval, &two.measures[i], sizeof *interval);
        assert_true(interval->low != other.measures[i].low);
        assert_true(fabs(interval->low - other.measures[i].low) <
                    0.3 * (interval->high - interval->low));
    }
    /* Spearman's error is about (1 - r^2) / sqrt(n): the interval is four of them. */
    const struct interval *srcc = &one.measures[MEASURE_SRCC];
    const double width = 4 * (1 - srcc->value * srcc->value) / sqrt(200);
    assert_true(srcc->high - srcc->low > 0.6 * width && srcc->high - srcc->low < 1.7 * width);
    agreement_measure(scores, opinions, 200, &(struct bootstrap){0, 1, 1}, &one);
    assert_true(isnan(one.measures[0].low) && isnan(one.measures[0].high));
    assert_true(one.measures[0].value == two.measures[0].value);
}

static void test_problems(void **state)
{
    (void)state;
    const double rising[] = {1, 2, 3, 4, 5, 6, 7}, constant[] = {3, 3, 3, 3, 3, 3, 3};
    const struct bootstrap bootstrap = {50, 0, 1};
    struct agreement agreement;
    agreement_measure(rising, rising, 0, &bootstrap, &agreement);
    assert_non_null(strstr(agreement.problem, "fewer than two images"));
    agreement_measure(constant, rising, 7, &bootstrap, &agreement);
    assert_string_equal(agreement.problem, "all scores are equal");
    agreement_measure(rising, constant, 7, &bootstrap, &agreement);
    assert_string_equal(agreement.problem, "all opinions are equal");
    for (int i = 0; i < measure_count; i++)
        assert_true(isnan(agreement.measures[i].value) && isnan(agreement.measures[i].low));
    agreement_measure(rising, rising, 5, &bootstrap, &agreement);
    assert_non_null(strstr(agreement.problem, "fewer than six images"));
    assert_near(agreement.measures[MEASURE_SRCC].value, 1);
    agreement_measure(rising, rising, 7, &bootstrap, &agreement);
    assert_null(agreement.problem);
}

static void test_difference(void **state)
{
    (void)state;
    double scores[300], opinions[300], worse[300];
    const struct bootstrap bootstrap = {500, 0, 1};
    make_pairs(scores, opinions, 300, 0.3);
    for (size_t i = 0; i < 300; i++)
        worse[i] = scores[i] + 0.5 * sin(78.233 * (double)(i + 2) * (double)i);
    struct interval difference = agreement_difference(scores, scores, opinions, 300, &bootstrap);
    assert_true(difference.value == 0 && difference.low == 0 && difference.high == 0);
    difference = agreement_difference(scores, worse, opinions, 300, &bootstrap);
    assert_near(difference.value, spearman(scores, opinions, 300) - spearman(worse, opinions, 300));
    assert_true(difference.low > 0 && difference.low < difference.value);
    const struct interval turned = agreement_difference(worse, scores, opinions, 300, &bootstrap);
    assert_near(turned.low, -difference.high);
    assert_true(isnan(agreement_difference(scores, worse, opinions, 1, &bootstrap).value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),         cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_ranks),          cmocka_unit_test(test_counted_pairs),
        cmocka_unit_test(test_curve_is_found), cmocka_unit_test(test_curve_is_impossible),
        cmocka_unit_test(test_intervals),      cmocka_unit_test(test_problems),
        cmocka_unit_test(test_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
