/*
 * archive.c - see archive.h; libzip writes, so that every checksum is right.
 */
#include "archive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include <cmocka.h>

unsigned char *read_whole_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s: cannot be opened", path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*size ? *size : 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

void write_whole_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Takes over the bytes. */
static void add_entry(zip_t *archive, const char *name, unsigned char *bytes, size_t size,
                      int deflated)
{
    zip_source_t *source = zip_source_buffer(archive, bytes, size, 1);
    assert_non_null(source);
    zip_int64_t index = zip_file_add(archive, name, source, ZIP_FL_ENC_UTF_8);
    assert_true(index >= 0);
    assert_int_equal(zip_set_file_compression(archive, (zip_uint64_t)index,
                                              deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0),
                     0);
}

void archive_copy(const char *source, const char *target, archive_change *change, void *context)
{
    int error;
    remove(target);
    zip_t *from = zip_open(source, ZIP_RDONLY, &error);
    zip_t *to = zip_open(target, ZIP_CREATE, &error);
    assert_true(from && to);
    for (zip_int64_t i = 0; i < zip_get_num_entries(from, 0); i++) {
        zip_stat_t entry;
        assert_int_equal(zip_stat_index(from, (zip_uint64_t)i, 0, &entry), 0);
        size_t size = (size_t)entry.size;
        unsigned char *bytes = malloc(size ? size : 1);
        zip_file_t *file = zip_fopen_index(from, (zip_uint64_t)i, 0);
        assert_true(bytes && file);
        assert_int_equal(zip_fread(file, bytes, size), size);
        zip_fclose(file);
        if (!change || change(context, entry.name, &bytes, &size))
            add_entry(to, entry.name, bytes, size, 0);
        else
            free(bytes);
    }
    assert_int_equal(zip_close(to), 0);
    zip_discard(from);
}

void archive_add(const char *path, const char *name, const void *bytes, size_t size, int deflated)
{
    int error;
    zip_t *archive = zip_open(path, ZIP_CREATE, &error);
    unsigned char *copy = malloc(size ? size : 1);
    assert_true(archive && copy);
    memcpy(copy, bytes, size);
    add_entry(archive, name, copy, size, deflated);
    assert_int_equal(zip_close(archive), 0);
}

void replace_bytes(unsigned char *bytes, size_t size, const char *old, const char *new)
{
    size_t length = strlen(old);
    assert_int_equal(strlen(new), length);
    for (size_t i = 0; i + length <= size; i++)
        if (memcmp(bytes + i, old, length) == 0) {
            memcpy(bytes + i, new, length);
            return;
        }
    fail_msg("%s does not occur", old);
}
