/*
 * test_pickle.c - pickles written by hand, one opcode at a time: plain values come out, and
 * programs that no torch.save would write are refused with the reason.
 */
#include "pickle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qualiclip.h"

static struct value_pool pool;
static char message[QC_MESSAGE_SIZE];

static int no_pool(void **state)
{
    (void)state;
    pool_free(&pool);
    pool = (struct value_pool){0};
    message[0] = 0;
    return 0;
}

#define READ(literal)                                                                              \
    pickle_read((const unsigned char *)(literal), sizeof(literal) - 1, "x", &pool, message)

static void plain_values_come_out(void **state)
{
    (void)state;
    /* {"a": [1, None, True]} */
    struct value *value = READ("\x80\x02}X\x01\0\0\0a](K\x01N\x88"
                               "es.");
    assert_non_null(value);
    assert_int_equal(value->kind, VALUE_DICT);
    assert_int_equal(value->sequence.count, 2);
    assert_string_equal(value->sequence.items[0]->string, "a");
    struct value *list = value->sequence.items[1];
    assert_int_equal(list->kind, VALUE_LIST);
    assert_int_equal(list->sequence.count, 3);
    assert_int_equal(list->sequence.items[0]->integer, 1);
    assert_int_equal(list->sequence.items[1]->kind, VALUE_NONE);
    assert_true(list->sequence.items[2]->truth);
}

static void foreign_globals_are_named(void **state)
{
    (void)state;
    assert_null(READ("\x80\x02"
                     "cos\nsystem\nX\x02\0\0\0id\x85R."));
    assert_non_null(strstr(message, "os.system"));
    no_pool(NULL);
    assert_null(READ("\x80\x04\x8c\x08"
                     "builtins\x8c\x04"
                     "exec\x93."));
    assert_non_null(strstr(message, "builtins.exec"));
    no_pool(NULL);
    assert_null(READ("\x80\x02"
                     "ctorch._utils\n_rebuild_anything\n."));
    assert_non_null(strstr(message, "_rebuild_anything"));
}

/* A list that holds itself is a graph, not a tree: no reader may follow it for ever. */
static void cycles_do_no_harm(void **state)
{
    (void)state;
    struct value *value = READ("\x80\x02]q\0h\0a.");
    if (value)
        assert_ptr_equal(value->sequence.items[0], value);
    else
        assert_true(message[0]);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    enum { DEPTH = 4000000 };
    unsigned char *deep = malloc(DEPTH + 3);
    assert_non_null(deep);
    deep[0] = 0x80, deep[1] = 2;
    memset(deep + 2, ']', DEPTH); /* as many lists on the stack */
    deep[DEPTH + 2] = '.';
    struct value *value = pickle_read(deep, DEPTH + 3, "x", &pool, message);
    assert_null(value);
    assert_true(message[0]);
    no_pool(NULL);
    memset(deep + 2, '(', DEPTH); /* as many marks */
    assert_null(pickle_read(deep, DEPTH + 3, "x", &pool, message));
    assert_true(message[0]);
    free(deep);
}

static void broken_programs_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } programs[] = {
#define PROGRAM(literal) {literal, sizeof(literal) - 1}
        PROGRAM(""),          /* nothing */
        PROGRAM("\x80\x02"),  /* no end */
        PROGRAM("\x80\x02."), /* nothing on the stack */
        PROGRAM("\x80\x02"
                "a."), /* append to nothing */
        PROGRAM("\x80\x02"
                "s."), /* set in nothing */
        PROGRAM("\x80\x02"
                "e."), /* no mark */
        PROGRAM("\x80\x02"
                "h\x05."), /* nothing remembered there */
        PROGRAM("\x80\x02"
                "j\xff\xff\xff\x7f."), /* ... nor there */
        PROGRAM("\x80\x02X\xff\xff\xff\xff"
                "a."), /* a string longer than the file */
        PROGRAM("\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
                "a."),                          /* 2^64 - 1 bytes */
        PROGRAM("\x80\x02K\x01K\x01R."),        /* call of a number */
        PROGRAM("\x80\x02]K\x01Q."),            /* persistent id of a wrong form */
        PROGRAM("\x80\x02\xff."),               /* no such opcode */
        PROGRAM("\x80\x7f}."),                  /* no such protocol */
        PROGRAM("\x80\x02}q\xff\xff"),          /* cut after an operand */
        PROGRAM("\x80\x02r\xff\xff\xff\xff."),  /* remember nothing at 2^32 - 1 */
        PROGRAM("\x80\x02}r\xff\xff\xff\xff."), /* remember something at 2^32 - 1 */
    };
    for (size_t i = 0; i + 1 < sizeof programs / sizeof programs[0]; i++) {
        no_pool(NULL);
        if (pickle_read((const unsigned char *)programs[i].bytes, programs[i].size, "x", &pool,
                        message))
            fail_msg("program %zu was read", i);
        assert_true(message[0]);
    }
    /* The last may be read or refused, but must not ask for memory by the billion. */
    size_t last = sizeof programs / sizeof programs[0] - 1;
    no_pool(NULL);
    pickle_read((const unsigned char *)programs[last].bytes, programs[last].size, "x", &pool,
                message);
    assert_true(pool.total < 100u << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(plain_values_come_out, no_pool),
        cmocka_unit_test_teardown(foreign_globals_are_named, no_pool),
        cmocka_unit_test_teardown(cycles_do_no_harm, no_pool),
        cmocka_unit_test_teardown(depth_is_bounded, no_pool),
        cmocka_unit_test_teardown(broken_programs_are_refused, no_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
