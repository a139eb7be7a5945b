/*
 * test_train_adamw.c - AdamW and the clipping of gradients are PyTorch's.
 *
 * The numbers are those that test/reference/make_adamw_golden.py prints.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "train/adamw.h"
#include "train/student.h"

#define STEPS 3
#define COUNT 4
#define LIMIT 2.0

static const double rates[STEPS] = {0.01, 0.03, 0.002};
static const float gradients[STEPS][COUNT] = {
    {0.5f, -1, 0, 1e-6f}, {3, 4, -12, 1e-6f}, {-0.25f, 0.125f, 0, -2e-6f}};
static const double norms[STEPS] = {1.11803399, 13, 0.279508497};
static const double expected[STEPS][COUNT] = {
    {0.989, -1.988, 0.4995, -0.0099009901},
    {0.956119482, -1.97662278, 0.520325605, -0.0328144858},
    {0.954922316, -1.97608543, 0.521371979, -0.0322129954}};

static void steps_are_those_of_pytorch(void **state)
{
    (void)state;
    float values[COUNT] = {1, -2, 0.5f, 0}, gradient[COUNT], kept[1] = {7};
    struct tower_parameter parameters[] = {
        {.name = "kept", .dimensions = 1, .shape = {1}, .count = 1, .values = kept},
        {.name = "learns",
         .dimensions = 1,
         .shape = {COUNT},
         .count = COUNT,
         .values = values,
         .gradient = gradient}};
    struct student student = {.parameters = parameters, .count = 2};
    struct adamw adamw;
    adamw_create(&adamw, parameters, 2, 0.1);
    for (size_t i = 0; i < STEPS; i++) {
        memcpy(gradient, gradients[i], sizeof gradient);
        const double norm = student_clip(&student, LIMIT);
        assert_true(fabs(norm - norms[i]) < 1e-6 * norms[i]);
        adamw_step(&adamw, rates[i]);
        for (size_t k = 0; k < COUNT; k++)
            if (!(fabs((double)values[k] - expected[i][k]) < 1e-6))
                fail_msg("step %zu, value %zu: %.9g, expected %.9g", i, k, (double)values[k],
                         expected[i][k]);
    }
    assert_int_equal(adamw.steps, STEPS);
    assert_true(kept[0] == 7);
    adamw_free(&adamw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(steps_are_those_of_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
