/*
 * patch_statistics.c - running mean and covariance, and the distance that NIQE introduced, all in
 * double precision: features are f32, and what they lose is lost before this.
 */
#include "patch_statistics.h"

#include <math.h>
#include <string.h>

void patch_statistics_reset(struct patch_statistics *statistics)
{
    size_t size = statistics->size;
    statistics->count = 0;
    memset(statistics->mean, 0, size * sizeof *statistics->mean);
    memset(statistics->products, 0, size * size * sizeof *statistics->products);
}

/*
 * Welford's update: one pass, as exact as two.  With d the distance from the mean before, the sum
 * of products grows by d d^T (n - 1) / n.
 */
void patch_statistics_add(struct patch_statistics *statistics, const float *vector,
                          double *difference)
{
    size_t size = statistics->size;
    double count = (double)++statistics->count;
    for (size_t i = 0; i < size; i++) {
        difference[i] = (double)vector[i] - statistics->mean[i];
        statistics->mean[i] += difference[i] / count;
    }
    for (size_t row = 0; row < size; row++) {
        double scaled = difference[row] * ((count - 1) / count);
        double *products = statistics->products + row * size;
        for (size_t column = 0; column <= row; column++)
            products[column] += scaled * difference[column];
    }
}

bool cholesky_factor(double *matrix, size_t size)
{
    for (size_t row = 0; row < size; row++) {
        double *current = matrix + row * size;
        for (size_t column = 0; column <= row; column++) {
            const double *other = matrix + column * size;
            double sum = current[column];
            for (size_t k = 0; k < column; k++)
                sum -= current[k] * other[k];
            if (column < row)
                current[column] = sum / other[column];
            else if (sum > 0 && isfinite(sum)) /* NaN is neither */
                current[row] = sqrt(sum);
            else
                return false;
        }
    }
    return true;
}

bool patch_statistics_distance(struct patch_statistics *statistics, const double *mean,
                               const double *covariance, double *distance)
{
    size_t size = statistics->size;
    double *matrix = statistics->products, *solution = statistics->mean;
    *distance = 0;
    for (size_t row = 0; row < size; row++)
        for (size_t column = 0; column <= row; column++) {
            double both =
                covariance[row * size + column] + patch_covariance(statistics, row, column);
            matrix[row * size + column] = both / 2 + (row == column ? PATCH_STABILITY : 0);
        }
    if (!cholesky_factor(matrix, size))
        return false;
    /* With L L^T the matrix and L y = a - b, the square of the distance is y^T y. */
    double square = 0;
    for (size_t row = 0; row < size; row++) {
        double sum = mean[row] - solution[row];
        for (size_t k = 0; k < row; k++)
            sum -= matrix[row * size + k] * solution[k];
        solution[row] = sum / matrix[row * size + row];
        square += solution[row] * solution[row];
    }
    *distance = sqrt(square);
    return isfinite(*distance);
}
