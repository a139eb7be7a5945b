/*
 * test_gguf.c - the reader of the container, on files that are put together byte by byte here,
 * because no writer of ours would write most of them.
 */
#include "gguf.h" /* before cmocka.h, which makes fail() a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct file {
    unsigned char bytes[1 << 17];
    size_t size;
};

static void put(struct file *file, uint64_t value, size_t size)
{
    assert_true(file->size + size <= sizeof file->bytes);
    for (size_t i = 0; i < size; i++)
        file->bytes[file->size++] = (unsigned char)(value >> (8 * i));
}

static void put_text(struct file *file, const char *text)
{
    const size_t size = strlen(text);
    put(file, size, 8);
    memcpy(file->bytes + file->size, text, size);
    file->size += size;
}

static struct file *begin(uint64_t tensors, uint64_t values)
{
    static struct file file;
    memset(&file, 0, sizeof file);
    memcpy(file.bytes, "GGUF", 4);
    file.size = 4;
    put(&file, 3, 4);
    put(&file, tensors, 8);
    put(&file, values, 8);
    return &file;
}

static void put_key(struct file *file, const char *key, uint32_t type)
{
    put_text(file, key);
    put(file, type, 4);
}

static void put_array(struct file *file, const char *key, uint32_t type, uint64_t count)
{
    put_key(file, key, GGUF_ARRAY);
    put(file, type, 4);
    put(file, count, 8);
}

static void put_tensor(struct file *file, const char *name, uint64_t columns, uint64_t rows,
                       uint32_t type, uint64_t offset)
{
    put_text(file, name);
    put(file, 2, 4);
    put(file, columns, 8);
    put(file, rows, 8);
    put(file, type, 4);
    put(file, offset, 8);
}

/* Zeros up to the alignment, then `size` bytes of tensors. */
static void put_data(struct file *file, size_t alignment, size_t size)
{
    while (file->size % alignment)
        put(file, 0, 1);
    for (size_t i = 0; i < size; i++)
        put(file, i, 1);
}

/* Parses a copy that ends where its memory does, so that a sanitizer sees a read beyond. */
static qc_status parse_copy(const struct file *file, size_t size, char *text)
{
    unsigned char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, file->bytes, size);
    struct message message = {text, QC_MESSAGE_SIZE};
    struct gguf gguf;
    text[0] = '\0';
    const qc_status status = gguf_parse(&gguf, copy, size, "x.gguf", &message);
    if (!status)
        gguf_free(&gguf);
    assert_null(gguf.values);
    assert_null(gguf.tensors);
    free(copy);
    return status;
}

static void expect(const struct file *file, qc_status expected, const char *word)
{
    char text[QC_MESSAGE_SIZE];
    const qc_status status = parse_copy(file, file->size, text);
    if (status != expected || !strstr(text, word) || (status && strncmp(text, "x.gguf: ", 8) != 0))
        fail_msg("status %d, \"%s\"; expected status %d, \"%s\"", (int)status, text, (int)expected,
                 word);
}

/* ------------------------------------------------------------------------------------ header */

static void header_is_checked(void **state)
{
    (void)state;
    struct file *file = begin(0, 0);
    expect(file, QC_OK, "");
    file->bytes[3] = 'f';
    expect(file, QC_ERROR_FORMAT, "GGUF");
    static const unsigned versions[] = {0, 1, 4, 255};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        file = begin(0, 0);
        file->bytes[4] = (unsigned char)versions[i];
        expect(file, QC_ERROR_UNSUPPORTED, "expected 2 or 3");
    }
    file = begin(0, 0);
    file->bytes[4] = 2;
    expect(file, QC_OK, "");
    file = begin(0, 0);
    memcpy(file->bytes + 4, "\0\0\0\3", 4);
    expect(file, QC_ERROR_UNSUPPORTED, "big-endian");
}

static void counts_are_bounded(void **state)
{
    (void)state;
    static const uint64_t counts[] = {65537, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        expect(begin(counts[i], 0), QC_ERROR_FORMAT, "at most 65536");
        expect(begin(0, counts[i]), QC_ERROR_FORMAT, "at most 65536");
    }
    expect(begin(65536, 65536), QC_ERROR_FORMAT, "cannot hold");
    expect(begin(1, 0), QC_ERROR_FORMAT, "cannot hold");
    expect(begin(0, 1), QC_ERROR_FORMAT, "cannot hold");
}

/* ------------------------------------------------------------------------------------ values */

static void keys_are_checked(void **state)
{
    (void)state;
    struct file *file = begin(0, 1);
    put(file, 0, 8);
    put(file, 0, 8);
    expect(file, QC_ERROR_FORMAT, "a key of 0 bytes");

    static const uint64_t sizes[] = {65537, UINT64_C(1) << 63, UINT64_MAX};
    for (size_t i = 0; i < 3; i++) {
        file = begin(0, 1);
        put(file, sizes[i], 8);
        put_data(file, 1, 1 << 16);
        expect(file, QC_ERROR_FORMAT, "expected 1 to 65536");
    }
    file = begin(0, 1);
    put(file, 65536, 8);
    put_data(file, 1, 100);
    expect(file, QC_ERROR_FORMAT, "cut short");

    file = begin(0, 3);
    put_key(file, "same", GGUF_UINT8);
    put(file, 1, 1);
    put_key(file, "other", GGUF_UINT8);
    put(file, 1, 1);
    put_key(file, "same", GGUF_UINT16);
    put(file, 1, 2);
    expect(file, QC_ERROR_FORMAT, "key same is there twice");
}

static void types_are_checked(void **state)
{
    (void)state;
    static const uint32_t unknown[] = {13, 99, 0x80000000, UINT32_MAX};
    for (size_t i = 0; i < 4; i++) {
        struct file *file = begin(0, 1);
        put_key(file, "odd", unknown[i]);
        put(file, 0, 8);
        expect(file, QC_ERROR_FORMAT, "key odd: unknown value type");
        file = begin(0, 1);
        put_array(file, "odd", unknown[i], 1);
        put(file, 0, 8);
        expect(file, QC_ERROR_FORMAT, "key odd: unknown value type");
    }
    struct file *file = begin(0, 1);
    put_array(file, "nested", GGUF_ARRAY, 1);
    put(file, GGUF_UINT8, 4);
    put(file, 1, 8);
    put(file, 7, 1);
    expect(file, QC_ERROR_UNSUPPORTED, "key nested: an array of arrays");
}

static void array_sizes_are_checked(void **state)
{
    (void)state;
    static const uint64_t counts[] = {3, UINT64_C(1) << 61, UINT64_C(1) << 62, UINT64_C(1) << 63,
                                      UINT64_MAX};
    for (size_t i = 0; i < 5; i++) {
        struct file *file = begin(0, 1);
        put_array(file, "long", GGUF_UINT64, counts[i]);
        put_data(file, 1, 16);
        expect(file, QC_ERROR_FORMAT, "key long: its value goes beyond the end");
        file = begin(0, 1);
        put_array(file, "long", GGUF_STRING, counts[i]);
        put(file, 0, 8);
        put(file, 0, 8);
        expect(file, QC_ERROR_FORMAT, "key long: its value goes beyond the end");
        file = begin(0, 1);
        put_key(file, "text", GGUF_STRING);
        put(file, counts[i], 8);
        put(file, 0, 2);
        expect(file, QC_ERROR_FORMAT, "key text: its text goes beyond the end");
    }
    struct file *file = begin(0, 1);
    put_array(file, "empty", GGUF_STRING, 0);
    expect(file, QC_OK, "");
}

/* A file with a value of each type, whose integers are -2 or 2 by turns. */
static struct file *file_with_values(void)
{
    struct file *file = begin(0, 19);
    static const struct {
        const char *key;
        enum gguf_value_type type;
        size_t size;
    } integers[] = {{"u8", GGUF_UINT8, 1},   {"u16", GGUF_UINT16, 2}, {"u32", GGUF_UINT32, 4},
                    {"u64", GGUF_UINT64, 8}, {"i8", GGUF_INT8, 1},    {"i16", GGUF_INT16, 2},
                    {"i32", GGUF_INT32, 4},  {"i64", GGUF_INT64, 8}};
    for (size_t i = 0; i < 8; i++) {
        put_key(file, integers[i].key, integers[i].type);
        put(file, i < 4 ? 200 : (uint64_t)-2, integers[i].size);
    }
    put_key(file, "i64 positive", GGUF_INT64);
    put(file, 7, 8);
    put_key(file, "large", GGUF_UINT64);
    put(file, UINT64_C(1) << 32, 8);
    put_key(file, "f32", GGUF_FLOAT32);
    put(file, 0x3FC00000, 4); /* 1.5 */
    put_key(file, "f64", GGUF_FLOAT64);
    put(file, UINT64_C(0x4004000000000000), 8); /* 2.5 */
    put_key(file, "f64 large", GGUF_FLOAT64);
    put(file, UINT64_C(0x7E37E43C8800759C), 8); /* 1e300 */
    put_key(file, "f32 nan", GGUF_FLOAT32);
    put(file, 0x7FC00000, 4);
    put_key(file, "true", GGUF_BOOL);
    put(file, 1, 1);
    put_key(file, "bool 2", GGUF_BOOL);
    put(file, 2, 1);
    put_key(file, "text", GGUF_STRING);
    put_text(file, "hello");
    put_array(file, "integers", GGUF_INT16, 3);
    put(file, 1, 2);
    put(file, 2, 2);
    put(file, 65535, 2); /* -1 */
    put_array(file, "texts", GGUF_STRING, 3);
    put_text(file, "one");
    put_text(file, "");
    put_text(file, "three");
    return file;
}

static struct gguf parse_good(const struct file *file)
{
    char text[QC_MESSAGE_SIZE];
    struct message message = {text, sizeof text};
    struct gguf gguf;
    if (gguf_parse(&gguf, file->bytes, file->size, "x.gguf", &message))
        fail_msg("%s", text);
    return gguf;
}

static void integers_are_read(void **state)
{
    (void)state;
    struct gguf gguf = parse_good(file_with_values());
    static const char *const fitting[] = {"u8", "u16", "u32", "u64"};
    for (size_t i = 0; i < 4; i++) {
        uint32_t value = 0;
        assert_int_equal(gguf_get_u32(&gguf, fitting[i], true, &value, NULL), QC_OK);
        assert_int_equal(value, 200);
    }
    uint32_t value = 0;
    assert_int_equal(gguf_get_u32(&gguf, "i64 positive", true, &value, NULL), QC_OK);
    assert_int_equal(value, 7);
    static const char *const others[] = {"i8",  "i16", "i32",  "i64",  "large",
                                         "f32", "f64", "true", "text", "integers"};
    for (size_t i = 0; i < 10; i++) {
        char text[QC_MESSAGE_SIZE];
        struct message message = {text, sizeof text};
        assert_int_equal(gguf_get_u32(&gguf, others[i], false, &value, &message), QC_ERROR_FORMAT);
        assert_non_null(strstr(text, others[i]));
    }
    assert_int_equal(value, 7);
    uint32_t values[3];
    assert_int_equal(gguf_get_u32s(&gguf, "integers", true, values, 2, NULL), QC_ERROR_FORMAT);
    assert_int_equal(gguf_get_u32s(&gguf, "integers", true, values, 3, NULL), QC_ERROR_FORMAT);
    assert_int_equal(gguf_get_u32s(&gguf, "u32", true, values, 1, NULL), QC_ERROR_FORMAT);
    gguf_free(&gguf);
}

static void floats_are_read(void **state)
{
    (void)state;
    struct gguf gguf = parse_good(file_with_values());
    float value = 0;
    assert_int_equal(gguf_get_f32(&gguf, "f32", true, &value, NULL), QC_OK);
    assert_true(value == 1.5f);
    assert_int_equal(gguf_get_f32(&gguf, "f64", true, &value, NULL), QC_OK);
    assert_true(value == 2.5f);
    static const char *const others[] = {"f64 large", "f32 nan", "u32", "text", "texts"};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(gguf_get_f32(&gguf, others[i], false, &value, NULL), QC_ERROR_FORMAT);
    assert_true(value == 2.5f);
    assert_int_equal(gguf_get_f32s(&gguf, "texts", true, &value, 3, NULL), QC_ERROR_FORMAT);
    assert_int_equal(gguf_get_f32s(&gguf, "f32", true, &value, 1, NULL), QC_ERROR_FORMAT);
    gguf_free(&gguf);
}

static void other_values_are_read(void **state)
{
    (void)state;
    struct gguf gguf = parse_good(file_with_values());
    bool truth = false;
    assert_int_equal(gguf_get_bool(&gguf, "true", true, &truth, NULL), QC_OK);
    assert_true(truth);
    assert_int_equal(gguf_get_bool(&gguf, "bool 2", true, &truth, NULL), QC_ERROR_FORMAT);
    assert_int_equal(gguf_get_bool(&gguf, "u8", true, &truth, NULL), QC_ERROR_FORMAT);

    struct gguf_text text = {NULL, 0};
    assert_int_equal(gguf_get_text(&gguf, "text", true, &text, NULL), QC_OK);
    assert_int_equal(text.size, 5);
    assert_memory_equal(text.bytes, "hello", 5);
    assert_int_equal(gguf_get_text(&gguf, "texts", true, &text, NULL), QC_ERROR_FORMAT);
    const struct gguf_value *texts = gguf_find_value(&gguf, "texts");
    assert_non_null(texts);
    assert_int_equal(texts->count, 3);
    assert_int_equal(gguf_string_at(texts, 1).size, 0);
    assert_memory_equal(gguf_string_at(texts, 2).bytes, "three", 5);
    gguf_free(&gguf);
}

static void missing_keys_are_told(void **state)
{
    (void)state;
    struct gguf gguf = parse_good(file_with_values());
    char text[QC_MESSAGE_SIZE];
    struct message message = {text, sizeof text};
    uint32_t value = 5;
    assert_int_equal(gguf_get_u32(&gguf, "u3", false, &value, &message), QC_OK);
    assert_int_equal(gguf_get_u32(&gguf, "u322", false, &value, &message), QC_OK);
    assert_int_equal(value, 5);
    assert_int_equal(gguf_get_u32(&gguf, "u3", true, &value, &message), QC_ERROR_FORMAT);
    assert_string_equal(text, "x.gguf: key u3 is missing");
    gguf_free(&gguf);
}

/* ----------------------------------------------------------------------------------- tensors */

static void alignment_is_checked(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        enum gguf_value_type type;
        size_t size;
        bool good;
    } cases[] = {{0, GGUF_UINT32, 4, false},  {1, GGUF_UINT32, 4, false},
                 {2, GGUF_UINT32, 4, false},  {3, GGUF_UINT32, 4, false},
                 {48, GGUF_UINT32, 4, false}, {UINT64_C(1) << 40, GGUF_UINT64, 8, false},
                 {4, GGUF_UINT32, 4, true},   {64, GGUF_UINT64, 8, true},
                 {32, GGUF_FLOAT32, 4, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file *file = begin(1, 1);
        put_key(file, KEY_ALIGNMENT, cases[i].type);
        put(file, cases[i].value, cases[i].size);
        put_tensor(file, "t", 2, 3, GGML_F32, 0);
        put_data(file, cases[i].good ? (size_t)cases[i].value : 1, 24);
        expect(file, cases[i].good ? QC_OK : QC_ERROR_FORMAT, cases[i].good ? "" : KEY_ALIGNMENT);
    }
    struct file *file = begin(1, 1);
    put_key(file, KEY_ALIGNMENT, GGUF_UINT32);
    put(file, UINT64_C(1) << 31, 4);
    put_tensor(file, "t", 2, 3, GGML_F32, 0);
    put_data(file, 1, 24);
    expect(file, QC_ERROR_FORMAT, "padding");
}

static void tensors_are_indexed(void **state)
{
    (void)state;
    struct file *file = begin(3, 0);
    put_tensor(file, "b", 3, 2, GGML_F32, 32);
    put_tensor(file, "a", 5, 1, GGML_F16, 0);
    put_tensor(file, "q", 32, 1, 2, 64);
    put_data(file, 32, 96);
    struct gguf gguf = parse_good(file);
    const struct gguf_tensor *b = gguf_find_tensor(&gguf, "b");
    assert_ptr_equal(b, &gguf.tensors[0]);
    assert_int_equal(b->dimensions, 2);
    assert_int_equal(b->shape[0], 3);
    assert_int_equal(b->shape[1], 2);
    assert_int_equal(b->shape[3], 1);
    assert_int_equal(b->count, 6);
    assert_int_equal(b->size, 24);
    assert_ptr_equal(b->data, file->bytes + file->size - 64);
    const struct gguf_tensor *q = gguf_find_tensor(&gguf, "q");
    assert_int_equal(q->type, 2);
    assert_int_equal(q->size, 0);
    assert_int_equal(gguf_find_tensor(&gguf, "a")->size, 10);
    assert_null(gguf_find_tensor(&gguf, "c"));
    assert_null(gguf_find_tensor(&gguf, ""));
    gguf_free(&gguf);
}

static void shapes_are_checked(void **state)
{
    (void)state;
    static const uint64_t dimensions[] = {0, 5, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        struct file *file = begin(1, 0);
        put_text(file, "t");
        put(file, dimensions[i], 4);
        put_data(file, 1, 200);
        expect(file, QC_ERROR_FORMAT, "expected 1 to 4");
    }
    static const uint64_t sizes[][2] = {{UINT64_C(1) << 63, 2},
                                        {UINT64_C(1) << 32, UINT64_C(1) << 32},
                                        {UINT64_C(1) << 31, UINT64_C(1) << 31},
                                        {UINT64_MAX, UINT64_MAX},
                                        {(UINT64_C(1) << 62) + 1, 4}};
    static const uint32_t types[] = {GGML_F32, GGML_F16, GGML_I8, 2};
    for (size_t i = 0; i < 5; i++) {
        for (size_t j = 0; j < 4; j++) {
            struct file *file = begin(1, 0);
            put_tensor(file, "huge", sizes[i][0], sizes[i][1], types[j], 0);
            put_data(file, 32, 64);
            expect(file, QC_ERROR_FORMAT, "huge: its shape is larger than memory");
        }
    }
    struct file *file = begin(1, 0);
    put_tensor(file, "none", 3, 0, GGML_F32, 0);
    put_data(file, 32, 64);
    expect(file, QC_ERROR_FORMAT, "tensor none: a dimension is 0");
}

static void places_are_checked(void **state)
{
    (void)state;
    static const struct {
        uint64_t offset;
        uint32_t type;
        const char *word;
    } cases[] = {{0, GGML_F32, NULL},
                 {32, GGML_F32, NULL},
                 {64, GGML_F32, "goes beyond the end"},
                 {64, GGML_I8, NULL},
                 {96, GGML_I8, "goes beyond the end"},
                 {96, 2, "goes beyond the end"},
                 {64, 2, NULL},
                 {4, GGML_F32, "a multiple of 32"},
                 {UINT64_MAX - 31, GGML_F32, "goes beyond the end"},
                 {UINT64_C(1) << 63, GGML_F32, "goes beyond the end"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file *file = begin(1, 0);
        put_tensor(file, "t", 4, 4, cases[i].type, cases[i].offset);
        put_data(file, 32, 96);
        expect(file, cases[i].word ? QC_ERROR_FORMAT : QC_OK, cases[i].word ? cases[i].word : "");
    }
}

static void overlaps_and_doubles_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint64_t rows;
        uint32_t type;
        uint64_t second;
        bool good;
    } cases[] = {{8, GGML_F32, 32, true},  {9, GGML_F32, 32, false},  {1, GGML_F32, 0, false},
                 {16, GGML_F16, 32, true}, {17, GGML_F16, 32, false}, {17, GGML_BF16, 32, false},
                 {32, GGML_I8, 32, true},  {33, GGML_I8, 32, false},  {9, 2, 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file *file = begin(2, 0);
        put_tensor(file, "late", 1, 1, GGML_F32, cases[i].second);
        put_tensor(file, "early", 1, cases[i].rows, cases[i].type, 0);
        put_data(file, 32, 96);
        expect(file, cases[i].good ? QC_OK : QC_ERROR_FORMAT, cases[i].good ? "" : "overlap");
    }
    struct file *file = begin(2, 0);
    put_tensor(file, "same", 1, 1, GGML_F32, 0);
    put_tensor(file, "same", 1, 1, GGML_F32, 32);
    put_data(file, 32, 64);
    expect(file, QC_ERROR_FORMAT, "tensor same is there twice");
}

/* -------------------------------------------------------------------------------- all at once */

static struct file *file_with_everything(void)
{
    struct file *file = file_with_values();
    memcpy(file->bytes + 8, "\3", 1);
    put_tensor(file, "b", 3, 2, GGML_F32, 32);
    put_tensor(file, "a", 5, 1, GGML_F16, 0);
    put_tensor(file, "c", 16, 1, GGML_I8, 64);
    put_data(file, 32, 80);
    return file;
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    const struct file *file = file_with_everything();
    expect(file, QC_OK, "");
    for (size_t size = 0; size < file->size; size++) {
        char text[QC_MESSAGE_SIZE];
        assert_int_equal(parse_copy(file, size, text), QC_ERROR_FORMAT);
        assert_true(*text);
    }
}

static void flipped_bytes_never_crash(void **state)
{
    (void)state;
    struct file *file = file_with_everything();
    uint64_t random = 42;
    size_t refused = 0;
    for (int round = 0; round < 20000; round++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        unsigned char *place = &file->bytes[(random >> 33) % file->size];
        const unsigned char before = *place;
        *place = (unsigned char)(random >> 20);
        char text[QC_MESSAGE_SIZE];
        refused += parse_copy(file, file->size, text) != QC_OK;
        *place = before;
    }
    assert_true(refused > 1000);
    expect(file, QC_OK, "");
}

static void labels_are_printable(void **state)
{
    (void)state;
    assert_string_equal(gguf_label((struct gguf_text){"a\033b\n\xFF", 5}).text, "a?b??");
    char lengthy[200];
    memset(lengthy, 'x', sizeof lengthy);
    assert_int_equal(strlen(gguf_label((struct gguf_text){lengthy, sizeof lengthy}).text), 79);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_is_checked),
        cmocka_unit_test(counts_are_bounded),
        cmocka_unit_test(keys_are_checked),
        cmocka_unit_test(types_are_checked),
        cmocka_unit_test(array_sizes_are_checked),
        cmocka_unit_test(integers_are_read),
        cmocka_unit_test(floats_are_read),
        cmocka_unit_test(other_values_are_read),
        cmocka_unit_test(missing_keys_are_told),
        cmocka_unit_test(alignment_is_checked),
        cmocka_unit_test(tensors_are_indexed),
        cmocka_unit_test(shapes_are_checked),
        cmocka_unit_test(places_are_checked),
        cmocka_unit_test(overlaps_and_doubles_are_refused),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(flipped_bytes_never_crash),
        cmocka_unit_test(labels_are_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
