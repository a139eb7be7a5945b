/*
 * test_pickle.c - pickles put together by hand: what they mean, and that no sequence of
 * instructions executes, overruns or exhausts anything.
 */
#include "pickle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define STORAGE "torch\nFloatStorage\n"
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n"

static char message[QC_MESSAGE_SIZE];

/* ---------------------------------------------------------------------------------- programs */

struct program {
    unsigned char *bytes;
    size_t size, capacity;
};

static void add(struct program *program, const void *bytes, size_t size)
{
    if (size > program->capacity - program->size) {
        program->capacity = 2 * (program->capacity + size);
        program->bytes = realloc(program->bytes, program->capacity);
        assert_non_null(program->bytes);
    }
    memcpy(program->bytes + program->size, bytes, size);
    program->size += size;
}

/* Instructions without a zero byte in them. */
static void code(struct program *program, const char *instructions)
{
    add(program, instructions, strlen(instructions));
}

static void string(struct program *program, const char *text)
{
    const unsigned char start[] = {'X', (unsigned char)strlen(text), 0, 0, 0};
    add(program, start, sizeof start);
    code(program, text);
}

/* LONG1 of eight bytes. */
static void integer(struct program *program, int64_t value)
{
    unsigned char bytes[10] = {0x8a, 8};
    for (int i = 0; i < 8; i++)
        bytes[2 + i] = (unsigned char)((uint64_t)value >> (8 * i));
    add(program, bytes, sizeof bytes);
}

struct layout {
    int64_t elements, offset;
    size_t dimensions;
    int64_t shape[10], stride[10];
};

static void tuple(struct program *program, const int64_t *values, size_t count)
{
    code(program, "(");
    for (size_t i = 0; i < count; i++)
        integer(program, values[i]);
    code(program, "t");
}

/* A dict with the key "w" for a tensor. */
static struct program tensor_program(const struct layout *layout)
{
    struct program program = {0};
    code(&program, "\x80\x02}");
    string(&program, "w");
    code(&program, REBUILD "((");
    string(&program, "storage");
    code(&program, "c" STORAGE);
    string(&program, "17");
    string(&program, "cpu");
    integer(&program, layout->elements);
    code(&program, "tQ");
    integer(&program, layout->offset);
    tuple(&program, layout->shape, layout->dimensions);
    tuple(&program, layout->stride, layout->dimensions);
    code(&program, "\x89"
                   "ccollections\nOrderedDict\n)RtRs.");
    return program;
}

/* ------------------------------------------------------------------------------------ running */

/* From a block of exactly this size, so that a sanitizer sees a read beyond it. */
static struct value *run(const void *bytes, size_t size, struct value_pool *pool)
{
    unsigned char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    strcpy(message, "no message");
    struct value *value = pickle_read(copy, size, "test", pool, message);
    free(copy);
    return value;
}

static void expect_refusal(const void *bytes, size_t size, const char *reason)
{
    struct value_pool pool = {0};
    if (run(bytes, size, &pool))
        fail_msg("accepted; expected: %s", reason);
    if (!strstr(message, reason))
        fail_msg("\"%s\" does not say \"%s\"", message, reason);
    pool_free(&pool);
}

#define EXPECT_REFUSAL(literal, reason) expect_refusal(literal, sizeof literal - 1, reason)

static void expect_program_refusal(struct program *program, const char *reason)
{
    expect_refusal(program->bytes, program->size, reason);
    free(program->bytes);
}

static void expect_layout_refusal(struct layout layout, const char *reason)
{
    struct program program = tensor_program(&layout);
    expect_program_refusal(&program, reason);
}

/* The value of the only key of a dict. */
static struct value *only_value(struct value *dict)
{
    if (!dict)
        fail_msg("%s", message);
    assert_int_equal(dict->kind, VALUE_DICT);
    assert_int_equal(dict->sequence.count, 2);
    return dict->sequence.items[1];
}

/* -------------------------------------------------------------------------------------- tests */

static void plain_values_are_read(void **state)
{
    (void)state;
    static const char bytes[] = "\x80\x05\x95\0\0\0\0\0\0\0\0(K\xff"
                                "M\x34\x12"
                                "J\xfe\xff\xff\xff"
                                "\x8a\x02\x00\xff"
                                "\x8a\x00"
                                "\x8b\x03\0\0\0\x01\x00\x80"
                                "\x8a\x09\0\0\0\0\0\0\0\0\x01"
                                "G\xbf\xf8\0\0\0\0\0\0"
                                "\x88\x89N"
                                "\x8c\x02hi"
                                "U\x01z"
                                "\x8d\x01\0\0\0\0\0\0\0y"
                                "C\x02\0\0"
                                "]K\x01"
                                "a(K\x02K\x03"
                                "e"
                                "K\x07\x85"
                                "}l.";
    struct value_pool pool = {0};
    struct value *list = run(bytes, sizeof bytes - 1, &pool);
    if (!list)
        fail_msg("%s", message);
    assert_int_equal(list->kind, VALUE_LIST);
    assert_int_equal(list->sequence.count, 18);
    struct value **items = list->sequence.items;
    const int64_t integers[] = {255, 0x1234, -2, -256, 0, -8388607};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(items[i]->kind, VALUE_INTEGER);
        assert_true(items[i]->integer == integers[i]);
    }
    assert_int_equal(items[6]->kind, VALUE_OPAQUE); /* 2^64 */
    assert_int_equal(items[7]->kind, VALUE_FLOAT);
    assert_true(items[7]->number == -1.5);
    assert_true(items[8]->kind == VALUE_BOOL && items[8]->truth);
    assert_true(items[9]->kind == VALUE_BOOL && !items[9]->truth);
    assert_int_equal(items[10]->kind, VALUE_NONE);
    assert_string_equal(items[11]->string, "hi");
    assert_string_equal(items[12]->string, "z");
    assert_string_equal(items[13]->string, "y");
    assert_int_equal(items[14]->kind, VALUE_OPAQUE);
    assert_int_equal(items[15]->sequence.count, 3);
    assert_true(items[15]->sequence.items[2]->integer == 3);
    assert_int_equal(items[16]->kind, VALUE_TUPLE);
    assert_true(items[16]->sequence.items[0]->integer == 7);
    assert_int_equal(items[17]->kind, VALUE_DICT);
    pool_free(&pool);
}

static void tensors_keep_offset_and_strides(void **state)
{
    (void)state;
    const struct layout layout = {30, 5, 2, {4, 3}, {1, 8}};
    struct program program = tensor_program(&layout);
    struct value_pool pool = {0};
    struct value *value = only_value(run(program.bytes, program.size, &pool));
    assert_int_equal(value->kind, VALUE_TENSOR);
    const struct tensor *tensor = value->tensor;
    assert_int_equal(tensor->type, ELEMENT_F32);
    assert_string_equal(tensor->storage_key, "17");
    assert_true(tensor->storage_count == 30 && tensor->offset == 5 && tensor->count == 12);
    assert_int_equal(tensor->dimensions, 2);
    assert_true(tensor->shape[0] == 4 && tensor->shape[1] == 3);
    assert_true(tensor->stride[0] == 1 && tensor->stride[1] == 8);
    pool_free(&pool);
    free(program.bytes);
}

static void foreign_names_are_refused_by_name(void **state)
{
    (void)state;
    const char *const victim = "pickle_test_was_executed";
    unlink(victim);
    EXPECT_REFUSAL("\x80\x02"
                   "cos\nsystem\nX\x1e\0\0\0touch pickle_test_was_executed\x85R.",
                   "os.system is not allowed");
    EXPECT_REFUSAL("\x80\x02"
                   "c__builtin__\neval\nX\x03\0\0\0"
                   "1+1\x85R.",
                   "__builtin__.eval");
    EXPECT_REFUSAL("\x80\x04\x8c\x08"
                   "builtins\x8c\x04"
                   "eval\x93.",
                   "builtins.eval");
    EXPECT_REFUSAL("\x80\x02"
                   "ccollections\ndefaultdict\n)R.",
                   "collections.defaultdict");
    EXPECT_REFUSAL("\x80\x02"
                   "ctorch\nload\n.",
                   "torch.load");
    EXPECT_REFUSAL("\x80\x02"
                   "ctorch.nn\nFloatStorage\n.",
                   "torch.nn.FloatStorage");
    /* A name may hold anything; what is said of it must not steer a terminal. */
    EXPECT_REFUSAL("\x80\x02"
                   "cos\x1b[2J\nsys\x07tem\n.",
                   "os?[2J.sys?tem");
    assert_int_not_equal(access(victim, F_OK), 0);
}

static void other_ways_to_call_are_refused(void **state)
{
    (void)state;
    EXPECT_REFUSAL("(X\x02\0\0\0lsios\nsystem\n.", "instruction 0x69");          /* INST */
    EXPECT_REFUSAL("(ccollections\nOrderedDict\no.", "instruction 0x6f");        /* OBJ */
    EXPECT_REFUSAL("ccollections\nOrderedDict\n)\x81.", "not a module's class"); /* NEWOBJ */
    EXPECT_REFUSAL("ccollections\nOrderedDict\n)}\x92.", "instruction 0x92");    /* NEWOBJ_EX */
    EXPECT_REFUSAL("\x82\x01.", "instruction 0x82");                             /* EXT1 */
    EXPECT_REFUSAL("K\x01)R.", "not a function");
    EXPECT_REFUSAL("ccollections\nOrderedDict\nK\x01R.", "not a function with arguments");
    EXPECT_REFUSAL("ccollections\nOrderedDict\nK\x01\x85R.", "OrderedDict is called with");
    EXPECT_REFUSAL("c" STORAGE ")R.", "called as a function");
    EXPECT_REFUSAL("]}b.", "not a dict");
    EXPECT_REFUSAL("}]b.", "not a dict");
    EXPECT_REFUSAL("K\x01Q.", "persistent id");
    EXPECT_REFUSAL("(K\x01K\x01K\x01K\x01K\x01tQ.", "persistent id");
    EXPECT_REFUSAL(REBUILD ")R.", "_rebuild_tensor_v2");
    EXPECT_REFUSAL(REBUILD "(NK\x01))NNtR.", "_rebuild_tensor_v2");
    EXPECT_REFUSAL("ctorch._utils\n_rebuild_parameter\nN\x85R.", "_rebuild_parameter");
}

static void malformed_programs_are_refused(void **state)
{
    (void)state;
    EXPECT_REFUSAL("", "ends without STOP");
    EXPECT_REFUSAL("\x80\x02}", "ends without STOP");
    EXPECT_REFUSAL("\x80\x01}.", "protocol");
    EXPECT_REFUSAL("\x80\x06}.", "protocol");
    EXPECT_REFUSAL(".", "empty stack");
    EXPECT_REFUSAL("0.", "empty stack");
    EXPECT_REFUSAL("N(0.", "empty stack"); /* below the mark */
    EXPECT_REFUSAL("N(\x85.", "empty stack");
    EXPECT_REFUSAL("}N(s.", "empty stack");
    EXPECT_REFUSAL("t.", "mark");
    EXPECT_REFUSAL("u.", "mark");
    EXPECT_REFUSAL("(u.", "empty stack");
    EXPECT_REFUSAL("}(Nu.", "key without a value");
    EXPECT_REFUSAL("(Nd.", "key without a value");
    EXPECT_REFUSAL("](NNu.", "not a dict");
    EXPECT_REFUSAL("}(Ne.", "not a list");
    EXPECT_REFUSAL("h\x05.", "not remembered");
    EXPECT_REFUSAL("j\xff\xff\xff\xff.", "not remembered");
    EXPECT_REFUSAL("q\x01.", "empty stack");
    EXPECT_REFUSAL("Nr\xff\xff\xff\xff.", "memo");
    EXPECT_REFUSAL("X\xff\xff\xff\xff"
                   "abc.",
                   "middle of an instruction");
    EXPECT_REFUSAL("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
                   "abc.",
                   "middle of an instruction");
    EXPECT_REFUSAL("\x8b\xff\xff\xff\xff.", "middle of an instruction");
    EXPECT_REFUSAL("\x8c\x02"
                   "a\0\x8c\1b\x93.",
                   "a global's name is not a string");
    EXPECT_REFUSAL("cos", "cut short");
    EXPECT_REFUSAL("cos\n", "cut short");
    EXPECT_REFUSAL("NN\x93.", "not a string");
}

static void impossible_tensors_are_refused(void **state)
{
    (void)state;
    const int64_t high = INT64_C(1) << 47, largest = INT64_MAX;
    const char *const beyond = "beyond its storage 17";
    const char *const range = "not an integer from 0 to 2^48";
    expect_layout_refusal((struct layout){11, 0, 2, {4, 3}, {3, 1}}, beyond);
    expect_layout_refusal((struct layout){12, 1, 2, {4, 3}, {3, 1}}, beyond);
    expect_layout_refusal((struct layout){12, 0, 2, {4, 3}, {4, 1}}, beyond);
    expect_layout_refusal((struct layout){0, 0, 0, {0}, {0}}, beyond);
    expect_layout_refusal((struct layout){5, high, 1, {1}, {1}}, beyond);
    expect_layout_refusal((struct layout){high, 0, 2, {high, high}, {1, 0}}, beyond);
    expect_layout_refusal((struct layout){high, 0, 2, {high, high}, {0, 0}}, beyond);
    expect_layout_refusal((struct layout){high, 0, 3, {high, 2, 4}, {0, 0, 0}}, beyond);
    expect_layout_refusal((struct layout){high, 0, 2, {3, 3}, {2 * high, 2 * high}}, beyond);
    expect_layout_refusal((struct layout){12, 0, 1, {4}, {-1}}, range);
    expect_layout_refusal((struct layout){12, -1, 1, {4}, {1}}, range);
    expect_layout_refusal((struct layout){12, 0, 1, {-4}, {1}}, range);
    expect_layout_refusal((struct layout){12, 0, 1, {largest}, {1}}, range);
    expect_layout_refusal((struct layout){12, 0, 1, {2}, {largest}}, range);
    expect_layout_refusal((struct layout){12, largest, 1, {1}, {1}}, range);
    expect_layout_refusal((struct layout){-1, 0, 1, {1}, {1}}, "size of a storage");
    expect_layout_refusal((struct layout){largest, 0, 1, {1}, {1}}, "size of a storage");
    expect_layout_refusal((struct layout){1, 0, 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {0}},
                          "more than 8 dimensions");
}

static void the_smallest_possible_tensors_are_accepted(void **state)
{
    (void)state;
    const struct layout layouts[] = {
        {12, 0, 2, {4, 3}, {3, 1}}, /* ends with the storage */
        {1, 0, 2, {4, 3}, {0, 0}},  /* one number, repeated */
        {1, 0, 0, {0}, {0}},
        {0, 0, 1, {0}, {1}}, /* nothing, nowhere */
    };
    const uint64_t counts[] = {12, 12, 1, 0};
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        struct program program = tensor_program(&layouts[i]);
        struct value_pool pool = {0};
        assert_true(only_value(run(program.bytes, program.size, &pool))->tensor->count ==
                    counts[i]);
        pool_free(&pool);
        free(program.bytes);
    }
}

static void cycles_are_harmless(void **state)
{
    (void)state;
    struct value_pool pool = {0};
    static const char own_dict[] = "\x80\x02}q\x01X\x01\0\0\0ah\x01s.";
    struct value *dict = run(own_dict, sizeof own_dict - 1, &pool);
    assert_ptr_equal(only_value(dict), dict);
    pool_free(&pool);
    /* A list that holds itself as a shape, and as the arguments of a call. */
    EXPECT_REFUSAL("]q\x01h\x01"
                   "aQ.",
                   "persistent id");
    EXPECT_REFUSAL(REBUILD "]q\x01h\x01"
                           "aR.",
                   "function with arguments");
}

static void depth_and_size_are_limited(void **state)
{
    (void)state;
    const size_t many = (size_t)3 << 20;
    char *bytes = malloc(many);
    assert_non_null(bytes);
    memset(bytes, '(', many);
    expect_refusal(bytes, many, "nested too deeply");
    memset(bytes, 'N', many);
    expect_refusal(bytes, many, "the stack grows beyond its limit");

    /* A million tuples, each inside the next: neither reading nor freeing may recurse. */
    memset(bytes, 0x85, many);
    bytes[0] = 'N';
    bytes[1 << 20] = '.';
    struct value_pool pool = {0};
    struct value *value = run(bytes, (1 << 20) + 1, &pool);
    assert_non_null(value);
    assert_int_equal(value->kind, VALUE_TUPLE);
    pool_free(&pool);
    free(bytes);

    /* Values that are dropped at once still take memory, up to the limit. */
    const size_t more = (size_t)40 << 20;
    bytes = malloc(more);
    assert_non_null(bytes);
    for (size_t i = 0; i < more; i++)
        bytes[i] = i % 2 ? '0' : 'N';
    expect_refusal(bytes, more, "too much memory");
    free(bytes);
}

static void cut_programs_are_refused(void **state)
{
    (void)state;
    const struct layout layout = {12, 0, 2, {4, 3}, {3, 1}};
    struct program program = tensor_program(&layout);
    for (size_t size = 0; size < program.size; size++)
        expect_refusal(program.bytes, size, "data.pkl");
    free(program.bytes);
}

/* Every tensor that comes out must lie within its storage, whatever was done to the program. */
static void check_values(const struct value *value)
{
    if (value->kind == VALUE_TENSOR && value->tensor->count) {
        const struct tensor *tensor = value->tensor;
        double last = (double)tensor->offset;
        for (unsigned i = 0; i < tensor->dimensions; i++)
            last += ((double)tensor->shape[i] - 1) * (double)tensor->stride[i];
        assert_true(last < (double)tensor->storage_count);
    }
    for (size_t i = 0; value->kind == VALUE_DICT && i < value->sequence.count; i++)
        if (value->sequence.items[i]->kind == VALUE_TENSOR)
            check_values(value->sequence.items[i]);
}

static uint32_t random_bits(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void damaged_programs_do_no_harm(void **state)
{
    (void)state;
    const struct layout layout = {12, 0, 2, {4, 3}, {3, 1}};
    struct program program = tensor_program(&layout);
    unsigned char *bytes = malloc(program.size);
    assert_non_null(bytes);
    uint32_t seed = 20261124;
    size_t accepted = 0, refused = 0;
    for (int round = 0; round < 30000; round++) {
        memcpy(bytes, program.bytes, program.size);
        for (uint32_t i = 0, count = 1 + random_bits(&seed) % 3; i < count; i++)
            bytes[random_bits(&seed) % program.size] = (unsigned char)random_bits(&seed);
        struct value_pool pool = {0};
        struct value *value = run(bytes, program.size, &pool);
        if (value)
            check_values(value);
        accepted += value != NULL;
        refused += value == NULL;
        pool_free(&pool);
    }
    assert_true(accepted > 100 && refused > 100); /* or nothing was tried */
    free(bytes);
    free(program.bytes);
}

/* What Python 3 wrote of {"best": numpy.float64(3), "args": argparse.Namespace(a=1)}, protocol 2,
 * and of {"a": numpy.zeros(2)}, protocol 4. */
static void what_lies_beside_weights_is_inert(void **state)
{
    (void)state;
    static const char settings[] =
        "\200\002}q\000(X\004\000\000\000bestq\001cnumpy.core.multiarray\012scalar\012q\002cn"
        "umpy\012dtype\012q\003X\002\000\000\000f8q\004\211\210\207q\005Rq\006(K\003X\001\000"
        "\000\000<q\007NNNJ\377\377\377\377J\377\377\377\377K\000tq\010bc_codecs\012encode"
        "\012q\011X\010\000\000\000\000\000\000\000\000\000\010@q\012X\006\000\000\000latin1q"
        "\013\206q\014Rq\015\206q\016Rq\017X\004\000\000\000argsq\020cargparse\012Namespace"
        "\012q\021)\201q\022}q\023X\001\000\000\000aq\024K\001sbu.";
    static const char array[] =
        "\200\004\225\237\000\000\000\000\000\000\000}\224\214\001a\224\214\025numpy.core.mul"
        "tiarray\224\214\014_reconstruct\224\223\224\214\005numpy\224\214\007ndarray\224\223"
        "\224K\000\205\224C\001b\224\207\224R\224(K\001K\002\205\224h\005\214\005dtype\224"
        "\223\224\214\002f8\224\211\210\207\224R\224(K\003\214\001<\224NNNJ\377\377\377\377J"
        "\377\377\377\377K\000t\224b\211C\020\000\000\000\000\000\000\000\000\000\000\000\000"
        "\000\000\000\000\224t\224bs.";
    struct value_pool pool = {0};
    struct value *dict = run(settings, sizeof settings - 1, &pool);
    if (!dict)
        fail_msg("%s", message);
    assert_int_equal(dict->sequence.count, 4);
    assert_int_equal(dict->sequence.items[1]->kind, VALUE_OPAQUE);
    assert_int_equal(dict->sequence.items[3]->kind, VALUE_OPAQUE);
    assert_int_equal(only_value(run(array, sizeof array - 1, &pool))->kind, VALUE_OPAQUE);
    pool_free(&pool);
    EXPECT_REFUSAL("cargparse\nArgumentParser\n)\x81.", "argparse.ArgumentParser is not allowed");
    EXPECT_REFUSAL("c_codecs\nlookup\n)R.", "_codecs.lookup is not allowed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lies_beside_weights_is_inert),
        cmocka_unit_test(plain_values_are_read),
        cmocka_unit_test(tensors_keep_offset_and_strides),
        cmocka_unit_test(foreign_names_are_refused_by_name),
        cmocka_unit_test(other_ways_to_call_are_refused),
        cmocka_unit_test(malformed_programs_are_refused),
        cmocka_unit_test(impossible_tensors_are_refused),
        cmocka_unit_test(the_smallest_possible_tensors_are_accepted),
        cmocka_unit_test(cycles_are_harmless),
        cmocka_unit_test(depth_and_size_are_limited),
        cmocka_unit_test(cut_programs_are_refused),
        cmocka_unit_test(damaged_programs_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
