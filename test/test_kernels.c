/*
 * test_kernels.c - every kernel of every set that this machine has: checked, and with --bench
 * timed.
 *
 * usage: test_kernels [--set NAME] [--kernel PART_OF_ITS_NAME] [--bench [--rounds N]] [SEED]
 *
 * Each check begins with numbers that depend on the seed and its own name alone, so that it can be
 * repeated by itself.  One that dies of a signal fails; the others go on.  Nothing is timed unless
 * all checks passed.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernel_check.h"
#include "kernels/kernel_timing.h"

static const struct kernel_check *const tables[] = {
    gemm_checks,   gemm_rounded_checks, attention_checks, row_checks,
    number_checks, winograd_checks,     pixel_checks};

/* One check of one set. */
struct run {
    char name[80];
    const struct kernel_check *check;
    const kernel_set *set;
};

/* ---------------------------------------------------------------------------------- dispatch */

static void dispatch(void **state)
{
    (void)state;
    size_t count = 0;
    bool reference = false;
    for (; kernel_set_at(count); count++) {
        const kernel_set *set = kernel_set_at(count);
        assert_ptr_equal(kernel_set_find(set->name), set);
        reference = reference || strcmp(set->name, "reference") == 0;
        assert_int_equal(set->fixed_shape, strstr(set->name, "openblas") != NULL);
        for (size_t other = 0; other < count; other++)
            assert_string_not_equal(set->name, kernel_set_at(other)->name);
    }
    assert_true(reference);
    assert_null(kernel_set_at(count + 1));
    assert_null(kernel_set_at((size_t)-1));
    assert_ptr_equal(kernel_set_find(NULL), kernel_set_at(0));
    assert_null(kernel_set_find("abacus"));
    assert_null(kernel_set_find(""));
}

/* ---------------------------------------------------------------------------------- checking */

static sigjmp_buf before_check;
static volatile sig_atomic_t caught;

static void catch_signal(int number)
{
    caught = number;
    siglongjmp(before_check, 1);
}

static void run_check(void **state)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    const struct run *run = *state;
    struct sigaction action = {.sa_handler = catch_signal};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL); /* after each test cmocka takes its own away */
    if (sigsetjmp(before_check, 1) == 0) {
        random_restart(run->name);
        run->check->check(run->set);
    } else {
        fail_msg("%s died of signal %d", run->name, (int)caught);
    }
}

static int run_checks(const struct run *runs, size_t count)
{
    struct CMUnitTest *tests = calloc(count + 1, sizeof *tests);
    if (!tests)
        return 1;
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){
            .name = runs[i].name, .test_func = run_check, .initial_state = (void *)&runs[i]};
    tests[count] = (struct CMUnitTest)cmocka_unit_test(dispatch);
    const int failed = _cmocka_run_group_tests("kernels", tests, count + 1, NULL, NULL);
    free(tests);
    return failed;
}

/* Sets in turns, so that what slows the machine down for a while hits all of them. */
static void time_runs(const struct run *runs, size_t count, int rounds)
{
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < count; i++)
            if (runs[i].check->time) {
                timing_of(runs[i].check, runs[i].set);
                random_restart(runs[i].name);
                runs[i].check->time(runs[i].set);
            }
    print_timings();
}

/* ----------------------------------------------------------------------------------- options */

struct options {
    const char *set, *kernel, *seed;
    int rounds; /* 0: no timing */
};

static int read_options(struct options *options, int count, char **arguments)
{
    bool bench = false;
    int rounds = 3;
    for (int i = 1; i < count; i++) {
        const char *next = i + 1 < count ? arguments[i + 1] : NULL;
        if (strcmp(arguments[i], "--bench") == 0)
            bench = true;
        else if (strcmp(arguments[i], "--set") == 0 && next)
            options->set = arguments[++i];
        else if (strcmp(arguments[i], "--kernel") == 0 && next)
            options->kernel = arguments[++i];
        else if (strcmp(arguments[i], "--rounds") == 0 && next)
            rounds = atoi(arguments[++i]);
        else if (arguments[i][0] != '-')
            options->seed = arguments[i];
        else
            return 0;
    }
    options->rounds = bench ? rounds : 0;
    return 1;
}

/* What the options ask for, by kernel and in it by set. */
static size_t find_runs(struct run *runs, size_t most, const struct options *options)
{
    size_t count = 0;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct kernel_check *check = tables[t]; check->name; check++)
            for (size_t s = 0; checked_set_at(s) && count < most; s++) {
                const kernel_set *set = checked_set_at(s);
                if ((options->set && strcmp(set->name, options->set) != 0) ||
                    (options->kernel && !strstr(check->name, options->kernel)) ||
                    (check->suits && !check->suits(set)))
                    continue;
                struct run *run = &runs[count++];
                *run = (struct run){.check = check, .set = set};
                snprintf(run->name, sizeof run->name, "%s, %s", check->name, set->name);
            }
    return count;
}

int main(int count, char **arguments)
{
    static struct run runs[1000];
    struct options options = {0};
    if (!read_options(&options, count, arguments)) {
        fprintf(stderr,
                "usage: %s [--set NAME] [--kernel PART_OF_ITS_NAME] "
                "[--bench [--rounds N]] [SEED]\n",
                arguments[0]);
        return 2;
    }
    const size_t selected = find_runs(runs, sizeof runs / sizeof *runs, &options);
    if (!selected) {
        fprintf(stderr, "%s: no such kernel or set here\n", arguments[0]);
        return 2;
    }
    random_start(options.seed);
    const int failed = run_checks(runs, selected);
    if (!failed)
        time_runs(runs, selected, options.rounds);
    return failed != 0;
}
