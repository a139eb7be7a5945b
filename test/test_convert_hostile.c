/*
 * test_convert_hostile.c - checkpoints that are damaged, dishonest or malicious, and outputs that
 * cannot be written: each is an error that says what is wrong, nothing is executed, no file is left
 * behind, and the file that was there stays.
 */
#include "conversion.h" /* before cmocka.h, which makes fail() a macro */
#include "problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "archive.h"
#include "pickle_writer.h"

#define GOLDEN "test/golden/checkpoints/"
#define TINY   GOLDEN "tiny.pth"

static const char treasure[] = "what was there before";

static char directory[] = "/tmp/qualiclip-test-hostile-XXXXXX";
static char input[64], output[64];
static char text[QC_MESSAGE_SIZE];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(input, sizeof input, "%s/in.pth", directory);
    snprintf(output, sizeof output, "%s/out.gguf", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(input);
    unlink(output);
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

static bool try(const struct conversion *conversion)
{
    struct conversion_result result;
    strcpy(text, "no message");
    return convert_checkpoint(conversion, &result, text);
}

static void check_treasure(void)
{
    size_t size;
    unsigned char *bytes = read_whole_file(output, &size);
    assert_int_equal(size, sizeof treasure);
    assert_memory_equal(bytes, treasure, size);
    free(bytes);
}

/* Fails for the reason given; what was at the output stays, and nothing is left beside it. */
static void expect_failure_of(struct conversion conversion, const char *reason)
{
    write_whole_file(output, treasure, sizeof treasure);
    size_t files = files_in_directory();
    if (!conversion.model_path)
        conversion.model_path = output;
    if (try(&conversion))
        fail_msg("accepted, expected: %s", reason);
    if (!strstr(text, reason))
        fail_msg("\"%s\" does not say \"%s\"", text, reason);
    check_treasure();
    assert_int_equal(files_in_directory(), files);
}

static void expect_failure(const char *path, const char *reason)
{
    expect_failure_of((struct conversion){.checkpoint_path = path}, reason);
}

/* ------------------------------------------------------------------------------ wrong files */

static void expect_content_failure(const void *bytes, size_t size, const char *reason)
{
    write_whole_file(input, bytes, size);
    expect_failure(input, reason);
}

static void other_files_are_called_by_their_name(void **state)
{
    (void)state;
    expect_failure("test/golden/no-such-file.pth", "No such file or directory");
    expect_failure("test/golden", "no checkpoint under a name that is known");
    expect_failure("/dev/null", "the file is empty");
    expect_failure("README.md", "not a zip archive");
    expect_failure(GOLDEN "legacy.pth", "legacy format");
    expect_content_failure("", 0, "the file is empty");
    expect_content_failure("GGUF\3\0\0\0", 8, "model file (GGUF) already");
    expect_content_failure("\x10\0\0\0\0\0\0\0{\"a\":1}", 15, "runs past the end");
    expect_content_failure("just text", 9, "not a zip archive");
    expect_content_failure("PK\3\4", 4, "damaged or cut short");
}

static void other_archives_are_called_by_their_name(void **state)
{
    (void)state;
    unlink(input);
    archive_add(input, "readme.txt", "hello", 5, 0);
    expect_failure(input, "without NAME/data.pkl");
    unlink(input);
    archive_add(input, "a/model.json", "{}", 2, 0);
    expect_failure(input, "TorchScript archive of PyTorch before 1.4");
    unlink(input);
    archive_add(input, "a/b/data.pkl", "}.", 2, 0); /* too deep */
    expect_failure(input, "without NAME/data.pkl");
    unlink(input);
    archive_add(input, "data.pkl", "}.", 2, 0);
    expect_failure(input, "without NAME/data.pkl");
    unlink(input);
    archive_add(input, "a/data.pkl", "}.", 2, 0);
    expect_failure(input, "no image tower");
    unlink(input);
    archive_add(input, "a/data.pkl", "}.", 2, 0);
    archive_add(input, "b/data.pkl", "}.", 2, 0);
    expect_failure(input, "two pickles");
    unlink(input);
    archive_add(input, "a/data.pkl", "].", 2, 0);
    expect_failure(input, "holds a list, expected a dict");
    unlink(input);
    archive_add(input, "a/data.pkl", "}K\1Ns.", 6, 0);
    expect_failure(input, "not a string");
    unlink(input);
    archive_add(input, "a/data.pkl", "}.", 2, 0);
    archive_add(input, "a/byteorder", "middle", 6, 0);
    expect_failure(input, "neither \"little\" nor \"big\"");
}

static void nothing_is_executed(void **state)
{
    (void)state;
    static const char victim[] = "calls_system_was_executed";
    unlink(victim);
    expect_failure(GOLDEN "calls_system.pth", "posix.system is not allowed");
    assert_int_not_equal(access(victim, F_OK), 0);
    expect_failure(GOLDEN "calls_eval.pth", "builtins.eval is not allowed");
}

/* ---------------------------------------------------------------------------------- damage */

static void cut_files_are_refused(void **state)
{
    (void)state;
    static const char *const sources[] = {TINY, GOLDEN "tiny_deflated.pth"};
    for (size_t s = 0; s < 2; s++) {
        size_t size;
        unsigned char *bytes = read_whole_file(sources[s], &size);
        for (size_t part = 0; part < 16; part++)
            expect_content_failure(bytes, size * part / 16, part ? "damaged or cut" : "empty");
        for (size_t cut = 1; cut <= 64; cut++)
            expect_content_failure(bytes, size - cut, "damaged or cut");
        free(bytes);
    }
}

static uint32_t random_bits(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Bytes changed anywhere; most of it is found by the archive's checksums. */
static void damaged_files_do_no_harm(void **state)
{
    (void)state;
    static const char *const sources[] = {TINY, GOLDEN "tiny_deflated.pth"};
    uint32_t seed = 1;
    size_t refused = 0;
    for (size_t s = 0; s < 2; s++) {
        size_t size;
        unsigned char *bytes = read_whole_file(sources[s], &size);
        unsigned char *copy = malloc(size);
        assert_non_null(copy);
        for (int round = 0; round < 150; round++) {
            memcpy(copy, bytes, size);
            for (int i = 0; i < 4; i++) {
                /* Half of the damage goes to the directory at the end, which steers everything. */
                size_t room = i % 2 ? size : 4000;
                copy[size - 1 - random_bits(&seed) % room] = (unsigned char)random_bits(&seed);
            }
            write_whole_file(input, copy, size);
            struct conversion conversion = {.checkpoint_path = input, .model_path = output};
            refused += !try(&conversion);
            assert_int_equal(files_in_directory(), 2);
        }
        free(copy);
        free(bytes);
    }
    assert_true(refused > 250);
}

struct pickle_damage {
    uint32_t *seed;
};

static int damage_pickle(void *context, const char *name, unsigned char **bytes, size_t *size)
{
    struct pickle_damage *damage = context;
    if (strstr(name, "data.pkl"))
        for (uint32_t i = 0, count = 1 + random_bits(damage->seed) % 2; i < count; i++)
            (*bytes)[random_bits(damage->seed) % *size] = (unsigned char)random_bits(damage->seed);
    return 1;
}

/* The pickle changed under a checksum that is right: sizes, offsets, names, instructions. */
static void damaged_pickles_do_no_harm(void **state)
{
    (void)state;
    uint32_t seed = 2;
    size_t refused = 0;
    for (int round = 0; round < 250; round++) {
        archive_copy(TINY, input, damage_pickle, &(struct pickle_damage){&seed});
        struct conversion conversion = {.checkpoint_path = input, .model_path = output};
        refused += !try(&conversion);
        assert_int_equal(files_in_directory(), 2);
    }
    assert_true(refused > 200);
}

/* ---------------------------------------------------------------------------- dishonest files */

/* What is to be done to one entry of an archive. */
struct change {
    const char *entry; /* the end of its name */
    const char *old, *new;
    const void *start; /* put over its first bytes */
    size_t start_size;
    int drop, shorten, lengthen;
};

static int change_entry(void *context, const char *name, unsigned char **bytes, size_t *size)
{
    const struct change *change = context;
    size_t length = strlen(name), end = strlen(change->entry);
    if (length < end || strcmp(name + length - end, change->entry) != 0)
        return 1;
    if (change->old)
        replace_bytes(*bytes, *size, change->old, change->new);
    if (change->start) {
        assert_true(*size >= change->start_size);
        memcpy(*bytes, change->start, change->start_size);
    }
    *size -= (size_t)change->shorten;
    if (change->lengthen) {
        size_t longer = *size + (size_t)change->lengthen;
        *bytes = realloc(*bytes, longer);
        assert_non_null(*bytes);
        memset(*bytes + *size, 0, longer - *size);
        *size = longer;
    }
    return !change->drop;
}

static void expect_change_failure(struct change change, const char *reason)
{
    archive_copy(TINY, input, change_entry, &change);
    expect_failure(input, reason);
}

static void names_must_be_known_and_complete(void **state)
{
    (void)state;
    struct change missing = {
        .entry = "/data.pkl", .old = "visual.ln_post.bias", .new = "visual.ln_pooh.bias"};
    expect_change_failure(missing, "visual.ln_post.bias is missing");
    /* A name that is optional, misspelt. */
    struct change unknown = {.entry = "/data.pkl",
                             .old = "visual.positional_embedding",
                             .new = "visual.positional_embellish"};
    expect_change_failure(unknown, "visual.positional_embellish is not known");
    struct conversion tolerant = {
        .checkpoint_path = input, .model_path = output, .allow_unknown = true};
    if (!try(&tolerant))
        fail_msg("%s", text);
    /* The same name with and without its prefix is one name. */
    static const char twice[] = "}(X\4\0\0\0nameNX\x0f\0\0\0clip_model.nameNu.";
    unlink(input);
    archive_add(input, "a/data.pkl", twice, sizeof twice - 1, 0);
    expect_failure(input, "key name occurs twice");
}

static void storages_must_hold_what_is_claimed(void **state)
{
    (void)state;
    expect_change_failure((struct change){.entry = "/data/3", .drop = 1}, "data/3 is missing");
    const char *const wrong_size = "but the pickle expects";
    expect_change_failure((struct change){.entry = "/data/3", .shorten = 4}, wrong_size);
    expect_change_failure((struct change){.entry = "/data/3", .lengthen = 4}, wrong_size);
    expect_change_failure((struct change){.entry = "/data.pkl", .drop = 1}, "NAME/data.pkl");
    expect_change_failure((struct change){.entry = "/data.pkl", .shorten = 1}, "ends without STOP");
    expect_change_failure(
        (struct change){.entry = "/data.pkl", .old = "FloatStorage", .new = "FloatStorags"},
        "torch.FloatStorags is not allowed");
}

static void bombs_are_refused(void **state)
{
    (void)state;
    expect_failure(GOLDEN "expanded.pth", "its tensors claim");
    const size_t size = (size_t)80 << 20;
    unsigned char *zeros = calloc(size, 1);
    assert_non_null(zeros);
    unlink(input);
    archive_add(input, "a/data.pkl", zeros, size, 1);
    expect_failure(input, "more than the limit");
    unlink(input);
    archive_add(input, "a/data.pkl", zeros, size / 2, 1);
    expect_failure(input, "zip bomb");
    archive_copy(TINY, input, change_entry, &(struct change){.entry = "/data/0", .drop = 1});
    archive_add(input, "tiny/data/0", zeros, size / 2, 1);
    expect_failure(input, "zip bomb");
    free(zeros);
}

/* Asked for by whoever reads a tensor without having added up what all of them claim. */
static void memory_is_not_given_to_claims(void **state)
{
    (void)state;
    const struct pickled_tensor tensor = {.key = "0",
                                          .elements = INT64_C(1) << 32,
                                          .dimensions = 1,
                                          .shape = {INT64_C(1) << 32},
                                          .stride = {1}};
    struct pickle pickle = {0};
    pickle_op(&pickle, '}');
    pickle_string(&pickle, "large");
    pickle_tensor(&pickle, &tensor);
    pickle_bytes(&pickle, "s.", 2);
    unlink(input);
    archive_add(input, "a/data.pkl", pickle.bytes, pickle.size, 0);
    free(pickle.bytes);
    struct checkpoint checkpoint;
    struct view view;
    assert_true(checkpoint_open(&checkpoint, input, text));
    assert_true(checkpoint_view(&checkpoint, "large", 1, &view, text));
    assert_false(checkpoint_load(&checkpoint, &view, text));
    if (!strstr(text, "its tensor large claims"))
        fail_msg("\"%s\"", text);
    checkpoint_close(&checkpoint);
}

/* Whichever storage holds a NaN: each is read, and none of it gets into a model. */
static void numbers_must_be_finite(void **state)
{
    (void)state;
    const float bad[] = {NAN, -INFINITY};
    unsigned storages = 0;
    for (;; storages++) {
        char entry[32];
        snprintf(entry, sizeof entry, "/data/%u", storages);
        struct change probe = {.entry = entry, .drop = 1};
        archive_copy(TINY, input, change_entry, &probe);
        struct conversion conversion = {.checkpoint_path = input, .model_path = output};
        if (try(&conversion))
            break; /* there is no such entry */
        expect_change_failure((struct change){.entry = entry,
                                              .start = &bad[storages % 2],
                                              .start_size = sizeof bad[0]},
                              storages % 2 ? "is -inf, expected a finite" : "expected a finite");
        assert_non_null(strstr(text, "tensor visual."));
    }
    assert_int_equal(storages, 20); /* the tensors of a ViT of one block */
}

static void numbers_must_fit_their_type(void **state)
{
    (void)state;
    const float large = 65520;
    struct change change = {.entry = "/data/2", .start = &large, .start_size = sizeof large};
    archive_copy(TINY, input, change_entry, &change);
    expect_failure_of(
        (struct conversion){.checkpoint_path = input, .type = GGML_F16},
        "visual.proj: element 0 is 65520, beyond the range of f16 (65504): use bf16 or f32");
    struct conversion single = {.checkpoint_path = input, .model_path = output};
    if (!try(&single))
        fail_msg("%s", text);
    single.type = GGML_BF16;
    if (!try(&single))
        fail_msg("%s", text);

    const float huge = 3.4e38f;
    change.start = &huge;
    archive_copy(TINY, input, change_entry, &change);
    expect_failure_of((struct conversion){.checkpoint_path = input, .type = GGML_BF16},
                      "visual.proj: element 0 is 3.4e+38, beyond the range of bf16");
}

/* A variance below zero would give a convolution of NaNs. */
static void variances_must_be_positive(void **state)
{
    (void)state;
    const float negative = -1;
    for (unsigned storage = 0; storage < 8; storage++) {
        char entry[32];
        snprintf(entry, sizeof entry, "/data/%u", storage);
        struct change change = {.entry = entry, .start = &negative, .start_size = sizeof negative};
        archive_copy(GOLDEN "resnet.pth", input, change_entry, &change);
        struct conversion conversion = {.checkpoint_path = input, .model_path = output};
        if (try(&conversion))
            continue;
        assert_non_null(strstr(text, "visual.bn1.running_var: element 0 is -1"));
        return;
    }
    fail_msg("no storage of the first eight is a variance");
}

/* --------------------------------------------------------------------------------- outputs */

static void outputs_that_cannot_be_written(void **state)
{
    (void)state;
    static const struct {
        const char *path, *reason;
    } cases[] = {
        {"/no-such-folder/out.gguf", "/no-such-folder/out.gguf: cannot be written: No such file"},
        {"/dev/null", "not a regular file"},
        {"/tmp/", "no file name"},
        {"", "no file name"},
        {"/tmp", "not a regular file"},
        {TINY "/out.gguf", "Not a directory"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_failure_of((struct conversion){.checkpoint_path = TINY, .model_path = cases[i].path},
                          cases[i].reason);
}

static void a_checkpoint_is_not_overwritten(void **state)
{
    (void)state;
    size_t size, size_after;
    unsigned char *bytes = read_whole_file(TINY, &size);
    char other_name[80];
    write_whole_file(input, bytes, size);
    snprintf(other_name, sizeof other_name, "%s/link.gguf", directory);
    assert_int_equal(symlink(input, other_name), 0);
    expect_failure_of((struct conversion){.checkpoint_path = input, .model_path = input},
                      "would overwrite the checkpoint");
    expect_failure_of((struct conversion){.checkpoint_path = input, .model_path = other_name},
                      "would overwrite the checkpoint");
    unlink(other_name);
    unsigned char *after = read_whole_file(input, &size_after);
    assert_int_equal(size, size_after);
    assert_memory_equal(bytes, after, size);
    free(after);
    free(bytes);
}

static bool object(void *context, const char *path, char *message)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    *(bool *)context = true;
    return problem(message, "the verifier objects");
}

static void what_is_not_verified_takes_no_place(void **state)
{
    (void)state;
    bool asked = false;
    expect_failure_of(
        (struct conversion){.checkpoint_path = TINY, .verify = object, .context = &asked},
        "the verifier objects");
    assert_true(asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_files_are_called_by_their_name),
        cmocka_unit_test(other_archives_are_called_by_their_name),
        cmocka_unit_test(nothing_is_executed),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(damaged_files_do_no_harm),
        cmocka_unit_test(damaged_pickles_do_no_harm),
        cmocka_unit_test(names_must_be_known_and_complete),
        cmocka_unit_test(storages_must_hold_what_is_claimed),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(memory_is_not_given_to_claims),
        cmocka_unit_test(numbers_must_be_finite),
        cmocka_unit_test(numbers_must_fit_their_type),
        cmocka_unit_test(variances_must_be_positive),
        cmocka_unit_test(outputs_that_cannot_be_written),
        cmocka_unit_test(a_checkpoint_is_not_overwritten),
        cmocka_unit_test(what_is_not_verified_takes_no_place),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
