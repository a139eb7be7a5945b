/*
 * test_model_check.c - qc_model_check() says of a file what qc_model_open() says, word for word.
 */
#include "qualiclip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "archive.h"
#include "model_builder.h"
#include "temporary_file.h"

static const char *const path = temporary_path;

/* Both ways agree; returns their status. */
static qc_status check(const char *file)
{
    char opened[QC_MESSAGE_SIZE] = "", checked[QC_MESSAGE_SIZE] = "";
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = opened;
    options.message_size = sizeof opened;
    qc_model *model;
    const qc_status status = qc_model_open(&model, file, &options);
    qc_model_close(model);
    options.message = checked;
    assert_int_equal(qc_model_check(file, &options), status);
    assert_string_equal(opened, checked);
    return status;
}

static void good_files_pass(void **state)
{
    (void)state;
    struct tiny_vit_options vit = tiny_vit_options();
    write_tiny_vit(path, &vit);
    assert_int_equal(check(path), QC_OK);
    assert_int_equal(qc_model_check(path, NULL), QC_OK);
    struct tiny_resnet_options resnet = tiny_resnet_options();
    resnet.type = GGML_F16;
    write_tiny_resnet(path, &resnet);
    assert_int_equal(check(path), QC_OK);
}

/* The last number of a matrix of 4.5 MiB lies behind the first piece that is released. */
static void numbers_are_looked_at(void **state)
{
    (void)state;
    struct model_faults faults = {.poison = "v.blk.0.ffn_down.weight", .poison_value = NAN};
    struct tiny_vit_options options = tiny_vit_options();
    options.mlp_width = 18432;
    options.layers = 1;
    write_tiny_vit(path, &options);
    assert_int_equal(check(path), QC_OK);
    options.faults = &faults;
    write_tiny_vit(path, &options);
    assert_int_equal(check(path), QC_ERROR_FORMAT);
}

static void bad_files_do_not_pass(void **state)
{
    (void)state;
    struct model_faults faults = {.omit = "v.post_ln.bias"};
    struct tiny_vit_options options = tiny_vit_options();
    options.faults = &faults;
    write_tiny_vit(path, &options);
    assert_int_equal(check(path), QC_ERROR_FORMAT);
    options.faults = NULL;
    write_tiny_vit(path, &options);
    size_t size;
    unsigned char *bytes = read_whole_file(path, &size);
    write_whole_file(path, bytes, size / 2);
    free(bytes);
    assert_int_equal(check(path), QC_ERROR_FORMAT);
    assert_int_equal(check("/no/such/model.gguf"), QC_ERROR_IO);
    assert_int_equal(qc_model_check(NULL, NULL), QC_ERROR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_pass),
        cmocka_unit_test(numbers_are_looked_at),
        cmocka_unit_test(bad_files_do_not_pass),
    };
    return cmocka_run_group_tests(tests, temporary_file_make, temporary_file_remove);
}
