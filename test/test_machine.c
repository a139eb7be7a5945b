/*
 * test_machine.c - quotas of control groups, from files as Linux has them under /proc and /sys.
 */
#include "machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void make_directory(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(root, "/tmp/test_machine.XXXXXX");
    assert_non_null(mkdtemp(root));
    make_directory("outer");
    make_directory("outer/inner");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

/* What is left of 64 processors. */
static uint32_t processors_of(const char *membership)
{
    char path[128];
    write_file("membership", membership);
    snprintf(path, sizeof path, "%s/membership", root);
    return machine_group_processors(path, root, 64);
}

static void the_smallest_quota_around_counts(void **state)
{
    (void)state;
    static const char inner[] = "12:cpu:/elsewhere\n0::/outer/inner\n";
    write_file("outer/cpu.max", "max 100000\n");
    write_file("outer/inner/cpu.max", "max 100000\n");
    assert_int_equal(processors_of(inner), 64);
    write_file("outer/inner/cpu.max", "300000 100000\n");
    assert_int_equal(processors_of(inner), 3);
    assert_int_equal(processors_of("0::/outer\n"), 64);
    write_file("outer/cpu.max", "200000 100000\n");
    assert_int_equal(processors_of(inner), 2);
    assert_int_equal(processors_of("0::/outer\n"), 2);
    write_file("outer/cpu.max", "99999999 100000\n");
    assert_int_equal(processors_of(inner), 3);
    assert_int_equal(processors_of("0::/\n"), 64);
    write_file("cpu.max", "100000 100000\n"); /* a container sees its own group as the root */
    assert_int_equal(processors_of("0::/\n"), 1);
    assert_int_equal(processors_of(inner), 1);
}

static void parts_of_a_processor_are_rounded_up(void **state)
{
    (void)state;
    write_file("cpu.max", "150000 100000\n");
    assert_int_equal(processors_of("0::/\n"), 2);
    write_file("cpu.max", "1000 100000\n");
    assert_int_equal(processors_of("0::/\n"), 1);
    write_file("cpu.max", "0 100000\n");
    assert_int_equal(processors_of("0::/\n"), 1);
}

static void what_makes_no_sense_bounds_nothing(void **state)
{
    (void)state;
    static const char *const quotas[] = {"", "\n", "100000", "x y", "100000 0\n"};
    for (size_t i = 0; i < sizeof quotas / sizeof quotas[0]; i++) {
        write_file("cpu.max", quotas[i]);
        assert_int_equal(processors_of("0::/\n"), 64);
    }
    write_file("cpu.max", "100000 100000\n");
    assert_int_equal(processors_of(""), 64);
    assert_int_equal(processors_of("12:cpu:/outer\n"), 64); /* version 1 */
    assert_int_equal(machine_group_processors("/nowhere", root, 64), 64);
}

static void this_machine_has_a_processor(void **state)
{
    (void)state;
    assert_in_range(machine_processors(), 1, 1 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_quota_around_counts),
        cmocka_unit_test(parts_of_a_processor_are_rounded_up),
        cmocka_unit_test(what_makes_no_sense_bounds_nothing),
        cmocka_unit_test(this_machine_has_a_processor),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
