/*
 * arithmetic.c - series and Newton's method.
 */
#include "arithmetic.h"

double exponential(double x)
{
    if (x < -700)
        return 0;
    /* The series where it is short, and then ten times the square. */
    const double small = x / 1024;
    double sum = 1;
    for (int i = 12; i > 0; i--)
        sum = 1 + small * sum / i;
    for (int i = 0; i < 10; i++)
        sum *= sum;
    return sum;
}

/* Taylor's series, to beyond a double's precision at pi / 2 on either side of 0. */
double sine(double angle)
{
    const double pi = 3.14159265358979323846;
    const double x = angle > pi / 2 ? pi - angle : angle;
    double sum = 1;
    for (int i = 24; i > 0; i -= 2)
        sum = 1 - x * x / (i * (i + 1.0)) * sum;
    return x * sum;
}

double cosine(double angle)
{
    const double x = angle;
    double sum = 1;
    for (int i = 31; i > 0; i -= 2)
        sum = 1 - x * x / (i * (i + 1.0)) * sum;
    return sum;
}

double fifth_root(double x)
{
    if (x <= 0)
        return 0;
    double root = x > 1 ? x : 1; /* from above, so that it only falls */
    for (int i = 0; i < 200; i++) {
        const double fourth = root * root * root * root;
        const double next = root - (root - x / fourth) / 5;
        if (next >= root)
            break;
        root = next;
    }
    return root;
}
