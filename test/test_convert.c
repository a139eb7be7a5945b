/*
 * test_convert.c - checkpoints that real PyTorch wrote become the right model files, to the bit,
 * and whatever is wrong or hostile in a checkpoint is an error that names it and leaves nothing
 * behind.
 *
 * test/golden/make_checkpoints.py made the checkpoints and, in NAME.expected, the hashes of every
 * tensor that must come out: folded, transposed and split by numpy in double precision.
 */
#include "gguf.h" /* before cmocka.h, which makes fail() a macro */
#include "xxh64.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include <cmocka.h>

#include "checkpoint/conversion.h"
#include "qualiclip.h"

#define DIRECTORY "test/golden/checkpoints/"

static char directory[] = "/tmp/qualiclip-convert-XXXXXX";
static char model_path[64], changed_path[64];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(model_path, sizeof model_path, "%s/model.gguf", directory);
    snprintf(changed_path, sizeof changed_path, "%s/changed.pth", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(changed_path);
    return rmdir(directory); /* fails if a conversion left anything behind */
}

static unsigned char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* ------------------------------------------------------------------------------- right results */

static bool convert(const char *path, bool half, char *message)
{
    struct conversion conversion = {
        .checkpoint_path = path, .model_path = model_path, .half = half};
    struct conversion_result result;
    return convert_checkpoint(&conversion, &result, message);
}

/* Compares a tensor with its line of NAME.expected. */
static void check_tensor(const struct gguf *gguf, const char *line, bool half)
{
    char name[80], kind[8], shape[80], found[80] = "";
    uint64_t hash_f32, hash_f16;
    assert_int_equal(
        sscanf(line, "%79s %7s %79s %" SCNx64 " %" SCNx64, name, kind, shape, &hash_f32, &hash_f16),
        5);
    const struct gguf_tensor *tensor = gguf_find_tensor(gguf, name);
    if (!tensor)
        fail_msg("%s is missing", name);
    for (uint32_t i = tensor->dimensions; i-- > 0;)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%" PRIu64,
                 found[0] ? "x" : "", tensor->shape[i]);
    if (strcmp(found, shape) != 0)
        fail_msg("%s has shape %s, expected %s", name, found, shape);
    bool smaller = half && strcmp(kind, "matrix") == 0;
    assert_int_equal(tensor->type, smaller ? GGML_F16 : GGML_F32);
    if (xxh64(tensor->data, tensor->size, 0) != (smaller ? hash_f16 : hash_f32))
        fail_msg("%s: other numbers than expected", name);
}

static void check_conversion(const char *checkpoint, const char *expected, bool half)
{
    char path[96], message[QC_MESSAGE_SIZE];
    snprintf(path, sizeof path, DIRECTORY "%s.pth", checkpoint);
    if (!convert(path, half, message))
        fail_msg("%s", message);
    size_t size;
    unsigned char *bytes = read_file(model_path, &size);
    struct gguf gguf;
    assert_int_equal(gguf_parse(&gguf, bytes, size, checkpoint, NULL), QC_OK);
    snprintf(path, sizeof path, DIRECTORY "%s.expected", expected);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[256];
    uint64_t tensors = 0;
    while (fgets(line, sizeof line, file)) {
        check_tensor(&gguf, line, half);
        tensors++;
    }
    fclose(file);
    assert_true(tensors > 20);
    assert_int_equal(gguf.tensor_count, tensors); /* and nothing else */
    gguf_free(&gguf);
    free(bytes);

    qc_model *model;
    assert_int_equal(qc_model_open(&model, model_path, NULL), QC_OK);
    qc_model_close(model);
    unlink(model_path);
}

static void tensors_are_right_to_the_bit(void **state)
{
    (void)state;
    static const char *const names[] = {"vit", "vit_half", "vit_views", "resnet"};
    for (int half = 0; half < 2; half++)
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            check_conversion(names[i], names[i], half);
}

static void containers_do_not_matter(void **state)
{
    (void)state;
    check_conversion("tiny", "tiny", false);
    check_conversion("tiny_big_endian", "tiny", false);
    check_conversion("tiny_deflated", "tiny", false);
}

/* --------------------------------------------------------------------------------------- faults */

/* Converts, which must fail, say all of the words, and leave nothing behind. */
static void refused(const char *path, const char *first, const char *second)
{
    char message[QC_MESSAGE_SIZE] = "";
    if (convert(path, true, message))
        fail_msg("%s was converted", path);
    if (!strstr(message, first) || !strstr(message, second))
        fail_msg("the message does not say \"%s\" and \"%s\": %s", first, second, message);
    assert_int_not_equal(access(model_path, F_OK), 0);
}

/* Writes changed_path: a checkpoint in one entry of which `from` has become `to`, everywhere. */
static void change(const char *checkpoint, const char *entry, const void *from, const void *to,
                   size_t size)
{
    size_t total;
    char path[96], name[96];
    snprintf(path, sizeof path, DIRECTORY "%s.pth", checkpoint);
    unsigned char *bytes = read_file(path, &total);
    write_file(changed_path, bytes, total);
    free(bytes);

    zip_t *zip = zip_open(changed_path, 0, NULL);
    assert_non_null(zip);
    snprintf(name, sizeof name, "%s/%s", checkpoint, entry);
    zip_stat_t stat;
    assert_int_equal(zip_stat(zip, name, 0, &stat), 0);
    unsigned char *contents = malloc(stat.size);
    zip_file_t *file = zip_fopen(zip, name, 0);
    assert_non_null(file);
    assert_int_equal(zip_fread(file, contents, stat.size), stat.size);
    zip_fclose(file);
    size_t changes = 0;
    for (size_t i = 0; i + size <= stat.size; i++)
        if (memcmp(contents + i, from, size) == 0) {
            memcpy(contents + i, to, size);
            changes++;
        }
    assert_true(changes > 0);
    zip_source_t *source = zip_source_buffer(zip, contents, stat.size, 1);
    assert_non_null(source);
    assert_true(zip_file_add(zip, name, source, ZIP_FL_OVERWRITE) >= 0);
    assert_int_equal(zip_close(zip), 0);
}

static void rename_key(const char *checkpoint, const char *from, const char *to)
{
    assert_int_equal(strlen(from), strlen(to));
    change(checkpoint, "data.pkl", from, to, strlen(from));
}

static void nothing_is_ever_executed(void **state)
{
    (void)state;
    refused(DIRECTORY "calls_system.pth", "system", "calls_system.pth");
    refused(DIRECTORY "calls_eval.pth", "eval", "calls_eval.pth");
    assert_int_not_equal(access("/tmp/qualiclip-was-here", F_OK), 0);
}

static void other_formats_are_named(void **state)
{
    (void)state;
    refused(DIRECTORY "legacy.pth", "legacy.pth", "save it again");
    refused("README.md", "README.md", "");
    refused("/dev/null", "/dev/null", "empty");
    refused("/nowhere/at.all", "/nowhere/at.all", "No such file");
    refused("test", "test", "directory");
}

static void missing_and_unknown_tensors_are_named(void **state)
{
    (void)state;
    rename_key("vit", "visual.ln_pre.weight", "visual.ln_pre.wxight");
    refused(changed_path, "visual.ln_pre.w", "");
    rename_key("vit", "ln_final.weight", "ln_finax.weight");
    refused(changed_path, "ln_finax.weight", "--allow-unknown");
    struct conversion conversion = {
        .checkpoint_path = changed_path, .model_path = model_path, .allow_unknown = true};
    struct conversion_result result;
    char message[QC_MESSAGE_SIZE];
    assert_true(convert_checkpoint(&conversion, &result, message));
    unlink(model_path);
    rename_key("resnet", "layer2.1.bn3.running_var", "layer2.1.bn3.rumming_var");
    refused(changed_path, "layer2.1.bn3.ru", "");
}

/* data/0 is the class embedding: its first number becomes one that no weight can be. */
static void numbers_that_cannot_be_are_named(void **state)
{
    (void)state;
    zip_t *zip = zip_open(DIRECTORY "tiny.pth", ZIP_RDONLY, NULL);
    assert_non_null(zip);
    float first;
    zip_file_t *file = zip_fopen(zip, "tiny/data/0", 0);
    assert_int_equal(zip_fread(file, &first, sizeof first), sizeof first);
    zip_fclose(file);
    zip_discard(zip);
    const uint32_t nan = 0x7FC00000, infinity = 0xFF800000;
    change("tiny", "data/0", &first, &nan, sizeof first);
    refused(changed_path, "class_embedding", "finite");
    change("tiny", "data/0", &first, &infinity, sizeof first);
    refused(changed_path, "class_embedding", "finite");
}

static void shapes_without_numbers_are_refused(void **state)
{
    (void)state;
    refused(DIRECTORY "expanded.pth", "expanded.pth", "");
}

static void cut_checkpoints_are_refused(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = read_file(DIRECTORY "tiny.pth", &size);
    for (size_t part = 0; part < 16; part++) {
        write_file(changed_path, bytes, size * part / 16);
        refused(changed_path, changed_path, "");
    }
    for (size_t cut = 1; cut <= 64; cut++) {
        write_file(changed_path, bytes, size - cut);
        refused(changed_path, changed_path, "");
    }
    free(bytes);
}

/* Damaged anywhere, a file is converted or refused, but never more than that. */
static void damaged_checkpoints_do_no_harm(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = read_file(DIRECTORY "tiny.pth", &size);
    uint32_t random = 20261124;
    size_t refusals = 0;
    for (int round = 0; round < 600; round++) {
        uint32_t at[3];
        unsigned char was[3];
        for (int i = 0; i < 3; i++) {
            random = random * 1664525 + 1013904223;
            /* Two in three hit the pickle and the directory at the ends, where structure is. */
            size_t place = (random >> 8) % size;
            at[i] = (uint32_t)(i == 0 ? place % 8192 : i == 1 ? size - 1 - place % 4096 : place);
            was[i] = bytes[at[i]];
            bytes[at[i]] = (unsigned char)(random >> 24);
        }
        write_file(changed_path, bytes, size);
        char message[QC_MESSAGE_SIZE] = "";
        if (convert(changed_path, false, message)) {
            unlink(model_path);
        } else {
            assert_true(message[0]);
            refusals++;
        }
        assert_int_not_equal(access(model_path, F_OK), 0);
        for (int i = 3; i-- > 0;)
            bytes[at[i]] = was[i];
    }
    free(bytes);
    assert_true(refusals > 300);
}

static void a_failure_leaves_the_old_model_alone(void **state)
{
    (void)state;
    char message[QC_MESSAGE_SIZE];
    write_file(model_path, "precious", 8);
    assert_false(convert(DIRECTORY "calls_eval.pth", false, message));
    assert_false(convert(DIRECTORY "expanded.pth", false, message));
    size_t size;
    unsigned char *bytes = read_file(model_path, &size);
    assert_int_equal(size, 8);
    assert_memory_equal(bytes, "precious", 8);
    free(bytes);
    unlink(model_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_right_to_the_bit),
        cmocka_unit_test(containers_do_not_matter),
        cmocka_unit_test(nothing_is_ever_executed),
        cmocka_unit_test(other_formats_are_named),
        cmocka_unit_test(missing_and_unknown_tensors_are_named),
        cmocka_unit_test(numbers_that_cannot_be_are_named),
        cmocka_unit_test(shapes_without_numbers_are_refused),
        cmocka_unit_test(cut_checkpoints_are_refused),
        cmocka_unit_test(damaged_checkpoints_do_no_harm),
        cmocka_unit_test(a_failure_leaves_the_old_model_alone),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
