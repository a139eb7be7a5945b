/*
 * test_wrapping.c - whatever is around the tensors, they are the same: dicts inside dicts,
 * prefixes, an image tower alone, deflated entries, another archive.
 *
 * Each checkpoint is made from one of test/golden/checkpoints by changing its pickle.
 */
#include "conversion.h"
#include "gguf.h"
#include "map_file.h"

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
#include "pickle_writer.h"

#define GOLDEN "test/golden/checkpoints/"
#define TINY   GOLDEN "tiny.pth"
#define RESNET GOLDEN "resnet.pth"

static char directory[] = "/tmp/qualiclip-test-wrapping-XXXXXX";
static char input[64], output[64], plain_output[64];
static char text[QC_MESSAGE_SIZE];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(input, sizeof input, "%s/in.pth", directory);
    snprintf(output, sizeof output, "%s/out.gguf", directory);
    snprintf(plain_output, sizeof plain_output, "%s/plain.gguf", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(input);
    unlink(output);
    unlink(plain_output);
    return rmdir(directory);
}

/* --------------------------------------------------------------------------------- changes */

/* What becomes of a pickle: its names, and what is put around its dict. */
struct change {
    const char *old, *new;      /* the beginnings of names; NULL: they stay */
    const char *const *nesting; /* the names of dicts, the outermost first; NULL: none */
    bool beside;                /* something else is in each of these dicts */
};

static uint32_t size_at(const unsigned char *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Copies the pickle without PROTO and STOP; BINUNICODE strings that begin with `old` are changed.
 */
static void copy_changed(struct pickle *target, const unsigned char *bytes, size_t size,
                         const struct change *change)
{
    const size_t old = change->old ? strlen(change->old) : 0;
    assert_true(size > 3 && bytes[0] == 0x80 && bytes[size - 1] == '.');
    for (size_t i = 2; i < size - 1; i++) {
        const bool is_string = change->old && bytes[i] == 'X' && i + 5 + old < size &&
                               size_at(bytes + i + 1) >= old && size_at(bytes + i + 1) < 200;
        if (is_string && memcmp(bytes + i + 5, change->old, old) == 0) {
            const uint32_t length = size_at(bytes + i + 1);
            char name[300];
            snprintf(name, sizeof name, "%s%.*s", change->new, (int)(length - old),
                     (const char *)bytes + i + 5 + old);
            pickle_string(target, name);
            i += 4 + length;
        } else {
            pickle_op(target, bytes[i]);
        }
    }
}

static int change_pickle(void *context, const char *name, unsigned char **bytes, size_t *size)
{
    const struct change *change = context;
    if (!strstr(name, "data.pkl"))
        return 1;
    struct pickle pickle = {NULL, 0, 0};
    size_t depth = 0;
    pickle_bytes(&pickle, "\x80\2", 2);
    for (; change->nesting && change->nesting[depth]; depth++) {
        pickle_op(&pickle, '}');
        if (change->beside) {
            pickle_string(&pickle, "epoch");
            pickle_integer(&pickle, 12);
            pickle_op(&pickle, 's');
        }
        pickle_string(&pickle, change->nesting[depth]);
    }
    copy_changed(&pickle, *bytes, *size, change);
    while (depth--)
        pickle_op(&pickle, 's');
    pickle_op(&pickle, '.');
    free(*bytes);
    *bytes = pickle.bytes;
    *size = pickle.size;
    return 1;
}

static void make_input(const char *source, struct change change)
{
    archive_copy(source, input, change_pickle, &change);
}

/* -------------------------------------------------------------------------------- comparing */

struct report {
    char lines[32768];
};

static void collect_line(void *context, const char *line)
{
    struct report *report = context;
    const size_t used = strlen(report->lines);
    snprintf(report->lines + used, sizeof report->lines - used, "%s\n", line);
}

static struct report report;

static bool convert(const char *checkpoint, const char *model)
{
    struct conversion_result result;
    memset(&report, 0, sizeof report);
    struct conversion conversion = {.checkpoint_path = checkpoint,
                                    .model_path = model,
                                    .note = collect_line,
                                    .context = &report};
    return convert_checkpoint(&conversion, &result, text);
}

struct file {
    const void *data;
    size_t size;
    struct gguf gguf;
};

static struct file open_model(const char *path)
{
    struct file file;
    struct message message = {text, sizeof text};
    if (map_file(&file.data, &file.size, path, &message) != QC_OK ||
        gguf_parse(&file.gguf, file.data, file.size, path, &message) != QC_OK)
        fail_msg("%s", text);
    return file;
}

static void close_model(struct file *file)
{
    gguf_free(&file->gguf);
    unmap_file(file->data, file->size);
}

/* The input gives the tensors, byte for byte, that `source` gives. */
static void expect_the_tensors_of(const char *source)
{
    if (!convert(source, plain_output) || !convert(input, output))
        fail_msg("%s", text);
    struct file expected = open_model(plain_output), found = open_model(output);
    assert_true(expected.gguf.tensor_count > 10);
    assert_int_equal(found.gguf.tensor_count, expected.gguf.tensor_count);
    for (size_t i = 0; i < expected.gguf.tensor_count; i++) {
        const struct gguf_tensor *a = &expected.gguf.tensors[i];
        const struct gguf_tensor *b = &found.gguf.tensors[i];
        assert_int_equal(a->type, b->type);
        assert_int_equal(a->size, b->size);
        assert_memory_equal(a->shape, b->shape, a->dimensions * sizeof a->shape[0]);
        assert_memory_equal(a->data, b->data, a->size);
    }
    close_model(&expected);
    close_model(&found);
}

static void expect_report(const char *line)
{
    if (!strstr(report.lines, line))
        fail_msg("\"%s\" is not reported in\n%s", line, report.lines);
}

static void expect_failure(const char *reason)
{
    if (convert(input, output))
        fail_msg("accepted, expected: %s", reason);
    if (!strstr(text, reason))
        fail_msg("\"%s\" does not say \"%s\"", text, reason);
}

/* ------------------------------------------------------------------------------------ dicts */

static void dicts_inside_dicts(void **state)
{
    (void)state;
    static const char *const nestings[][4] = {
        {"params"}, {"params_ema"}, {"state_dict"},          {"model_state_dict"},
        {"model"},  {"module"},     {"model", "state_dict"}, {"state_dict", "model", "params"},
    };
    for (size_t i = 0; i < sizeof nestings / sizeof nestings[0]; i++) {
        make_input(TINY, (struct change){.nesting = nestings[i], .beside = true});
        expect_the_tensors_of(TINY);
    }
    expect_report(" names in state_dict.model.params\n");
    expect_report("dropped, beside state_dict: epoch\n");
    expect_report("dropped, beside params: epoch\n");
    make_input(TINY, (struct change){.nesting = (const char *const[]){"weights", NULL}});
    expect_failure("no image tower");
}

static void dicts_inside_dicts_without_end(void **state)
{
    (void)state;
    make_input(TINY, (struct change){.nesting = (const char *const[]){"model", "model", "model",
                                                                      "model", "model", NULL}});
    expect_failure("nested too deeply");
    /* A dict that is its own "model". */
    struct pickle pickle = {NULL, 0, 0};
    pickle_bytes(&pickle, "\x80\2}q\0", 5);
    pickle_string(&pickle, "model");
    pickle_bytes(&pickle, "h\0s.", 4);
    unlink(input);
    archive_add(input, "a/data.pkl", pickle.bytes, pickle.size, 0);
    free(pickle.bytes);
    expect_failure("nested too deeply or contain themselves");
}

/* ------------------------------------------------------------------------------------ names */

static void prefixes_are_taken_off(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"module.",
                                           "_orig_mod.",
                                           "clip_model.",
                                           "model.",
                                           "clip.",
                                           "module.clip_model.",
                                           "_orig_mod.module.clip_model.",
                                           "module._orig_mod."};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        char name[64], line[96];
        snprintf(name, sizeof name, "%svisual.", prefixes[i]);
        make_input(TINY, (struct change){.old = "visual.", .new = name});
        expect_the_tensors_of(TINY);
        snprintf(line, sizeof line, "renamed %s* to *: 20 names\n", prefixes[i]);
        expect_report(line);
    }
    make_input(TINY, (struct change){.old = "visual.", .new = "other.visual."});
    expect_failure("no image tower");
}

/* GRepQ's file, for one, holds the image tower without its name. */
static void an_image_tower_may_be_alone(void **state)
{
    (void)state;
    make_input(TINY, (struct change){.old = "visual.", .new = ""});
    expect_the_tensors_of(TINY);
    expect_report("renamed * to visual.*: 20 names\n");
    make_input(TINY, (struct change){.old = "visual.", .new = "module."});
    expect_the_tensors_of(TINY);
    expect_report("renamed module.* to visual.*: 20 names\n");
    make_input(RESNET, (struct change){.old = "clip_model.visual.", .new = ""});
    expect_the_tensors_of(RESNET);
    expect_report("renamed * to visual.*: 141 names\n");
    expect_report("renamed clip_model.* to *: 1 name\n"); /* logit_scale */
}

/* One name in two wrappings. */
static void names_must_stay_apart(void **state)
{
    (void)state;
    struct pickle pickle = {NULL, 0, 0};
    pickle_bytes(&pickle, "\x80\2}(", 4);
    pickle_string(&pickle, "visual.proj");
    pickle_op(&pickle, 'N');
    pickle_string(&pickle, "module.visual.proj");
    pickle_bytes(&pickle, "Nu.", 3);
    unlink(input);
    archive_add(input, "a/data.pkl", pickle.bytes, pickle.size, 0);
    free(pickle.bytes);
    expect_failure("key visual.proj occurs twice");

    unlink(input);
    archive_add(input, "a/data.pkl", "}(X\5\0\0\0model}X\5\0\0\0model}u.", 26, 0);
    expect_failure("key model occurs twice");
}

static int rename_entry(void *context, const char *name, unsigned char **bytes, size_t *size)
{
    archive_add(context, strstr(name, "/data/2") ? "tiny/data/X" : name, *bytes, *size, 0);
    return 0;
}

/* Two readers could take different ones. */
static void entries_must_stay_apart(void **state)
{
    (void)state;
    char copy[80];
    snprintf(copy, sizeof copy, "%s/copy.pth", directory);
    unlink(input);
    archive_copy(TINY, copy, rename_entry, input);
    unlink(copy);
    size_t size;
    unsigned char *bytes = read_whole_file(input, &size);
    for (size_t i = 0; i + 11 <= size; i++)
        if (memcmp(bytes + i, "tiny/data/X", 11) == 0)
            bytes[i + 10] = '3';
    write_whole_file(input, bytes, size);
    free(bytes);
    expect_failure("has two entries tiny/data/3");
}

/* --------------------------------------------------------------------------------- storages */

struct deflation {
    const char *target;
};

static int deflate_entry(void *context, const char *name, unsigned char **bytes, size_t *size)
{
    const struct deflation *deflation = context;
    archive_add(deflation->target, name, *bytes, *size, 1);
    return 0;
}

/* Parts of one deflated storage, read in another order than they lie in. */
static void views_of_a_deflated_storage(void **state)
{
    (void)state;
    char copy[80];
    snprintf(copy, sizeof copy, "%s/copy.pth", directory);
    unlink(input);
    archive_copy(GOLDEN "vit_views.pth", copy, deflate_entry, &(struct deflation){input});
    unlink(copy);
    expect_the_tensors_of(GOLDEN "vit_views.pth");
}

/* What is read of a storage is a part; what is damaged is another. */
static void a_damaged_storage_is_not_used(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = read_whole_file(GOLDEN "vit_views.pth", &size);
    size_t damaged = 0;
    /* The storage that all vectors share begins with three NaNs that no tensor looks at. */
    for (size_t i = 0; i + 12 <= size && !damaged; i++)
        if (memcmp(bytes + i, "\0\0\xc0\x7f\0\0\xc0\x7f\0\0\xc0\x7f", 12) == 0)
            damaged = i;
    assert_true(damaged > 0);
    bytes[damaged] ^= 1;
    write_whole_file(input, bytes, size);
    free(bytes);
    expect_failure("is damaged: CRC error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dicts_inside_dicts),
        cmocka_unit_test(dicts_inside_dicts_without_end),
        cmocka_unit_test(prefixes_are_taken_off),
        cmocka_unit_test(an_image_tower_may_be_alone),
        cmocka_unit_test(names_must_stay_apart),
        cmocka_unit_test(entries_must_stay_apart),
        cmocka_unit_test(views_of_a_deflated_storage),
        cmocka_unit_test(a_damaged_storage_is_not_used),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
