/*
 * test_modules.c - TorchScript archives as no program would write them: modules inside themselves,
 * without end, with names without end; and what a whole pickled model is told.
 */
#include "checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "archive.h"
#include "temporary_file.h"
#include "pickle_writer.h"
#include "qualiclip.h"

static const char *const path = temporary_path;
static char text[QC_MESSAGE_SIZE];
static struct pickle pickle;

static void begin(void)
{
    pickle = (struct pickle){NULL, 0, 0};
    pickle_bytes(&pickle, "\x80\2", 2);
}

static void op(const char *instructions)
{
    pickle_bytes(&pickle, instructions, strlen(instructions));
}

static bool finish(struct checkpoint *checkpoint)
{
    pickle_op(&pickle, '.');
    unlink(path);
    archive_add(path, "a/data.pkl", pickle.bytes, pickle.size, 1);
    archive_add(path, "a/constants.pkl", "cos\nsystem\n", 11, 0); /* is not looked at */
    archive_add(path, "a/code/__torch__.py", "import os", 9, 0);
    free(pickle.bytes);
    strcpy(text, "no message");
    return checkpoint_open(checkpoint, path, text);
}

static void expect_refusal(const char *reason)
{
    struct checkpoint checkpoint;
    if (finish(&checkpoint))
        fail_msg("accepted, expected: %s", reason);
    if (!strstr(text, reason))
        fail_msg("\"%s\" does not say \"%s\"", text, reason);
    assert_memory_equal(text, path, strlen(path));
}

static struct checkpoint expect_names(const char *const *names)
{
    struct checkpoint checkpoint;
    if (!finish(&checkpoint))
        fail_msg("%s", text);
    size_t i = 0;
    for (; names[i]; i++) {
        assert_true(i < checkpoint.count);
        assert_string_equal(checkpoint.entries[i].name, names[i]);
    }
    assert_int_equal(checkpoint.count, i);
    return checkpoint;
}

static void put_tensor(const char *name)
{
    const struct pickled_tensor tensor = {
        .key = "0", .elements = 4, .dimensions = 1, .shape = {4}, .stride = {1}};
    pickle_string(&pickle, name);
    pickle_tensor(&pickle, &tensor);
}

static void attributes_are_joined_by_dots(void **state)
{
    (void)state;
    begin();
    pickle_module(&pickle);
    put_tensor("scale");
    pickle_string(&pickle, "visual");
    pickle_module(&pickle);
    put_tensor("proj");
    pickle_string(&pickle, "training");
    op("\x88"); /* True */
    pickle_string(&pickle, "hook");
    op("N");
    pickle_string(&pickle, "layers");
    pickle_integer(&pickle, 12);
    pickle_string(&pickle, "0");
    pickle_module(&pickle);
    put_tensor("weight");
    op("ubub");
    op("ub");
    static const char *const names[] = {"scale", "visual.0.weight", "visual.layers", "visual.proj",
                                        NULL};
    struct checkpoint checkpoint = expect_names(names);
    assert_string_equal(checkpoint.container->format, "TorchScript");
    assert_int_equal(checkpoint_find(&checkpoint, "visual.0.weight")->value->kind, VALUE_TENSOR);
    checkpoint_close(&checkpoint);
}

/* Two names of one module are two names of each of its tensors. */
static void shared_modules_are_no_cycle(void **state)
{
    (void)state;
    begin();
    pickle_module(&pickle);
    pickle_string(&pickle, "first");
    pickle_module(&pickle);
    put_tensor("weight");
    op("ubq\1");
    pickle_string(&pickle, "second");
    op("h\1ub");
    static const char *const names[] = {"first.weight", "second.weight", NULL};
    struct checkpoint checkpoint = expect_names(names);
    checkpoint_close(&checkpoint);

    begin(); /* without any state */
    pickle_global(&pickle, "__torch__", "Empty");
    op(")\x81");
    checkpoint = expect_names((const char *const[]){NULL});
    checkpoint_close(&checkpoint);
}

static void lists_and_tags_are_what_they_hold(void **state)
{
    (void)state;
    begin();
    pickle_module(&pickle);
    pickle_string(&pickle, "sizes");
    pickle_global(&pickle, "torch.jit._pickle", "build_intlist");
    op("(](K\1K\2etR");
    pickle_string(&pickle, "tagged");
    pickle_global(&pickle, "torch.jit._pickle", "restore_type_tag");
    op("(}");
    pickle_string(&pickle, "Dict[str, int]");
    op("tR");
    op("ub");
    struct checkpoint checkpoint = expect_names((const char *const[]){"sizes", "tagged", NULL});
    assert_int_equal(checkpoint.entries[0].value->kind, VALUE_LIST);
    assert_int_equal(checkpoint.entries[1].value->kind, VALUE_DICT);
    checkpoint_close(&checkpoint);

    begin();
    pickle_global(&pickle, "torch.jit._pickle", "build_tensorlist");
    op("(K\1tR");
    expect_refusal("made of something else");
    begin();
    pickle_global(&pickle, "torch.jit._pickle", "restore_type_tag");
    op("(K\1tR");
    expect_refusal("restore_type_tag are not two");
}

/* ------------------------------------------------------------------------------- hostile graphs */

static void modules_inside_themselves(void **state)
{
    (void)state;
    begin(); /* root.child = root */
    pickle_global(&pickle, "__torch__", "Root");
    op(")\x81q\1}(");
    pickle_string(&pickle, "child");
    op("h\1ub");
    expect_refusal("module child lies inside itself");

    begin(); /* root.a.b = root.a */
    pickle_module(&pickle);
    pickle_string(&pickle, "a");
    pickle_global(&pickle, "__torch__", "A");
    op(")\x81q\1}(");
    pickle_string(&pickle, "b");
    op("h\1ubub");
    expect_refusal("module a.b lies inside itself");
}

static void modules_nested_deeply(void **state)
{
    (void)state;
    const unsigned depth = 1000;
    begin();
    for (unsigned i = 0; i < depth; i++) {
        pickle_module(&pickle);
        pickle_string(&pickle, "m");
    }
    op("N");
    for (unsigned i = 0; i < depth; i++)
        op("ub");
    expect_refusal("modules are nested too deeply");
}

/* Each module has the one before twice: 2^30 attributes in a file of 3 KB. */
static void modules_without_end(void **state)
{
    (void)state;
    begin();
    pickle_module(&pickle);
    put_tensor("t");
    op("ubq\1");
    for (unsigned i = 0; i < 30; i++) {
        pickle_module(&pickle);
        pickle_string(&pickle, "a");
        op("h\1");
        pickle_string(&pickle, "b");
        op("h\1ubq\1");
    }
    expect_refusal("more than 65536 attributes");
}

static void names_that_are_none(void **state)
{
    (void)state;
    char name[300];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = 0;
    begin();
    pickle_module(&pickle);
    put_tensor(name);
    op("ub");
    expect_refusal("is too long");

    begin();
    pickle_module(&pickle);
    op("K\1K\2ub");
    expect_refusal("an attribute whose name is an integer");

    begin();
    pickle_module(&pickle);
    put_tensor("weight");
    put_tensor("weight");
    op("ub");
    expect_refusal("key weight occurs twice");

    begin(); /* a.b and "a.b" */
    pickle_module(&pickle);
    put_tensor("a.b");
    pickle_string(&pickle, "a");
    pickle_module(&pickle);
    put_tensor("b");
    op("ubub");
    expect_refusal("key a.b occurs twice");
}

static void states_that_are_none(void **state)
{
    (void)state;
    begin();
    pickle_module(&pickle);
    op("ub}b"); /* a second state */
    expect_refusal("neither a dict nor a new module");
    begin();
    pickle_global(&pickle, "__torch__", "Packed");
    op(")\x81K\1b");
    expect_refusal("neither a dict nor a new module");
    begin();
    op("K\1}b");
    expect_refusal("neither a dict nor a new module");
    begin();
    pickle_global(&pickle, "__torch__", "WithArguments");
    op("K\1\x85\x81");
    expect_refusal("not a module's class");
    begin();
    pickle_global(&pickle, "__torch__", "Called");
    op(")R");
    expect_refusal("called as a function");
    begin();
    pickle_global(&pickle, "torch", "FloatStorage");
    op(")\x81");
    expect_refusal("not a module's class");
    begin();
    pickle_global(&pickle, "__torch__", "NotMade");
    expect_refusal("expected a dict of tensors");
}

/* ------------------------------------------------------------------------------- other objects */

static void a_whole_model_is_told_what_to_do(void **state)
{
    (void)state;
    begin();
    pickle_global(&pickle, "torch.nn.modules.container", "Sequential");
    op(")\x81}b");
    expect_refusal("torch.nn.modules.container.Sequential is not allowed in a checkpoint");
    assert_non_null(strstr(text, "save its state_dict() instead"));
    begin();
    pickle_global(&pickle, "__torch__x", "Evil"); /* not in the archive's own package */
    expect_refusal("__torch__x.Evil is not allowed");
    begin();
    pickle_global(&pickle, "os", "system");
    expect_refusal("os.system is not allowed");
    assert_null(strstr(text, "state_dict"));
}

/* Shapes, offsets and strides of which products and sums do not fit. */
static void tensors_beyond_measure(void **state)
{
    (void)state;
    static const struct {
        struct pickled_tensor tensor;
        const char *reason;
    } cases[] = {
        {{.dimensions = 1, .shape = {INT64_MAX}, .stride = {1}}, "0 to 2^48"},
        {{.dimensions = 1, .shape = {-1}, .stride = {1}}, "0 to 2^48"},
        {{.dimensions = 1, .shape = {4}, .stride = {-1}}, "0 to 2^48"},
        {{.offset = -1, .dimensions = 1, .shape = {4}, .stride = {1}}, "0 to 2^48"},
        {{.offset = 1, .dimensions = 1, .shape = {4}, .stride = {1}}, "beyond its storage"},
        {{.offset = INT64_C(1) << 48, .dimensions = 1, .shape = {1}, .stride = {1}},
         "beyond its storage"},
        {{.dimensions = 2, .shape = {INT64_C(1) << 32, INT64_C(1) << 32}, .stride = {0, 0}},
         "beyond its storage"},
        {{.dimensions = 2, .shape = {1 << 20, 2}, .stride = {INT64_C(1) << 44, 1}},
         "beyond its storage"},
        {{.dimensions = 2, .shape = {2, 3}, .stride = {3, 1}}, "beyond its storage"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pickled_tensor tensor = cases[i].tensor;
        tensor.key = "0";
        tensor.elements = 4;
        begin();
        pickle_module(&pickle);
        pickle_string(&pickle, "weight");
        pickle_tensor(&pickle, &tensor);
        op("ub");
        expect_refusal(cases[i].reason);
    }
    begin();
    pickle_module(&pickle);
    pickle_string(&pickle, "weight");
    pickle_tensor(&pickle, &(struct pickled_tensor){.key = "0", .elements = INT64_C(1) << 50});
    op("ub");
    expect_refusal("0 to 2^48");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_are_joined_by_dots),
        cmocka_unit_test(shared_modules_are_no_cycle),
        cmocka_unit_test(lists_and_tags_are_what_they_hold),
        cmocka_unit_test(modules_inside_themselves),
        cmocka_unit_test(modules_nested_deeply),
        cmocka_unit_test(modules_without_end),
        cmocka_unit_test(names_that_are_none),
        cmocka_unit_test(states_that_are_none),
        cmocka_unit_test(a_whole_model_is_told_what_to_do),
        cmocka_unit_test(tensors_beyond_measure),
    };
    return cmocka_run_group_tests(tests, temporary_file_make, temporary_file_remove);
}
