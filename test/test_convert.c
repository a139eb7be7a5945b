/*
 * test_convert.c - checkpoints that PyTorch wrote become the model files that numpy computed, to
 * the bit (test/golden/make_checkpoints.py); and the choices that a conversion makes.
 */
#include "conversion.h" /* before cmocka.h, which makes fail() a macro */
#include "gguf.h"
#include "map_file.h"
#include "qualiclip.h"
#include "xxh64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "archive.h"

#define GOLDEN "test/golden/checkpoints/"

static char directory[] = "/tmp/qualiclip-test-convert-XXXXXX";
static char output[64], other_output[64];
static char text[QC_MESSAGE_SIZE];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(output, sizeof output, "%s/out.gguf", directory);
    snprintf(other_output, sizeof other_output, "%s/other.gguf", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(output);
    unlink(other_output);
    return rmdir(directory);
}

static struct conversion_result convert(struct conversion conversion)
{
    struct conversion_result result;
    if (!conversion.model_path)
        conversion.model_path = output;
    conversion.text = TEXT_DROPPED; /* those here are not whole; test_profiles.c has one */
    if (!convert_checkpoint(&conversion, &result, text))
        fail_msg("%s: %s", conversion.checkpoint_path, text);
    return result;
}

/* ------------------------------------------------------------------------------ model files */

struct file {
    const void *data;
    size_t size;
    struct gguf gguf;
};

static struct file open_file(const char *path)
{
    struct file file;
    struct message message = {text, sizeof text};
    if (map_file(&file.data, &file.size, path, &message) != QC_OK ||
        gguf_parse(&file.gguf, file.data, file.size, path, &message) != QC_OK)
        fail_msg("%s", text);
    return file;
}

static struct file open_output(void)
{
    return open_file(output);
}

static void close_file(struct file *file)
{
    gguf_free(&file->gguf);
    unmap_file(file->data, file->size);
}

static void expect_text(const struct gguf *gguf, const char *key, const char *expected)
{
    struct gguf_text value = {NULL, 0};
    struct message message = {text, sizeof text};
    if (gguf_get_text(gguf, key, true, &value, &message) != QC_OK)
        fail_msg("%s", text);
    if (value.size != strlen(expected) || memcmp(value.bytes, expected, value.size) != 0)
        fail_msg("%s is \"%.*s\", expected \"%s\"", key, (int)value.size, value.bytes, expected);
}

static float get_float(const struct gguf *gguf, const char *key)
{
    float value = NAN;
    struct message message = {text, sizeof text};
    if (gguf_get_f32(gguf, key, true, &value, &message) != QC_OK)
        fail_msg("%s", text);
    return value;
}

static void expect_pairs(const struct gguf *gguf, const char *const *expected)
{
    const struct gguf_value *names = gguf_find_value(gguf, KEY_PAIR_NAMES);
    assert_non_null(names);
    size_t i = 0;
    for (; expected[i]; i++) {
        struct gguf_text name = gguf_string_at(names, i);
        assert_int_equal(name.size, strlen(expected[i]));
        assert_memory_equal(name.bytes, expected[i], name.size);
    }
    assert_int_equal(names->count, i);
}

/* ------------------------------------------------------------------------ expected numbers */

/* The shape as make_checkpoints.py writes it, the slowest dimension first. */
static void print_shape(const struct gguf_tensor *tensor, char *shape, size_t size)
{
    shape[0] = 0;
    for (uint32_t i = tensor->dimensions; i-- > 0;) {
        size_t used = strlen(shape);
        snprintf(shape + used, size - used, "%s%" PRIu64, used ? "x" : "", tensor->shape[i]);
    }
}

/* A line of a .expected file against the tensor of that name. */
static void check_tensor(const struct gguf *gguf, const char *line, bool half)
{
    char name[96], kind[16], expected_shape[64], shape[64];
    uint64_t f32_hash, f16_hash;
    assert_int_equal(sscanf(line, "%95s %15s %63s %" SCNx64 " %" SCNx64, name, kind, expected_shape,
                            &f32_hash, &f16_hash),
                     5);
    const struct gguf_tensor *tensor = gguf_find_tensor(gguf, name);
    if (!tensor)
        fail_msg("%s is missing", name);
    print_shape(tensor, shape, sizeof shape);
    if (strcmp(shape, expected_shape) != 0)
        fail_msg("%s has shape %s, expected %s", name, shape, expected_shape);
    bool smaller = half && strcmp(kind, "matrix") == 0;
    if (tensor->type != (smaller ? GGML_F16 : GGML_F32))
        fail_msg("%s has type %d", name, (int)tensor->type);
    if (xxh64(tensor->data, tensor->size, 0) != (smaller ? f16_hash : f32_hash))
        fail_msg("%s has other numbers than numpy's (%s)", name, smaller ? "f16" : "f32");
}

static void check_against(const char *name, bool half)
{
    char path[96], line[256];
    snprintf(path, sizeof path, GOLDEN "%s.expected", name);
    FILE *expected = fopen(path, "r");
    assert_non_null(expected);
    struct file file = open_output();
    size_t count = 0;
    for (; fgets(line, sizeof line, expected); count++)
        check_tensor(&file.gguf, line, half);
    assert_int_equal(count, file.gguf.tensor_count); /* and nothing else */
    assert_true(count > 10);
    close_file(&file);
    fclose(expected);
}

/* The library must take the file as it is. */
static void check_opens(qc_tower tower, uint32_t pairs)
{
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = text;
    options.message_size = sizeof text;
    qc_model *model;
    if (qc_model_open(&model, output, &options) != QC_OK)
        fail_msg("%s", text);
    qc_model_info info;
    qc_model_describe(model, &info);
    assert_int_equal(info.tower, tower);
    assert_int_equal(info.pair_count, pairs);
    qc_model_close(model);
}

static void check_golden(const char *checkpoint, const char *expected, qc_tower tower,
                         uint32_t pairs)
{
    char path[96];
    const bool has_extension = strchr(checkpoint, '.') != NULL;
    snprintf(path, sizeof path, GOLDEN "%s%s", checkpoint, has_extension ? "" : ".pth");
    for (int half = 0; half < 2; half++) {
        convert((struct conversion){.checkpoint_path = path, .type = half ? GGML_F16 : GGML_F32});
        check_against(expected, half);
        check_opens(tower, pairs);
    }
}

/* --------------------------------------------------------------------------------- numbers */

static void vit_has_numpys_numbers(void **state)
{
    (void)state;
    check_golden("vit", "vit", QC_TOWER_VIT, 7);
}

static void half_precision_storages_are_read(void **state)
{
    (void)state;
    check_golden("vit_half", "vit_half", QC_TOWER_VIT, 0);
}

/* The bf16 next to an f32, by the integers. */
static uint16_t rounded(uint32_t bits)
{
    const uint32_t below = bits & 0xffff, even = bits >> 16;
    return (uint16_t)(even + (below > 0x8000 || (below == 0x8000 && even % 2)));
}

/* The model in `output` in bf16, against the same in f32 in `other_output`. */
static void check_rounded(void)
{
    struct file file = open_file(output), exact = open_file(other_output);
    assert_int_equal(file.gguf.tensor_count, exact.gguf.tensor_count);
    for (size_t i = 0; i < file.gguf.tensor_count; i++) {
        const struct gguf_tensor *tensor = &file.gguf.tensors[i];
        const struct gguf_label name = gguf_label(tensor->name);
        const struct gguf_tensor *wide = gguf_find_tensor(&exact.gguf, name.text);
        assert_non_null(wide);
        assert_int_equal(tensor->count, wide->count);
        assert_int_equal(wide->type, GGML_F32);
        const bool is_vector = tensor->dimensions == 1 || strstr(name.text, "position_embd") ||
                               strstr(name.text, "prompts");
        assert_int_equal(tensor->type, is_vector ? GGML_F32 : GGML_BF16);
        if (is_vector) {
            assert_memory_equal(tensor->data, wide->data, wide->size);
            continue;
        }
        for (size_t j = 0; j < tensor->count; j++) {
            const uint32_t bits = ((const uint32_t *)wide->data)[j];
            if (((const uint16_t *)tensor->data)[j] != rounded(bits))
                fail_msg("%s: number %zu is %04x, of %08x", name.text, j,
                         ((const uint16_t *)tensor->data)[j], bits);
        }
    }
    close_file(&file);
    close_file(&exact);
}

static void matrices_are_rounded_to_bf16(void **state)
{
    (void)state;
    static const char *const files[] = {"tiny.pth", "vit.pth", "vit_half.pth", "resnet.pth"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[64];
        snprintf(path, sizeof path, GOLDEN "%s", files[i]);
        convert((struct conversion){.checkpoint_path = path, .type = GGML_BF16});
        convert((struct conversion){.checkpoint_path = path, .model_path = other_output});
        check_rounded();
    }
}

/* In vit_views.pth the second layers of the MLPs are bf16: they come out as they went in. */
static void bf16_stays_as_it_is(void **state)
{
    (void)state;
    const char *path = GOLDEN "vit_views.pth";
    convert((struct conversion){.checkpoint_path = path, .type = GGML_BF16});
    convert((struct conversion){.checkpoint_path = path, .model_path = other_output});
    check_rounded();
    struct file exact = open_file(other_output);
    const struct gguf_tensor *tensor = gguf_find_tensor(&exact.gguf, "v.blk.0.ffn_up.weight");
    assert_non_null(tensor);
    for (size_t i = 0; i < tensor->count; i++)
        assert_int_equal(((const uint32_t *)tensor->data)[i] & 0xffff, 0);
    close_file(&exact);
}

/* Transposed, strided, expanded, shared, channels-last; f64, bf16; protocol 4; nested dict. */
static void views_have_numpys_numbers(void **state)
{
    (void)state;
    check_golden("vit_views", "vit_views", QC_TOWER_VIT, 2);
}

static void resnet_is_folded_like_numpy(void **state)
{
    (void)state;
    check_golden("resnet", "resnet", QC_TOWER_RESNET, 1);
}

static void containers_do_not_matter(void **state)
{
    (void)state;
    check_golden("tiny", "tiny", QC_TOWER_VIT, 0);
    check_golden("tiny_big_endian", "tiny", QC_TOWER_VIT, 0);
    check_golden("tiny_deflated", "tiny", QC_TOWER_VIT, 0);
}

/* OpenAI's structure and types: modules in modules, f16 matrices, f32 norms; nothing of the code.
 */
static void torchscript_has_numpys_numbers(void **state)
{
    (void)state;
    check_golden("traced_vit.pt", "traced_vit", QC_TOWER_VIT, 0);
    check_golden("scripted_resnet.pt", "scripted_resnet", QC_TOWER_RESNET, 0);
}

/* --------------------------------------------------------------------------------- recipes */

static void recipe_follows_the_prompts(void **state)
{
    (void)state;
    static const char *const pairs[] = {
        "Good photo./Bad photo.",         "Sharp image./Blurry image.",
        "Sharp edges./Blurry edges.",     "High-resolution image./Low-resolution image.",
        "Noise-free image./Noisy image.", "High-quality image./Low-quality image.",
        "Good picture./Bad picture.",     NULL};
    convert((struct conversion){.checkpoint_path = GOLDEN "vit.pth"});
    struct file file = open_output();
    expect_text(&file.gguf, KEY_PROFILE, "qualiclip");
    expect_text(&file.gguf, KEY_POSITIONS, "none");
    expect_pairs(&file.gguf, pairs);
    assert_true(get_float(&file.gguf, KEY_LOGIT_SCALE) == (float)exp((double)4.6f));
    assert_true(get_float(&file.gguf, KEY_TEMPERATURE) == 1);
    close_file(&file);

    convert((struct conversion){.checkpoint_path = GOLDEN "vit_half.pth"});
    file = open_output();
    expect_text(&file.gguf, KEY_PROFILE, "clip");
    expect_text(&file.gguf, KEY_POSITIONS, "grid");
    assert_null(gguf_find_value(&file.gguf, KEY_PAIR_NAMES));
    assert_true(get_float(&file.gguf, KEY_LOGIT_SCALE) == (float)exp(3));
    close_file(&file);

    convert((struct conversion){.checkpoint_path = GOLDEN "vit_views.pth"});
    file = open_output();
    expect_pairs(&file.gguf, (const char *const[]){"pair 1", "pair 2", NULL});
    assert_true(get_float(&file.gguf, KEY_LOGIT_SCALE) == 100); /* it stores none */
    close_file(&file);
}

static void profiles_bring_their_recipe(void **state)
{
    (void)state;
    convert(
        (struct conversion){.checkpoint_path = GOLDEN "resnet.pth", .profile = "qualiclip-pyiqa"});
    struct file file = open_output();
    expect_text(&file.gguf, KEY_PROFILE, "qualiclip-pyiqa");
    assert_true(get_float(&file.gguf, KEY_TEMPERATURE) == 2);
    expect_pairs(&file.gguf, (const char *const[]){"pair 1", NULL}); /* it has not seven */
    assert_true(get_float(&file.gguf, KEY_LOGIT_SCALE) == 4);
    close_file(&file);

    /* What is stored are QualiCLIP's prompts, and no other profile's. */
    convert((struct conversion){.checkpoint_path = GOLDEN "resnet.pth", .profile = "clip"});
    file = open_output();
    expect_text(&file.gguf, KEY_POSITIONS, "grid");
    assert_null(gguf_find_tensor(&file.gguf, "qualiclip.prompts"));
    close_file(&file);

    /* A name of the user's own would let two recipes look alike. */
    struct conversion_result result;
    char message[QC_MESSAGE_SIZE] = "";
    const struct conversion labelled = {
        .checkpoint_path = GOLDEN "resnet.pth", .model_path = output, .profile = "mine"};
    assert_false(convert_checkpoint(&labelled, &result, message));
    assert_non_null(strstr(message, "there is no profile \"mine\", but qualiclip, "));
}

static void provenance_is_kept(void **state)
{
    (void)state;
    size_t size;
    char digits[17];
    unsigned char *source = read_whole_file(GOLDEN "tiny.pth", &size);
    snprintf(digits, sizeof digits, "%016" PRIx64, xxh64(source, size, 0));
    free(source);

    convert((struct conversion){.checkpoint_path = GOLDEN "tiny.pth"});
    struct file file = open_output();
    expect_text(&file.gguf, KEY_ARCHITECTURE, "clip");
    expect_text(&file.gguf, KEY_NAME, "tiny");
    expect_text(&file.gguf, KEY_SOURCE, "tiny.pth");
    expect_text(&file.gguf, KEY_SOURCE_HASH, digits);
    expect_text(&file.gguf, KEY_CONVERTER, "qualiclip " QC_VERSION_STRING);
    assert_null(gguf_find_value(&file.gguf, KEY_LICENSE));
    close_file(&file);

    convert((struct conversion){
        .checkpoint_path = GOLDEN "tiny.pth", .name = "A name", .license = "CC0-1.0"});
    file = open_output();
    expect_text(&file.gguf, KEY_NAME, "A name");
    expect_text(&file.gguf, KEY_LICENSE, "CC0-1.0");
    close_file(&file);
}

static void same_input_same_bytes(void **state)
{
    (void)state;
    size_t size, other_size;
    convert((struct conversion){.checkpoint_path = GOLDEN "resnet.pth", .type = GGML_F16});
    convert((struct conversion){
        .checkpoint_path = GOLDEN "resnet.pth", .type = GGML_F16, .model_path = other_output});
    unsigned char *bytes = read_whole_file(output, &size);
    unsigned char *other = read_whole_file(other_output, &other_size);
    assert_int_equal(size, other_size);
    assert_memory_equal(bytes, other, size);
    free(bytes);
    free(other);
}

/* ------------------------------------------------------------------------- what is reported */

struct report {
    char lines[16384];
    uint64_t done, total;
    unsigned calls;
};

static void collect_line(void *context, const char *line)
{
    struct report *report = context;
    size_t used = strlen(report->lines);
    snprintf(report->lines + used, sizeof report->lines - used, "%s\n", line);
}

static void collect_progress(void *context, uint64_t done, uint64_t total)
{
    struct report *report = context;
    assert_true(done >= report->done && done <= total);
    report->done = done;
    report->total = total;
    report->calls++;
}

static void what_is_done_is_reported(void **state)
{
    (void)state;
    static const char *const expected[] = {
        ".attn_k.weight <- visual.transformer.resblocks.1.attn.in_proj_weight (f32 128 x 128)",
        "visual_projection.weight <- visual.proj (f32 32 x 128)",
        "dropped positional_embedding\n",
        "dropped transformer.resblocks.0.ln_1.weight\n",
        "dropped vocab_size\n",
    };
    struct report *report = calloc(1, sizeof *report);
    assert_non_null(report);
    struct conversion_result result =
        convert((struct conversion){.checkpoint_path = GOLDEN "vit.pth",
                                    .note = collect_line,
                                    .progress = collect_progress,
                                    .context = report});
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        if (!strstr(report->lines, expected[i]))
            fail_msg("\"%s\" is not reported in\n%s", expected[i], report->lines);
    assert_true(report->calls > 10 && report->done == report->total);
    assert_true(report->total == result.number_count);
    assert_int_equal(result.pair_count, 7);
    size_t size;
    free(read_whole_file(output, &size));
    assert_int_equal(result.file_size, size);

    memset(report, 0, sizeof *report);
    convert((struct conversion){
        .checkpoint_path = GOLDEN "resnet.pth", .note = collect_line, .context = report});
    assert_non_null(strstr(report->lines, "v.stem.0.weight <- visual.conv1.weight (f32 2 x 3 x 3 x "
                                          "3), BatchNorm folded"));
    assert_non_null(strstr(report->lines, "dropped visual.bn1.num_batches_tracked"));
    free(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vit_has_numpys_numbers),
        cmocka_unit_test(half_precision_storages_are_read),
        cmocka_unit_test(matrices_are_rounded_to_bf16),
        cmocka_unit_test(bf16_stays_as_it_is),
        cmocka_unit_test(views_have_numpys_numbers),
        cmocka_unit_test(resnet_is_folded_like_numpy),
        cmocka_unit_test(containers_do_not_matter),
        cmocka_unit_test(torchscript_has_numpys_numbers),
        cmocka_unit_test(recipe_follows_the_prompts),
        cmocka_unit_test(profiles_bring_their_recipe),
        cmocka_unit_test(provenance_is_kept),
        cmocka_unit_test(same_input_same_bytes),
        cmocka_unit_test(what_is_done_is_reported),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
