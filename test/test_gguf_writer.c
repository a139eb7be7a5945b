/*
 * test_gguf_writer.c - what the writer writes, the reader reads; and nothing is lost when it fails.
 */
#include "gguf.h" /* before cmocka.h, which makes fail() a macro */
#include "gguf_writer.h"
#include "map_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/qualiclip-test-writer-XXXXXX";
static char path[64];
static char message[512];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/out.gguf", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static size_t files_in_directory(void)
{
    size_t count = 0;
    DIR *entries = opendir(directory);
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries));)
        count += entry->d_name[0] != '.';
    closedir(entries);
    return count;
}

static struct gguf_writer *open_writer(void)
{
    struct gguf_writer *writer = gguf_writer_open(path, message);
    if (!writer)
        fail_msg("%s", message);
    return writer;
}

static void written_file_reads_back(void **state)
{
    (void)state;
    struct gguf_writer *writer = open_writer();
    gguf_put_u32(writer, "u32", 4000000000u);
    gguf_put_f32(writer, "f32", 0.25f);
    gguf_put_bool(writer, "bool", true);
    gguf_put_string(writer, "string", "some text");
    gguf_put_u32s(writer, "u32s", (uint32_t[]){1, 2, 3}, 3);
    gguf_put_f32s(writer, "f32s", (float[]){1, -2}, 2);
    gguf_put_strings(writer, "strings", (const char *[]){"x", "", "yz"}, 3);
    gguf_declare(writer, "first", GGML_F32, 2, (uint64_t[]){3, 5});
    gguf_declare(writer, "second", GGML_I8, 1, (uint64_t[]){7});
    float numbers[15];
    for (size_t i = 0; i < 15; i++)
        numbers[i] = (float)i / 3;
    /* In pieces that do not end where tensors do. */
    unsigned char stream[67];
    memcpy(stream, numbers, 60);
    memcpy(stream + 60, "1234567", 7);
    gguf_write(writer, stream, 10);
    gguf_write(writer, stream + 10, 54);
    gguf_write(writer, stream + 64, 3);
    if (!gguf_writer_finish(writer, message))
        fail_msg("%s", message);
    assert_int_equal(files_in_directory(), 1);

    const void *data;
    size_t size;
    assert_int_equal(map_file(&data, &size, path, NULL), QC_OK);
    assert_int_equal(size % 64, 0);
    struct gguf gguf;
    assert_int_equal(gguf_parse(&gguf, data, size, path, NULL), QC_OK);
    uint32_t u32, u32s[3];
    float f32, f32s[2];
    bool truth = false;
    struct gguf_text text;
    assert_int_equal(gguf_get_u32(&gguf, "u32", true, &u32, NULL), QC_OK);
    assert_int_equal(u32, 4000000000u);
    assert_int_equal(gguf_get_f32(&gguf, "f32", true, &f32, NULL), QC_OK);
    assert_true(f32 == 0.25f);
    assert_int_equal(gguf_get_bool(&gguf, "bool", true, &truth, NULL), QC_OK);
    assert_true(truth);
    assert_int_equal(gguf_get_text(&gguf, "string", true, &text, NULL), QC_OK);
    assert_memory_equal(text.bytes, "some text", 9);
    assert_int_equal(gguf_get_u32s(&gguf, "u32s", true, u32s, 3, NULL), QC_OK);
    assert_int_equal(u32s[2], 3);
    assert_int_equal(gguf_get_f32s(&gguf, "f32s", true, f32s, 2, NULL), QC_OK);
    assert_true(f32s[0] == 1 && f32s[1] == -2);
    assert_memory_equal(gguf_string_at(gguf_find_value(&gguf, "strings"), 2).bytes, "yz", 2);
    const struct gguf_tensor *first = gguf_find_tensor(&gguf, "first");
    const struct gguf_tensor *second = gguf_find_tensor(&gguf, "second");
    assert_int_equal(first->shape[0], 3);
    assert_int_equal(first->shape[1], 5);
    assert_int_equal((uintptr_t)first->data % 64, 0);
    assert_memory_equal(first->data, numbers, 60);
    assert_int_equal((uintptr_t)second->data % 64, 0);
    assert_memory_equal(second->data, "1234567", 7);
    gguf_free(&gguf);
    unmap_file(data, size);
}

static void write_text(const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect_text(const char *text)
{
    char found[64] = "";
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_non_null(fgets(found, sizeof found, file));
    fclose(file);
    assert_string_equal(found, text);
    assert_int_equal(files_in_directory(), 1);
}

/* Each failure leaves the file that was there, and no other. */
static void failures_leave_what_was_there(void **state)
{
    (void)state;
    const uint64_t shape[1] = {4};
    const float numbers[5] = {0};
    write_text("precious");

    struct gguf_writer *writer = open_writer();
    gguf_declare(writer, "short", GGML_F32, 1, shape);
    gguf_write(writer, numbers, 12);
    assert_false(gguf_writer_finish(writer, message));
    assert_non_null(strstr(message, "tensor short is not complete"));
    expect_text("precious");

    writer = open_writer();
    gguf_declare(writer, "full", GGML_F32, 1, shape);
    gguf_write(writer, numbers, 20);
    assert_false(gguf_writer_finish(writer, message));
    assert_non_null(strstr(message, "more numbers"));
    expect_text("precious");

    writer = open_writer();
    gguf_declare(writer, "zero", GGML_F32, 1, (uint64_t[]){0});
    gguf_put_u32(writer, "key", 1);
    assert_false(gguf_writer_finish(writer, message));
    assert_non_null(strstr(message, "tensor zero"));
    expect_text("precious");

    writer = open_writer();
    gguf_declare(writer, "huge", GGML_F32, 2, (uint64_t[]){UINT64_C(1) << 62, 4});
    assert_false(gguf_writer_finish(writer, message));
    assert_non_null(strstr(message, "tensor huge"));

    writer = open_writer();
    gguf_declare(writer, "first", GGML_F32, 1, shape);
    gguf_write(writer, numbers, 4);
    gguf_put_u32(writer, "late", 1);
    assert_false(gguf_writer_finish(writer, message));
    assert_non_null(strstr(message, "key late"));

    writer = open_writer();
    gguf_declare(writer, "first", GGML_F32, 1, shape);
    gguf_write(writer, numbers, 16);
    gguf_writer_abandon(writer);
    gguf_writer_abandon(NULL);
    expect_text("precious");
}

static void unwritable_places_are_refused(void **state)
{
    (void)state;
    assert_null(gguf_writer_open("/nowhere/at/all/out.gguf", message));
    assert_non_null(strstr(message, "/nowhere/at/all/out.gguf"));
    assert_null(gguf_writer_open(directory, message));
    assert_non_null(strstr(message, "not a regular file"));
    assert_null(gguf_writer_open("/dev/null", message));
    assert_non_null(strstr(message, "not a regular file"));
}

/* The file system takes no more than so many bytes. */
static void full_disk_is_told(void **state)
{
    (void)state;
    write_text("precious");
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {1000, before.rlim_max};
    void (*const handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);

    static const unsigned char numbers[100000];
    struct gguf_writer *writer = open_writer();
    gguf_declare(writer, "large", GGML_I8, 1, (uint64_t[]){sizeof numbers});
    gguf_write(writer, numbers, sizeof numbers);
    const bool large_written = gguf_writer_finish(writer, message);
    const bool large_told = strstr(message, "cannot be written") != NULL;
    /* So few that only closing the file finds out. */
    writer = open_writer();
    gguf_declare(writer, "small", GGML_I8, 1, (uint64_t[]){2000});
    gguf_write(writer, numbers, 2000);
    const bool small_written = gguf_writer_finish(writer, message);
    const bool small_told = strstr(message, "cannot be written") != NULL;

    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    assert_true(!large_written && large_told && !small_written && small_told);
    expect_text("precious");
}

static void failed_rename_leaves_nothing(void **state)
{
    (void)state;
    unlink(path);
    struct gguf_writer *writer = open_writer();
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(gguf_writer_finish(writer, message));
    assert_non_null(strstr(message, "cannot be renamed"));
    assert_int_equal(files_in_directory(), 1);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_file_reads_back),
        cmocka_unit_test(failures_leave_what_was_there),
        cmocka_unit_test(unwritable_places_are_refused),
        cmocka_unit_test(full_disk_is_told),
        cmocka_unit_test(failed_rename_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
