/*
 * test_safetensors.c - the containers of safetensors and of indexes: what is read, number by
 * number, and what is refused, each with its reason.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/conversion.h"
#include "checkpoint/json.h"
#include "qualiclip.h"

#include <cmocka.h>

#include "archive.h"
#include "safetensors_file.h"

static char directory[40]; /* a fresh one for each test */
static char path[64];      /* of a file there */
static char message[QC_MESSAGE_SIZE];

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/qualiclip-safetensors-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/in", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[64];
    assert_true(strncmp(directory, "/tmp/qualiclip-safetensors-", 27) == 0);
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static bool opens(const char *file)
{
    struct value_pool pool = {0};
    message[0] = 0;
    struct container *container = container_open(file, &pool, message);
    const bool good = container != NULL;
    if (good && container->root->kind != VALUE_DICT)
        fail_msg("%s is no dict", file);
    container_close(container);
    pool_free(&pool);
    return good;
}

static void expect_refusal(const char *file, const char *reason)
{
    if (opens(file))
        fail_msg("was opened, expected: %s", reason);
    if (!strstr(message, reason))
        fail_msg("\"%s\" does not say \"%s\"", message, reason);
}

static void refuse(const char *header, size_t size, const char *reason)
{
    write_safetensors(path, header, NULL, size);
    expect_refusal(path, reason);
}

static void accept(const char *header, size_t size)
{
    write_safetensors(path, header, NULL, size);
    if (!opens(path))
        fail_msg("%s: %s", header, message);
}

/* ------------------------------------------------------------------------------------- numbers */

static void expect_numbers(struct checkpoint *checkpoint, const char *name, unsigned dimensions,
                           const double *expected, size_t count)
{
    struct view view;
    double numbers[8];
    if (!checkpoint_view(checkpoint, name, dimensions, &view, message) ||
        !checkpoint_load(checkpoint, &view, message))
        fail_msg("%s", message);
    checkpoint_read(checkpoint, &view, 0, count, numbers);
    for (size_t i = 0; i < count; i++)
        if (!(numbers[i] == expected[i]))
            fail_msg("%s: element %zu is %.17g, expected %.17g", name, i, numbers[i], expected[i]);
}

static void numbers_of_all_types_are_exact(void **state)
{
    (void)state;
    static const unsigned char data[] = {
        0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f,                         /* f64 0.1 */
        0xcd, 0xcc, 0xcc, 0x3d, 0x01, 0x00, 0x00, 0x80,                         /* f32 */
        0x01, 0x00, 0xff, 0x7b, 0x66, 0x2e, 0x00, 0xc0, 0xff, 0x83, 0x00, 0x80, /* f16 2 x 3 */
        0x80, 0x3f, 0x01, 0x00, 0x7f, 0xff,                                     /* bf16 */
        5,    0,    0,    0,                                                    /* i32 */
    };
    static const char header[] =
        "{\"d\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]},"
        "\"s\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]},"
        "\"h\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[16,28]},"
        "\"empty\":{\"dtype\":\"F32\",\"shape\":[7,0],\"data_offsets\":[28,28]},"
        "\"b\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[28,34]},"
        "\"i\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[34,38]},"
        "\"__metadata__\":{\"format\":\"pt\",\"of\":\"\\u00e9\"}}  ";
    write_safetensors(path, header, data, sizeof data);
    struct checkpoint checkpoint;
    if (!checkpoint_open(&checkpoint, path, message))
        fail_msg("%s", message);
    assert_int_equal(checkpoint.count, 6); /* metadata are none */
    const double d[] = {0.1}, s[] = {(double)0.1f, -0x1p-149};
    const double h[] = {0x1p-24, 65504, 1638 * 0x1p-14, -2, -1023 * 0x1p-24, -0.0};
    const double b[] = {1, 0x1p-133, -0x1.fep127};
    expect_numbers(&checkpoint, "d", 0, d, 1);
    expect_numbers(&checkpoint, "s", 1, s, 2);
    expect_numbers(&checkpoint, "h", 2, h, 6);
    expect_numbers(&checkpoint, "b", 1, b, 3);
    struct view view;
    assert_false(checkpoint_view(&checkpoint, "i", 1, &view, message));
    assert_non_null(strstr(message, "tensor i holds i32 numbers, expected f32"));
    assert_false(checkpoint_view(&checkpoint, "empty", 2, &view, message));
    assert_non_null(strstr(message, "tensor empty has shape (7, 0), expected"));
    checkpoint_close(&checkpoint);
}

/* ------------------------------------------------------------------------------------- headers */

/* A header of one tensor t with these fields. */
#define ONE(fields) "{\"t\":{" fields "}}"
#define F32_4       "\"dtype\":\"F32\",\"shape\":[4]"

static void wrong_headers_are_refused(void **state)
{
    (void)state;
    accept("{}", 0);
    accept("{\"__metadata__\":{}}", 0);
    accept(ONE(F32_4 ",\"data_offsets\":[0,16]"), 16);
    accept("{ \n\t\"t\" : {" F32_4 ",\"data_offsets\":[0,16]} } \n ", 16);

    /* JSON */
    refuse("{", 0, "is not JSON (at byte 1)");
    refuse("{}x", 0, "is not JSON");
    refuse("{\"a\":1,}", 0, "is not JSON");
    refuse("{\"t\":nan}", 0, "is not JSON");
    refuse("{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", 0,
           "nested deeper than 32");
    refuse("{\"a\\u0000b\":{}}", 0, "a string in the JSON holds a zero");
    refuse("{1:{}}", 0, "is not JSON");
    refuse("{\"t\":{},\"t\":{}}", 0, "key t occurs twice");
    refuse("{\"t\":{},\"\\u0074\":{}}", 0, "key t occurs twice");
    refuse(ONE(F32_4 ",\"data_offsets\":[0,16],\"dtype\":\"F16\""), 16, "key dtype occurs twice");
    refuse("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "key a occurs twice");

    /* names */
    refuse("{\"\":{" F32_4 ",\"data_offsets\":[0,16]}}", 16, "a tensor is called \"\"");
    refuse("{\"a\\u001b[2J\":{" F32_4 ",\"data_offsets\":[0,16]}}", 16,
           "a tensor is called \"a?[2J\"");
    refuse("{\"a b\":{" F32_4 ",\"data_offsets\":[0,16]}}", 16, "expected 1 to 255 visible ASCII");
    refuse("{\"\xc2\x9b\":{" F32_4 ",\"data_offsets\":[0,16]}}", 16, "visible ASCII");
    refuse("{\"__metadata__\":7}", 0, "__metadata__: expected an object of strings");
    refuse("{\"__metadata__\":{\"a\":1}}", 0, "__metadata__: expected an object of strings");

    /* fields */
    refuse("{\"t\":7}", 0, "tensor t: expected an object");
    refuse("{\"t\":[]}", 0, "tensor t: expected an object");
    refuse(ONE("\"shape\":[4],\"data_offsets\":[0,16]"), 16, "tensor t: dtype is not given");
    refuse(ONE("\"dtype\":5,\"shape\":[4],\"data_offsets\":[0,16]"), 16, "dtype is not given");
    refuse(ONE("\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]"), 4,
           "tensor t: dtype is F8_E4M3, expected F32, F16, BF16 or F64");
    refuse(ONE("\"dtype\":\"F32\",\"data_offsets\":[0,16]"), 16, "tensor t: shape: expected");
    refuse(ONE("\"dtype\":\"F32\",\"shape\":4,\"data_offsets\":[0,16]"), 16, "shape: expected");
    refuse(ONE("\"dtype\":\"F32\",\"shape\":[-4],\"data_offsets\":[0,16]"), 16, "shape: expected");
    refuse(ONE("\"dtype\":\"F32\",\"shape\":[4.5],\"data_offsets\":[0,16]"), 16, "shape: expected");
    refuse(ONE("\"dtype\":\"F32\",\"shape\":[\"4\"],\"data_offsets\":[0,16]"), 16,
           "shape: expected");
    refuse(ONE("\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]"), 1,
           "at most 8 sizes");
    refuse(ONE(F32_4), 16, "tensor t: data_offsets: expected [begin, end]");
    refuse(ONE(F32_4 ",\"data_offsets\":[0]"), 16, "data_offsets: expected [begin, end]");
    refuse(ONE(F32_4 ",\"data_offsets\":[0,16,16]"), 16, "data_offsets: expected [begin, end]");
    refuse(ONE(F32_4 ",\"data_offsets\":[16,0]"), 16, "data_offsets: expected [begin, end]");
    refuse(ONE(F32_4 ",\"data_offsets\":[-1,15]"), 16, "data_offsets: expected [begin, end]");
    refuse(ONE(F32_4 ",\"data_offsets\":{\"a\":0,\"b\":16}"), 16, "expected [begin, end]");
}

static void wrong_sizes_are_refused(void **state)
{
    (void)state;
    /* 2^63 elements, in one dimension and by multiplication, with and without a zero. */
    refuse(ONE("\"dtype\":\"U8\",\"shape\":[9223372036854775808],\"data_offsets\":[0,0]"), 0,
           "tensor t: shape: expected at most");
    refuse(ONE("\"dtype\":\"F32\",\"shape\":[2097152,2097152,2097152],\"data_offsets\":[0,0]"), 0,
           "a product of at most 2^50");
    refuse(ONE("\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]"), 0,
           "a product of at most 2^50");
    refuse(ONE("\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,0],\"data_offsets\":[0,0]"), 0,
           "a product of at most 2^50");
    accept(ONE("\"dtype\":\"F32\",\"shape\":[4,0,8],\"data_offsets\":[0,0]"), 0);
    refuse(ONE("\"dtype\":\"F32\",\"shape\":[4,0],\"data_offsets\":[0,4]"), 4, "need 0");
    refuse(ONE(F32_4 ",\"data_offsets\":[0,12]"), 12,
           "tensor t: data_offsets hold 12 bytes, but its shape and type need 16");
    refuse(ONE(F32_4 ",\"data_offsets\":[0,16]"), 15,
           "tensor t ends at byte 16 of the data, which has 15");
    refuse(ONE(F32_4 ",\"data_offsets\":[9007199254740976,9007199254740991]"), 16,
           "ends at byte 9007199254740991 of the data, which has 16");
    refuse(ONE(F32_4 ",\"data_offsets\":[9007199254740992,9007199254741008]"), 16,
           "expected [begin, end]");
    refuse(ONE(F32_4 ",\"data_offsets\":[1e300,1e301]"), 16, "expected [begin, end]");

    /* holes and overlaps */
    refuse("{}", 1, "bytes 0 to 1 of the data belong to no tensor");
    refuse(ONE(F32_4 ",\"data_offsets\":[4,20]"), 20, "bytes 0 to 4 of the data belong to no");
    refuse(ONE(F32_4 ",\"data_offsets\":[0,16]"), 17, "bytes 16 to 17 of the data belong to no");
    refuse("{\"a\":{" F32_4 ",\"data_offsets\":[0,16]},\"b\":{" F32_4 ",\"data_offsets\":[20,36]}}",
           36, "bytes 16 to 20 of the data belong to no tensor");
    refuse("{\"a\":{" F32_4 ",\"data_offsets\":[12,28]},\"b\":{" F32_4 ",\"data_offsets\":[0,16]}}",
           28, "tensors b and a overlap");
    refuse("{\"a\":{" F32_4 ",\"data_offsets\":[0,16]},\"b\":{" F32_4 ",\"data_offsets\":[0,16]}}",
           16, "overlap");
    accept("{\"a\":{" F32_4 ",\"data_offsets\":[16,32]},\"b\":{" F32_4 ",\"data_offsets\":[0,16]}}",
           32);
}

static void wrong_lengths_of_headers_are_refused(void **state)
{
    (void)state;
    unsigned char bytes[64] = {2, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    write_whole_file(path, bytes, 10);
    assert_true(opens(path));
    bytes[0] = 3;
    write_whole_file(path, bytes, 10);
    expect_refusal(path, "the header of 3 bytes runs past the end of the file, which has 10");
    bytes[7] = 0x80;
    write_whole_file(path, bytes, 10);
    expect_refusal(path, "the header of 9223372036854775811 bytes runs past the end");
    memset(bytes, 0xff, 8);
    write_whole_file(path, bytes, 10);
    expect_refusal(path, "runs past the end");
    bytes[0] = 1, memset(bytes + 1, 0, 7);
    write_whole_file(path, bytes, 10);
    expect_refusal(path, "is not JSON");

    /* 4 MiB are read, one byte more is not, whatever is in it. */
    const size_t limit = (size_t)4 << 20;
    char *header = malloc(limit + 2);
    assert_non_null(header);
    memset(header, ' ', limit + 1);
    memcpy(header, "{}", 2);
    header[limit] = 0;
    accept(header, 0);
    header[limit] = ' ';
    header[limit + 1] = 0;
    refuse(header, 0, "the header has 4194305 bytes, expected at most 4194304");
    free(header);

    /* A zero in the midst. */
    unsigned char zero[] = {4, 0, 0, 0, 0, 0, 0, 0, '{', '}', 0, ' '};
    write_whole_file(path, zero, sizeof zero);
    expect_refusal(path, "has a zero byte");
}

/* Any cut, and any changed byte of the header: refused or opened, never more. */
static void damage_is_survived(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"},\"a.b\":{\"dtype\":\"BF16\",\"shape\":[2,3],"
        "\"data_offsets\":[0,12]},\"c\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[12,16]}}";
    write_safetensors(path, header, NULL, 16);
    size_t size, refused = 0;
    unsigned char *bytes = read_whole_file(path, &size);
    for (size_t cut = 0; cut < size; cut++) {
        write_whole_file(path, bytes, cut);
        assert_false(opens(path));
        assert_true(message[0]);
    }
    static const unsigned char changes[] = {0x00, 0xff, '"', '{', ']', '9', '-', '\\', 'e'};
    for (size_t at = 0; at < size - 16; at++)
        for (size_t i = 0; i < sizeof changes; i++) {
            const unsigned char old = bytes[at];
            bytes[at] = changes[i];
            write_whole_file(path, bytes, size);
            refused += !opens(path);
            bytes[at] = old;
        }
    assert_true(refused > 6 * (size - 16));
    free(bytes);
}

/* --------------------------------------------------------------------------------- other files */

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    char index[80];
    snprintf(index, sizeof index, "%s/i.json", directory);
    expect_refusal(path, "No such file");
    static const char with_directory[] = "{\"weight_map\":{\"a\":\"in\"}}";
    write_whole_file(index, with_directory, strlen(with_directory));
    expect_refusal(index, "in: No such file");
    assert_int_equal(mkdir(path, 0700), 0);
    expect_refusal(index, "in: Is a directory");
    expect_refusal(path, "Is a directory");
}

/* ----------------------------------------------------------------------------------- indexes */

static void write_index(const char *index, const char *text)
{
    write_whole_file(index, text, strlen(text));
}

static void put(const char *name, const char *header, size_t size)
{
    char file[96];
    snprintf(file, sizeof file, "%s/%s", directory, name);
    write_safetensors(file, header, NULL, size);
}

static void indexes_are_checked(void **state)
{
    (void)state;
    char index[80];
    snprintf(index, sizeof index, "%s/model.safetensors.index.json", directory);
    put("one", "{\"a\":{" F32_4 ",\"data_offsets\":[0,16]}}", 16);
    put("two", "{\"b\":{" F32_4 ",\"data_offsets\":[0,16]}}", 16);
    write_index(index, "{\"metadata\":{\"total_size\":32},"
                       "\"weight_map\":{\"b\":\"two\",\"a\":\"one\"}}");
    if (!opens(index))
        fail_msg("%s", message);

    static const struct {
        const char *text, *reason;
    } wrong[] = {
        {"{\"metadata\":{}}", "weight_map: expected the files of the tensors"},
        {"{\"weight_map\":{}}", "weight_map: expected the files of the tensors"},
        {"{\"weight_map\":[\"one\"]}", "weight_map: expected the files of the tensors"},
        {"{\"weight_map\":{\"a\":1,\"b\":\"two\"}}", "tensor a is in \"\", expected the name"},
        {"{\"weight_map\":{\"a\":\"../in\"}}", "tensor a is in \"../in\", expected the name of a"},
        {"{\"weight_map\":{\"a\":\"/dev/zero\"}}", "in \"/dev/zero\", expected the name of a file"},
        {"{\"weight_map\":{\"a\":\"sub/one\"}}", "expected the name of a file in the same"},
        {"{\"weight_map\":{\"a\":\"..\"}}", "expected the name of a file in the same"},
        {"{\"weight_map\":{\"a\":\".\"}}", "expected the name of a file in the same"},
        {"{\"weight_map\":{\"a\":\"\"}}", "expected the name of a file in the same"},
        {"{\"weight_map\":{\"a\":\"o\\u001bne\"}}", "in \"o?ne\", expected the name of a file"},
        {"{\"weight_map\":{\"a\":\"one\",\"a\":\"one\"}}", "key a occurs twice"},
        {"{\"weight_map\":{\"a\":\"one\"},\"weight_map\":{}}", "key weight_map occurs twice"},
        {"{\"weight_map\":{\"a\":\"one\",\"b\":\"one\"}}", "tensor b is not in one"},
        {"{\"weight_map\":{\"a\":\"two\",\"b\":\"one\"}}", "one holds a, which the index does not"},
        {"{\"weight_map\":{\"a\":\"one\",\"c\":\"two\"}}", "two holds b, which the index does not"},
        {"{\"weight_map\":{\"a\":\"one\",\"b\":\"three\"}}", "three: No such file"},
        /* An index of itself would never end. */
        {"{\"weight_map\":{\"a\":\"model.safetensors.index.json\"}}", "not a checkpoint of"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        write_index(index, wrong[i].text);
        expect_refusal(index, wrong[i].reason);
    }

    /* More files than a program may have open. */
    char *many = malloc(64 * 300);
    assert_non_null(many);
    size_t used = (size_t)sprintf(many, "{\"weight_map\":{\"a\":\"one\"");
    for (int i = 0; i < 300; i++) {
        char name[32], header[96];
        snprintf(name, sizeof name, "s%03d", i);
        snprintf(header, sizeof header, "{\"t%d\":{" F32_4 ",\"data_offsets\":[0,16]}}", i);
        put(name, header, 16);
        used += (size_t)sprintf(many + used, ",\"t%d\":\"%s\"", i, name);
    }
    strcpy(many + used, "}}");
    write_index(index, many);
    expect_refusal(index, "weight_map names more than 256 files");
    free(many);
}

/* Pickles under an index: a directory as transformers published before safetensors. */
static void indexes_of_pickles_are_read(void **state)
{
    (void)state;
    static const char checkpoint_path[] = "test/golden/checkpoints/tiny.pth";
    struct checkpoint checkpoint;
    if (!checkpoint_open(&checkpoint, checkpoint_path, message))
        fail_msg("%s", message);
    char *text = malloc(160 * checkpoint.count + 64), index[96], shard[96], model[2][96];
    assert_non_null(text);
    size_t used = (size_t)sprintf(text, "{\"weight_map\":{");
    for (size_t i = 0; i < checkpoint.count; i++)
        used += (size_t)sprintf(text + used, "%s\"%s\":\"shard.bin\"", i ? "," : "",
                                checkpoint.entries[i].name);
    strcpy(text + used, "}}");
    checkpoint_close(&checkpoint);
    snprintf(index, sizeof index, "%s/pytorch_model.bin.index.json", directory);
    snprintf(shard, sizeof shard, "%s/shard.bin", directory);
    write_index(index, text);
    free(text);
    archive_copy(checkpoint_path, shard, NULL, NULL);

    const char *const sources[] = {checkpoint_path, directory};
    size_t size[2];
    unsigned char *bytes[2];
    for (int i = 0; i < 2; i++) {
        snprintf(model[i], sizeof model[i], "%s/%d.gguf", directory, i);
        const struct conversion conversion = {
            .checkpoint_path = sources[i], .model_path = model[i], .name = "tiny"};
        struct conversion_result result;
        if (!convert_checkpoint(&conversion, &result, message))
            fail_msg("%s", message);
        bytes[i] = read_whole_file(model[i], &size[i]);
    }
    /* The tables and the numbers, which follow the keys; those tell where they came from. */
    const size_t tail = 60000;
    assert_true(size[0] > tail && size[1] > tail);
    assert_memory_equal(bytes[0] + size[0] - tail, bytes[1] + size[1] - tail, tail);
    free(bytes[0]);
    free(bytes[1]);
}

/* -------------------------------------------------------------------------------------- JSON */

static void integers_are_exact_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_integer;
        uint64_t number;
    } cases[] = {
        {"0", true, 0},
        {"9007199254740991", true, 9007199254740991},
        {"9007199254740992", false, 0},
        {"9007199254740993", false, 0},
        {"-0", true, 0},
        {"-1", false, 0},
        {"0.5", false, 0},
        {"1e400", false, 0},
        {"true", false, 0},
        {"\"1\"", false, 0},
        {"null", false, 0},
        {"[1]", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        const int size = snprintf(text, sizeof text, "{\"n\":%s}", cases[i].text);
        cJSON *root = json_parse(text, (size_t)size, "test", message);
        if (!root)
            fail_msg("%s", message);
        uint64_t number = 77;
        const bool is_integer = json_integer(root->child, &number);
        if (is_integer != cases[i].is_integer || (is_integer && number != cases[i].number))
            fail_msg("%s is read as %s", cases[i].text, is_integer ? "another number" : "none");
        cJSON_Delete(root);
    }
}

#define test_in_directory(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_directory(numbers_of_all_types_are_exact),
        test_in_directory(wrong_headers_are_refused),
        test_in_directory(wrong_sizes_are_refused),
        test_in_directory(wrong_lengths_of_headers_are_refused),
        test_in_directory(damage_is_survived),
        test_in_directory(what_is_no_file_is_refused),
        test_in_directory(indexes_are_checked),
        test_in_directory(indexes_of_pickles_are_read),
        cmocka_unit_test(integers_are_exact_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
