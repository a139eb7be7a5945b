/*
 * logistic.c - Levenberg-Marquardt over b2 and b3 alone: for given ones, the best b1, b4 and b5
 * are a linear problem and are solved for exactly (variable projection; its derivative by
 * Kaufman's approximation).  Two unknowns instead of five, and no valley in which b1 and b4 grow
 * against each other.
 *
 * x and y are first shifted and scaled to mean 0 and variance 1, so that the beginnings fit any
 * data.  The steepness b2 is sought as its logarithm.
 */
#include "logistic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"

enum { pairs_min = 6, steps_max = 300 };

/* Beyond, the curve is a cubic, or a step between two neighbours, to the last bit that counts. */
static const double steepness_min = 1e-3, steepness_max = 1e3;

/*
 * A step that would lower the squares by less than this part of them is not worth its time.  A draw
 * of the bootstrap need not be exact to more than its interval is.
 */
static const double enough_for_all = 1e-13, enough_for_a_draw = 1e-8;

struct shape {
    double log_steepness, centre;
};

struct problem {
    size_t count;
    double *x, *y;         /* scaled */
    double *weight, total; /* how often each is counted, and the sum of that */
    double x_mean, x_deviation, y_mean, y_deviation;
    double slope;                     /* of the straight line through y ... */
    double *rest;                     /* ... and what it leaves over */
    double *curve;                    /* the S itself, without its constant and linear parts */
    double *by_steepness, *by_centre; /* its derivatives, likewise */
    double *residual;
    double *memory;
};

/* A shape, and what it amounts to. */
struct point {
    struct shape shape;
    double height;          /* b1 */
    double offset, slope;   /* of the S: what was taken off it */
    double squares;         /* of the residual */
    double descent[2];      /* minus half the gradient of that */
    double curvature[2][2]; /* of the linearised problem */
};

static double product(const struct problem *problem, const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < problem->count; i++)
        sum += problem->weight[i] * a[i] * b[i];
    return sum;
}

/* Takes the constant and the linear part off; returns them. */
static void take_line_off(const struct problem *problem, double *values, double *offset,
                          double *slope)
{
    *offset = *slope = 0;
    for (int pass = 0; pass < 2; pass++) { /* what rounding leaves of the first */
        double constant = 0, linear = 0;
        for (size_t i = 0; i < problem->count; i++) {
            constant += problem->weight[i] * values[i];
            linear += problem->weight[i] * values[i] * problem->x[i];
        }
        constant /= problem->total;
        linear /= problem->total; /* the weighted sum of squares of x */
        for (size_t i = 0; i < problem->count; i++)
            values[i] -= constant + linear * problem->x[i];
        *offset += constant;
        *slope += linear;
    }
}

/* (tanh(z / 2) - z / 2) / 2, which is small beside either term where z is. */
static double bend(double z)
{
    const double u = 0.5 * z, square = u * u;
    if (fabs(z) >= 0.2)
        return 0.5 * (tanh(u) - u);
    static const double series[] = {-1382.0 / 155925, 62.0 / 2835, -17.0 / 315, 2.0 / 15, -1.0 / 3};
    double sum = 0;
    for (int i = 0; i < 5; i++)
        sum = sum * square + series[i];
    return 0.5 * u * square * sum;
}

/*
 * The S and its derivatives.  A gentle one is hardly more than a straight line, which is made up
 * for by the linear parameters: it is left out at once, or rounding would leave nothing else.
 */
static void draw_curve(const struct problem *problem, struct point *point)
{
    const double steepness = exp(point->shape.log_steepness), centre = point->shape.centre;
    const bool gentle = steepness < 1;
    point->slope = gentle ? 0.25 * steepness : 0;
    point->offset = -point->slope * centre;
    for (size_t i = 0; i < problem->count; i++) {
        const double z = steepness * (problem->x[i] - centre), half = tanh(0.5 * z);
        const double derivative = 0.25 * ((gentle ? 0 : 1) - half * half);
        problem->curve[i] = gentle ? bend(z) : 0.5 * half;
        problem->by_steepness[i] = derivative * z;
        problem->by_centre[i] = -derivative * steepness;
    }
}

/* Height and residual of a shape; what it takes for the next step, once it is the best. */
static void evaluate(struct problem *problem, struct point *point)
{
    double offset, slope;
    draw_curve(problem, point);
    const double whole = product(problem, problem->curve, problem->curve);
    take_line_off(problem, problem->curve, &offset, &slope);
    point->offset += offset;
    point->slope += slope;
    const double own = product(problem, problem->curve, problem->curve);
    point->height = own > 1e-24 * whole ? product(problem, problem->curve, problem->rest) / own : 0;
    for (size_t i = 0; i < problem->count; i++)
        problem->residual[i] = problem->rest[i] - point->height * problem->curve[i];
    point->squares = product(problem, problem->residual, problem->residual);
}

/* After evaluate(): the two derivatives without what the linear parameters make up for. */
static void linearise(struct problem *problem, struct point *point)
{
    double *const columns[2] = {problem->by_steepness, problem->by_centre};
    const double own = product(problem, problem->curve, problem->curve);
    double unused;
    for (int k = 0; k < 2; k++) {
        take_line_off(problem, columns[k], &unused, &unused);
        const double part = own > 0 ? product(problem, columns[k], problem->curve) / own : 0;
        for (size_t i = 0; i < problem->count; i++)
            columns[k][i] = point->height * (columns[k][i] - part * problem->curve[i]);
        point->descent[k] = product(problem, columns[k], problem->residual);
    }
    point->curvature[0][0] = product(problem, columns[0], columns[0]);
    point->curvature[1][1] = product(problem, columns[1], columns[1]);
    point->curvature[0][1] = point->curvature[1][0] = product(problem, columns[0], columns[1]);
}

/* The damped step from a point, and the gain that it promises; false where it has none. */
static bool next_shape(const struct point *from, double damping, struct shape *shape,
                       double *promise)
{
    const double a = from->curvature[0][0] * (1 + damping) + 1e-300;
    const double d = from->curvature[1][1] * (1 + damping) + 1e-300;
    const double b = from->curvature[0][1], determinant = a * d - b * b;
    if (!(determinant > 0))
        return false;
    double up = (d * from->descent[0] - b * from->descent[1]) / determinant;
    double right = (a * from->descent[1] - b * from->descent[0]) / determinant;
    if (!isfinite(up) || !isfinite(right))
        return false;
    const double least = log(steepness_min), most = log(steepness_max);
    if (up < 0 ? from->shape.log_steepness <= least : from->shape.log_steepness >= most) {
        up = 0; /* at the end of what is looked at: the centre alone */
        right = from->descent[1] / d;
    }
    *promise = up * from->descent[0] + right * from->descent[1];
    /* A step of more than a factor e of steepness, or three deviations, is a leap in the dark. */
    shape->log_steepness =
        fmin(fmax(from->shape.log_steepness + fmin(fmax(up, -1), 1), least), most);
    shape->centre = from->shape.centre + fmin(fmax(right, -3), 3);
    return true;
}

static void descend(struct problem *problem, struct point *best, double enough)
{
    double damping = 1e-3, promise;
    evaluate(problem, best);
    linearise(problem, best);
    for (int step = 0; step < steps_max && damping < 1e12; step++) {
        struct point next = *best;
        if (!next_shape(best, damping, &next.shape, &promise)) {
            damping *= 10;
            continue;
        }
        if (!(promise > enough * best->squares))
            break;
        evaluate(problem, &next);
        if (!(next.squares < best->squares)) {
            damping *= 10;
            continue;
        }
        linearise(problem, &next);
        *best = next;
        damping = fmax(damping / 10, 1e-12);
    }
}

static double mean_of(const double *values, const struct problem *problem)
{
    double sum = 0;
    for (size_t i = 0; i < problem->count; i++)
        sum += problem->weight[i] * values[i];
    return sum / problem->total;
}

/* Shifts and scales to mean 0 and variance 1; false if all values are equal. */
static bool standardise(struct problem *problem, double *values, double *mean, double *deviation)
{
    double least = values[0], most = values[0];
    for (size_t i = 1; i < problem->count; i++) {
        least = fmin(least, values[i]);
        most = fmax(most, values[i]);
    }
    *mean = mean_of(values, problem);
    for (size_t i = 0; i < problem->count; i++)
        values[i] -= *mean;
    *deviation = sqrt(product(problem, values, values) / problem->total);
    if (!(least < most) || !(*deviation > 0) || !isfinite(*deviation))
        return false;
    for (size_t i = 0; i < problem->count; i++)
        values[i] /= *deviation;
    return true;
}

/* Pairs that count; problem->memory is to be freed in any case. */
static bool set_up(struct problem *problem, const double *x, const double *y, const uint32_t *times,
                   size_t count)
{
    memset(problem, 0, sizeof *problem);
    double *next = problem->memory = reallocate(NULL, 8 * count + 1, sizeof *next);
    double **const arrays[8] = {&problem->x,         &problem->y,       &problem->weight,
                                &problem->rest,      &problem->curve,   &problem->by_steepness,
                                &problem->by_centre, &problem->residual};
    for (int i = 0; i < 8; i++, next += count)
        *arrays[i] = next;
    for (size_t i = 0; i < count; i++) {
        if (times && !times[i])
            continue;
        problem->x[problem->count] = x[i];
        problem->y[problem->count] = y[i];
        problem->weight[problem->count++] = times ? (double)times[i] : 1;
        problem->total += times ? (double)times[i] : 1;
    }
    if (problem->count < pairs_min ||
        !standardise(problem, problem->x, &problem->x_mean, &problem->x_deviation) ||
        !standardise(problem, problem->y, &problem->y_mean, &problem->y_deviation))
        return false;
    memcpy(problem->rest, problem->y, problem->count * sizeof *problem->rest);
    double offset;
    take_line_off(problem, problem->rest, &offset, &problem->slope);
    return true;
}

/* From the usual beginnings: a gentle to a steep S, below, at and above the middle. */
static struct point search(struct problem *problem)
{
    static const double steepness[] = {0.5, 1.5, 5}, centres[] = {-1, 0, 1};
    struct point best = {.squares = INFINITY};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            struct point point = {.shape = {log(steepness[i]), centres[j]}};
            descend(problem, &point, enough_for_all);
            if (point.squares < best.squares)
                best = point;
        }
    return best;
}

bool logistic_fit(const double *x, const double *y, const uint32_t *times, size_t count,
                  const struct logistic *near, struct logistic *fitted)
{
    struct problem problem;
    const bool possible = set_up(&problem, x, y, times, count);
    if (possible) {
        struct point best;
        if (near) {
            best.shape.log_steepness = log(near->b2 * problem.x_deviation);
            best.shape.centre = (near->b3 - problem.x_mean) / problem.x_deviation;
            descend(&problem, &best, enough_for_a_draw);
        } else {
            best = search(&problem);
        }
        const double scale = problem.y_deviation;
        fitted->b1 = scale * best.height;
        fitted->b2 = exp(best.shape.log_steepness) / problem.x_deviation;
        fitted->b3 = problem.x_mean + problem.x_deviation * best.shape.centre;
        fitted->b4 = scale * (problem.slope - best.height * best.slope) / problem.x_deviation;
        fitted->b5 =
            problem.y_mean - scale * best.height * best.offset - fitted->b4 * problem.x_mean;
        /* f is a projection of y: what it leaves is at right angles to it. */
        const double left = best.squares / problem.total;
        fitted->rmse = scale * sqrt(left);
        fitted->plcc = sqrt(fmax(0, 1 - left));
    }
    free(problem.memory);
    return possible;
}

double logistic_value(const struct logistic *curve, double x)
{
    return curve->b1 * 0.5 * tanh(0.5 * curve->b2 * (x - curve->b3)) + curve->b4 * x + curve->b5;
}
