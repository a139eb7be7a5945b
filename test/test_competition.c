/*
 * test_competition.c - gMAD: which pairs are chosen, against a search through all of them, and what
 * happens with ties, few images and scores without a difference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <math.h>

#include "competition.h"

#include <cmocka.h>

enum { most = 400 };

static size_t duel_of(const double *defender, const double *attacker, size_t count, size_t bins,
                      double tolerance, size_t bin, size_t wanted, struct duel *duels)
{
    const struct competition competition = {count, defender, attacker, bins, tolerance};
    return competition_duels(&competition, bin, wanted, duels);
}

static void test_the_pair_that_differs_most(void **state)
{
    (void)state;
    /* The defender finds 0, 1, 2 equal and 3, 4, 5 equal. */
    const double defender[] = {0.1, 0.1, 0.1, 0.9, 0.9, 0.9};
    const double attacker[] = {0.5, 0.2, 0.9, 0.4, 0.4, 0.6};
    struct duel duel;
    assert_int_equal(duel_of(defender, attacker, 6, 2, 0, 0, 1, &duel), 1);
    assert_int_equal(duel.better, 2);
    assert_int_equal(duel.worse, 1);
    assert_float_equal(duel.difference, 0.7, 1e-12);
    /* Two pairs differ by 0.2: the earlier image goes first. */
    assert_int_equal(duel_of(defender, attacker, 6, 2, 0, 1, 1, &duel), 1);
    assert_int_equal(duel.better, 5);
    assert_int_equal(duel.worse, 3);
}

static void test_no_image_in_two_pairs(void **state)
{
    (void)state;
    const double defender[] = {1, 1, 1, 1, 1};
    const double attacker[] = {5, 1, 4, 2, 3};
    struct duel duels[5];
    assert_int_equal(duel_of(defender, attacker, 5, 1, 0.01, 0, 5, duels), 2);
    assert_int_equal(duels[0].better, 0);
    assert_int_equal(duels[0].worse, 1);
    assert_int_equal(duels[1].better, 2);
    assert_int_equal(duels[1].worse, 3);
}

static void test_nothing_to_choose(void **state)
{
    (void)state;
    const double equal[] = {1, 1, 1}, apart[] = {0, 5, 10}, attacker[] = {1, 2, 3};
    struct duel duel;
    assert_int_equal(duel_of(equal, equal, 3, 1, 0.1, 0, 1, &duel), 0);    /* no difference */
    assert_int_equal(duel_of(apart, attacker, 3, 1, 0.1, 0, 1, &duel), 0); /* none are equal */
    assert_int_equal(duel_of(apart, attacker, 3, 1, 0.5, 0, 1, &duel), 1);
    assert_int_equal(duel_of(apart, attacker, 1, 1, 0.5, 0, 1, &duel), 0);
    assert_int_equal(duel_of(apart, attacker, 0, 1, 0.5, 0, 1, &duel), 0);
    assert_int_equal(duel_of(apart, attacker, 2, 5, 1, 4, 1, &duel), 0); /* an empty bin */
}

/* Numbers of a linear congruential generator, rounded so that there are ties. */
static double next_number(uint32_t *state, double step)
{
    *state = *state * 1664525u + 1013904223u;
    return step * floor((double)(*state >> 8) / (double)(1 << 24) / step);
}

static int ascending(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The greatest difference among the images whose defender's score is within a bin of distinct ones.
 */
static double search(const double *defender, const double *attacker, size_t count, double least,
                     double greatest, double tolerance)
{
    double best = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            if (defender[i] >= least && defender[i] <= greatest && defender[j] >= least &&
                defender[j] <= greatest && fabs(defender[i] - defender[j]) <= tolerance)
                best = fmax(best, attacker[i] - attacker[j]);
    return best;
}

static void test_against_a_search_through_all(void **state)
{
    (void)state;
    uint32_t random = 5;
    for (size_t round = 0; round < 40; round++) {
        double defender[most], attacker[most], sorted[most];
        const size_t count = 2 + (size_t)(next_number(&random, 0.001) * (most - 2));
        const size_t bins = 1 + round % 4;
        const double tolerance = round % 5 * 0.01;
        for (size_t i = 0; i < count; i++) {
            defender[i] = next_number(&random, 1e-6);
            attacker[i] = next_number(&random, round % 2 ? 0.05 : 1e-6);
            sorted[i] = defender[i];
        }
        qsort(sorted, count, sizeof *sorted, ascending);
        const double range = sorted[count - 1] - sorted[0];
        for (size_t bin = 0; bin < bins; bin++) {
            const size_t share = count / bins, more = count % bins;
            const size_t first = bin * share + (bin < more ? bin : more);
            const size_t inside = share + (bin < more);
            struct duel duel = {0, 0, 0};
            const size_t found = duel_of(defender, attacker, count, bins, tolerance, bin, 1, &duel);
            const double best = inside ? search(defender, attacker, count, sorted[first],
                                                sorted[first + inside - 1], tolerance * range)
                                       : 0;
            assert_int_equal(found, best > 0);
            assert_float_equal(duel.difference, best, 0);
            if (!found)
                continue;
            assert_true(attacker[duel.better] - attacker[duel.worse] == duel.difference);
            assert_true(fabs(defender[duel.better] - defender[duel.worse]) <= tolerance * range);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_pair_that_differs_most),
        cmocka_unit_test(test_no_image_in_two_pairs),
        cmocka_unit_test(test_nothing_to_choose),
        cmocka_unit_test(test_against_a_search_through_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
