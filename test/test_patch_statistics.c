/*
 * test_patch_statistics.c - running statistics against two passes in long double, the distance
 * against elimination with pivots, both on well and on badly conditioned vectors.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patch_statistics.h"

#include <cmocka.h>

#define SIZE_MOST 128

static uint64_t random_state = 1;

/* Uniform in [-1, 1). */
static double random_number(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(random_state >> 11) * 0x1p-52 - 1;
}

/* `rank` independent directions, mixed into `size` numbers, about a mean far from zero. */
static float *random_vectors(size_t count, size_t size, size_t rank, double spread)
{
    double *mix = malloc(size * rank * sizeof *mix);
    float *vectors = malloc(count * size * sizeof *vectors);
    assert_true(mix && vectors);
    for (size_t i = 0; i < size * rank; i++)
        mix[i] = random_number() * spread;
    for (size_t n = 0; n < count; n++)
        for (size_t i = 0; i < size; i++)
            vectors[n * size + i] = (float)(10 + (double)i);
    for (size_t n = 0; n < count; n++)
        for (size_t k = 0; k < rank; k++) {
            const double along = random_number();
            for (size_t i = 0; i < size; i++)
                vectors[n * size + i] += (float)(along * mix[i * rank + k]);
        }
    free(mix);
    return vectors;
}

static struct patch_statistics make_statistics(size_t size)
{
    struct patch_statistics statistics = {.size = size};
    statistics.mean = malloc(size * sizeof(double));
    statistics.products = malloc(size * size * sizeof(double));
    assert_true(statistics.mean && statistics.products);
    patch_statistics_reset(&statistics);
    return statistics;
}

static void free_statistics(struct patch_statistics *statistics)
{
    free(statistics->mean);
    free(statistics->products);
}

static void add_all(struct patch_statistics *statistics, const float *vectors, size_t count)
{
    double difference[SIZE_MOST];
    for (size_t i = 0; i < count; i++)
        patch_statistics_add(statistics, vectors + i * statistics->size, difference);
    assert_int_equal(statistics->count, count);
}

/* Mean and covariance in two passes; what is symmetric is computed once: long double is slow where
   processors have none. */
static void reference_statistics(const float *vectors, size_t count, size_t size, long double *mean,
                                 long double *covariance)
{
    for (size_t i = 0; i < size; i++) {
        mean[i] = 0;
        for (size_t n = 0; n < count; n++)
            mean[i] += vectors[n * size + i];
        mean[i] /= (long double)count;
    }
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j <= i; j++) {
            long double sum = 0;
            for (size_t n = 0; n < count; n++)
                sum += (vectors[n * size + i] - mean[i]) * (vectors[n * size + j] - mean[j]);
            covariance[i * size + j] = covariance[j * size + i] = sum / (long double)(count - 1);
        }
}

/* x^T A^-1 x by elimination with row exchanges; destroys both. */
static long double quadratic_form(long double *matrix, const long double *vector, size_t size)
{
    long double solution[SIZE_MOST];
    memcpy(solution, vector, size * sizeof *solution);
    for (size_t column = 0; column < size; column++) {
        size_t pivot = column;
        for (size_t row = column; row < size; row++)
            if (fabsl(matrix[row * size + column]) > fabsl(matrix[pivot * size + column]))
                pivot = row;
        for (size_t k = 0; k < size; k++) {
            const long double other = matrix[pivot * size + k];
            matrix[pivot * size + k] = matrix[column * size + k];
            matrix[column * size + k] = other;
        }
        const long double other = solution[pivot];
        solution[pivot] = solution[column];
        solution[column] = other;
        for (size_t row = column + 1; row < size; row++) {
            const long double factor = matrix[row * size + column] / matrix[column * size + column];
            for (size_t k = column; k < size; k++)
                matrix[row * size + k] -= factor * matrix[column * size + k];
            solution[row] -= factor * solution[column];
        }
    }
    long double sum = 0;
    for (size_t row = size; row-- > 0;) {
        for (size_t k = row + 1; k < size; k++)
            solution[row] -= matrix[row * size + k] * solution[k];
        solution[row] /= matrix[row * size + row];
        sum += solution[row] * vector[row];
    }
    return sum;
}

/* Statistics of `count` vectors, and their distance from those of `pristine_count` others. */
static void compare(size_t size, size_t count, size_t pristine_count, size_t rank, double spread)
{
    static long double mean[2][SIZE_MOST], covariance[2][SIZE_MOST * SIZE_MOST];
    static double pristine_mean[SIZE_MOST], pristine_covariance[SIZE_MOST * SIZE_MOST];
    const size_t counts[] = {count, pristine_count};
    struct patch_statistics statistics = make_statistics(size);
    for (size_t set = 2; set-- > 0;) {
        float *vectors = random_vectors(counts[set], size, rank, spread);
        reference_statistics(vectors, counts[set], size, mean[set], covariance[set]);
        patch_statistics_reset(&statistics);
        add_all(&statistics, vectors, counts[set]);
        free(vectors);
        long double most = 0, error = 0;
        for (size_t i = 0; i < size; i++) {
            assert_true(fabsl(statistics.mean[i] - mean[set][i]) <= 1e-12L * fabsl(mean[set][i]));
            pristine_mean[i] = set ? statistics.mean[i] : pristine_mean[i];
            for (size_t j = 0; j < size; j++) {
                const double found = patch_covariance(&statistics, i > j ? i : j, i > j ? j : i);
                most = fmaxl(most, fabsl(covariance[set][i * size + j]));
                error = fmaxl(error, fabsl(found - covariance[set][i * size + j]));
                if (set)
                    pristine_covariance[i * size + j] = found;
            }
        }
        assert_true(error <= 1e-11L * most); /* vectors lie up to 10^4 spreads from zero */
    }
    long double difference[SIZE_MOST];
    for (size_t i = 0; i < size; i++) {
        difference[i] = mean[1][i] - mean[0][i];
        for (size_t j = 0; j < size; j++)
            covariance[0][i * size + j] =
                (covariance[0][i * size + j] + covariance[1][i * size + j]) / 2 +
                (i == j ? 0.001L : 0);
    }
    const long double right = sqrtl(quadratic_form(covariance[0], difference, size));
    double found;
    assert_true(patch_statistics_distance(&statistics, pristine_mean, pristine_covariance, &found));
    if (!(fabsl(found - right) <= 1e-9L * right))
        fail_msg("size %zu, %zu vectors, rank %zu, spread %g: %.12g, expected %.12Lg", size, count,
                 rank, spread, found, right);
    free_statistics(&statistics);
}

static void distance_of_random_statistics(void **state)
{
    (void)state;
    compare(1, 2, 2, 1, 1);
    compare(3, 50, 70, 3, 1);
    compare(32, 500, 300, 32, 0.5);
    compare(128, 700, 900, 128, 1);
}

/* Fewer vectors than numbers, or vectors in a plane: only what is added to the diagonal helps. */
static void distance_of_nearly_singular_statistics(void **state)
{
    (void)state;
    compare(128, 2, 2, 128, 1);
    compare(128, 10, 40, 128, 1);
    compare(128, 700, 900, 5, 1);
    compare(64, 300, 300, 3, 100);
    compare(16, 40, 40, 4, 1e-3);
}

static void no_distance_from_oneself(void **state)
{
    (void)state;
    struct patch_statistics statistics = make_statistics(8);
    float *vectors = random_vectors(20, 8, 8, 1);
    double mean[8], covariance[64], distance;
    add_all(&statistics, vectors, 20);
    for (size_t i = 0; i < 8; i++) {
        mean[i] = statistics.mean[i];
        for (size_t j = 0; j <= i; j++)
            covariance[i * 8 + j] = patch_covariance(&statistics, i, j);
    }
    assert_true(patch_statistics_distance(&statistics, mean, covariance, &distance));
    assert_true(distance == 0);
    free(vectors);
    free_statistics(&statistics);
}

static void what_is_no_covariance_is_refused(void **state)
{
    (void)state;
    double zero[4] = {0}, negative[4] = {-1, 0, 0, -1}, indefinite[4] = {1, 3, 3, 1};
    double infinite[4] = {INFINITY, 0, 0, 1}, unknown[4] = {1, 0, NAN, 1};
    assert_false(cholesky_factor(zero, 2));
    assert_false(cholesky_factor(negative, 2));
    assert_false(cholesky_factor(indefinite, 2));
    assert_false(cholesky_factor(infinite, 2));
    assert_false(cholesky_factor(unknown, 2));
    double good[4] = {4, NAN, 2, 5}; /* the upper triangle is not read */
    assert_true(cholesky_factor(good, 2));
    assert_true(good[0] == 2 && good[2] == 1 && good[3] == 2);
}

static void overflow_is_refused(void **state)
{
    (void)state;
    const float vectors[] = {1, 2, INFINITY, 4, 5, 6};
    const double mean[2] = {0, 0}, covariance[4] = {1, 0, 0, 1}, far[2] = {1e200, 0};
    struct patch_statistics statistics = make_statistics(2);
    double distance;
    add_all(&statistics, vectors, 3);
    assert_false(patch_statistics_distance(&statistics, mean, covariance, &distance));
    patch_statistics_reset(&statistics);
    add_all(&statistics, (const float[]){1, 2, 3, 5}, 2);
    assert_false(patch_statistics_distance(&statistics, far, covariance, &distance));
    free_statistics(&statistics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distance_of_random_statistics),
        cmocka_unit_test(distance_of_nearly_singular_statistics),
        cmocka_unit_test(no_distance_from_oneself),
        cmocka_unit_test(what_is_no_covariance_is_refused),
        cmocka_unit_test(overflow_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
