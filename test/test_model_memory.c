/*
 * test_model_memory.c - opening a model while memory runs out: the nth allocation fails, for every
 * n; and in a block of the caller's, without any.  The linker's --wrap sends the library's
 * allocations through here (Makefile).
 */
#include "qualiclip.h"
#include "model_builder.h"
#include "temporary_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *block);

static bool counting;
static size_t allocations; /* since counting began */
static size_t failing;     /* the number of the one that fails; 0: none */
static long alive;         /* blocks not yet freed */

static bool next_fails(void)
{
    return counting && ++allocations == failing;
}

static void *count_block(void *block)
{
    alive += counting && block;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return next_fails() ? NULL : count_block(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return next_fails() ? NULL : count_block(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    if (next_fails())
        return NULL;
    return block ? __real_realloc(block, size) : count_block(__real_realloc(NULL, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return next_fails() ? NULL : count_block(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void *block)
{
    alive -= counting && block;
    __real_free(block);
}

static const char *const path = temporary_path;

/* Opens with allocation `failing` denied; tells whether it was asked for. */
static bool open_without_memory(size_t number, const char *file)
{
    char message[QC_MESSAGE_SIZE];
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = message;
    options.message_size = sizeof message;
    qc_model *model;
    allocations = 0;
    alive = 0;
    failing = number;
    counting = true;
    const qc_status status = qc_model_open(&model, file, &options);
    const bool asked = allocations >= number;
    const bool opened = model != NULL;
    qc_model_close(model);
    counting = false;
    assert_int_equal(alive, 0);
    assert_int_equal(status, asked ? QC_ERROR_MEMORY : QC_OK);
    assert_int_equal(opened, !asked);
    assert_true(!asked || strstr(message, "memory"));
    return asked;
}

static void every_allocation_may_fail(void)
{
    size_t number = 1;
    while (open_without_memory(number, path))
        number++;
    /* The model, the index and its parts, vectors, names: if not, nothing was tested. */
    assert_true(number > 30);
}

static void vit_unwinds(void **state)
{
    (void)state;
    struct tiny_vit_options options = tiny_vit_options();
    options.vector_type = GGML_F16; /* widened vectors are allocated */
    write_tiny_vit(path, &options);
    every_allocation_may_fail();
}

static void resnet_unwinds(void **state)
{
    (void)state;
    struct tiny_resnet_options options = tiny_resnet_options();
    options.vector_type = GGML_F16;
    write_tiny_resnet(path, &options);
    every_allocation_may_fail();
}

static void low_level_unwinds(void **state)
{
    (void)state;
    struct tiny_resnet_options options = tiny_resnet_options();
    options.vector_type = GGML_F16;
    options.low_level_width = 2;
    options.low_level_feature_size = 3;
    write_tiny_resnet(path, &options);
    every_allocation_may_fail();
}

/* ------------------------------------------------------------------------------ the caller's block
 */

/* Reads the file into memory that is aligned as qc_model_open_memory() wants it. */
static void *read_file(size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    void *data = malloc(*size);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

/* As if the first allocation failed: there may be none. */
static qc_status open_in_block(qc_model **model, const void *data, size_t size,
                               const qc_model_options *options)
{
    allocations = 0;
    failing = 1;
    counting = true;
    const qc_status status = qc_model_open_memory(model, data, size, options);
    counting = false;
    assert_int_equal(allocations, 0);
    return status;
}

static void check_block(const void *data, size_t size, qc_packing packing, qc_precision precision)
{
    char message[QC_MESSAGE_SIZE] = "";
    qc_model_options options;
    qc_model_options_init(&options);
    options.packing = packing;
    options.precision = precision;
    options.message = message;
    options.message_size = sizeof message;
    qc_model *model;
    qc_model_info on_heap, in_block;
    assert_int_equal(qc_model_open_memory(&model, data, size, &options), QC_OK);
    qc_model_describe(model, &on_heap);
    char hash[32];
    snprintf(hash, sizeof hash, "%s", on_heap.hash);
    qc_model_close(model);

    options.memory_size = on_heap.memory_size;
    options.memory = aligned_alloc(64, options.memory_size);
    assert_non_null(options.memory);
    memset(options.memory, 0xA5, options.memory_size);
    assert_int_equal(open_in_block(&model, data, size, &options), QC_OK);
    qc_model_describe(model, &in_block);
    assert_int_equal(in_block.memory_size, on_heap.memory_size);
    assert_string_equal(in_block.hash, hash);
    qc_model_close(model);
    assert_int_equal(open_in_block(&model, data, size, &options), QC_OK); /* once more */
    qc_model_close(model);

    while (options.memory_size >= 64) {
        options.memory_size -= options.memory_size > 4096 ? options.memory_size / 8 / 64 * 64 : 64;
        assert_int_equal(open_in_block(&model, data, size, &options), QC_ERROR_MEMORY);
        assert_null(model);
        assert_non_null(strstr(message, "memory"));
    }
    options.memory = (char *)options.memory + 4;
    assert_int_equal(open_in_block(&model, data, size, &options), QC_ERROR_ARGUMENT);
    free((char *)options.memory - 4);
}

static void opens_in_a_block(void **state)
{
    (void)state;
    struct tiny_vit_options vit = tiny_vit_options();
    struct tiny_resnet_options resnet = tiny_resnet_options();
    vit.vector_type = resnet.vector_type = GGML_F16;
    resnet.low_level_width = 2;
    resnet.low_level_feature_size = 3;
    for (int tower = 0; tower < 2; tower++) {
        if (tower == 0)
            write_tiny_vit(path, &vit);
        else
            write_tiny_resnet(path, &resnet);
        size_t size;
        void *data = read_file(&size);
        check_block(data, size, QC_PACKING_DEFAULT, QC_PRECISION_DEFAULT);
        check_block(data, size, QC_PACKING_ALWAYS, QC_PRECISION_DEFAULT);
        check_block(data, size, QC_PACKING_NEVER, QC_PRECISION_INT8);
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vit_unwinds),
        cmocka_unit_test(resnet_unwinds),
        cmocka_unit_test(low_level_unwinds),
        cmocka_unit_test(opens_in_a_block),
    };
    return cmocka_run_group_tests(tests, temporary_file_make, temporary_file_remove);
}
