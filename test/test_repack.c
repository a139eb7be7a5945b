/*
 * test_repack.c - model files whose large matrices are in 8 bits, packed, or both: that they
 * compute what the plain file does, to the bit, and what of them is refused.
 */
#include "gguf.h" /* before cmocka.h, which makes fail() a macro */
#include "model.h"
#include "qualiclip.h"
#include "repack.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "model_builder.h"

#define SIDE         64
#define FEATURE_SIZE 16

static char directory[] = "/tmp/qualiclip-repack-XXXXXX";
static char plain[64], other[64], text[QC_MESSAGE_SIZE];
static uint8_t pixels[SIDE * SIDE * 3];

static const struct large_form Q8 = {true, false}, Q8_PACKED = {true, true}, PACKED = {false, true};

static int make_directory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i / 7 % 251);
    if (!mkdtemp(directory))
        return -1;
    snprintf(plain, sizeof plain, "%s/plain.gguf", directory);
    snprintf(other, sizeof other, "%s/other.gguf", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(plain);
    unlink(other);
    return rmdir(directory);
}

/* Widths that leave narrow panels and groups that are not full. */
static void write_plain(qc_tower tower, enum gguf_tensor_type type)
{
    struct tiny_vit_options vit = tiny_vit_options();
    struct tiny_resnet_options resnet = tiny_resnet_options();
    vit.type = resnet.type = type;
    vit.width = 88;
    vit.mlp_width = 131;
    vit.feature_size = resnet.feature_size = FEATURE_SIZE;
    resnet.width = 10;
    resnet.heads = 4;
    if (tower == QC_TOWER_VIT)
        write_tiny_vit(plain, &vit);
    else
        write_tiny_resnet(plain, &resnet);
}

static void make_other(struct large_form form)
{
    if (!repack(plain, other, form, text))
        fail_msg("%s", text);
}

static qc_model_options options_of(const char *kernels, qc_precision precision)
{
    qc_model_options options;
    qc_model_options_init(&options);
    options.kernels = kernels;
    options.precision = precision;
    options.message = text;
    options.message_size = sizeof text;
    return options;
}

static qc_model *open_path(const char *path, const char *kernels, qc_precision precision)
{
    const qc_model_options options = options_of(kernels, precision);
    qc_model *model;
    if (qc_model_open(&model, path, &options) != QC_OK)
        fail_msg("%s", text);
    return model;
}

struct feature {
    float numbers[FEATURE_SIZE];
};

static struct feature feature_of(const qc_model *model)
{
    struct feature feature;
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = options.max_height = SIDE;
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_OK);
    const qc_image image = {.format = QC_PIXEL_RGB,
                            .width = SIDE,
                            .height = SIDE,
                            .planes = {pixels},
                            .strides = {SIDE * 3}};
    assert_int_equal(qc_embed(scorer, &image, feature.numbers), QC_OK);
    qc_scorer_destroy(scorer);
    return feature;
}

static struct feature feature_of_file(const char *path, const char *kernels, qc_precision precision)
{
    qc_model *model = open_path(path, kernels, precision);
    const struct feature feature = feature_of(model);
    qc_model_close(model);
    return feature;
}

/* The plain file and the other, in one precision, with every kernel set. */
static void check_same_bits(qc_precision precision)
{
    for (size_t k = 0; qc_kernels_name(k); k++) {
        const char *kernels = qc_kernels_name(k);
        const struct feature expected = feature_of_file(plain, kernels, precision);
        const struct feature found = feature_of_file(other, kernels, precision);
        if (!kernel_set_find(kernels)->fixed_shape || precision == QC_PRECISION_INT8) {
            assert_memory_equal(&found, &expected, sizeof found);
            continue;
        }
        for (size_t i = 0; i < FEATURE_SIZE; i++)
            assert_true(fabsf(found.numbers[i] - expected.numbers[i]) < 1e-5f);
    }
}

static void every_form_has_the_same_bits(void **state)
{
    (void)state;
    static const enum gguf_tensor_type types[] = {GGML_F32, GGML_F16, GGML_BF16};
    for (qc_tower tower = QC_TOWER_VIT; tower <= QC_TOWER_RESNET; tower++)
        for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
            write_plain(tower, types[t]);
            make_other(PACKED);
            check_same_bits(QC_PRECISION_F32);
            check_same_bits(QC_PRECISION_BF16);
            check_same_bits(QC_PRECISION_INT8);
            make_other(Q8);
            check_same_bits(QC_PRECISION_INT8);
            make_other(Q8_PACKED);
            check_same_bits(QC_PRECISION_INT8);
        }
}

/* What the file says is the default; its numbers can be computed with in f32 and bf16, too. */
static void q8_is_computed_in_int8(void **state)
{
    (void)state;
    write_plain(QC_TOWER_VIT, GGML_F32);
    const struct feature exact = feature_of_file(plain, NULL, QC_PRECISION_F32);
    static const struct large_form *const forms[] = {&Q8, &Q8_PACKED};
    for (size_t f = 0; f < 2; f++) {
        make_other(*forms[f]);
        qc_model *model = open_path(other, NULL, QC_PRECISION_DEFAULT);
        qc_model_info info, plain_info;
        qc_model_describe(model, &info);
        assert_string_equal(info.weight_type, "q8");
        assert_string_equal(info.precision, "int8");
        qc_model_close(model);
        model = open_path(plain, NULL, QC_PRECISION_DEFAULT);
        qc_model_describe(model, &plain_info);
        assert_int_equal(info.parameter_count, plain_info.parameter_count);
        qc_model_close(model);
        for (qc_precision precision = QC_PRECISION_F32; precision <= QC_PRECISION_INT8;
             precision++) {
            const struct feature found = feature_of_file(other, NULL, precision);
            float cosine = 0;
            for (size_t i = 0; i < FEATURE_SIZE; i++)
                cosine += found.numbers[i] * exact.numbers[i];
            assert_true(cosine > 0.999f);
        }
    }
}

/* ------------------------------------------------------------------------------------- in memory
 */

static unsigned char *read_other(size_t *size)
{
    FILE *file = fopen(other, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = aligned_alloc(64, (*size + 127) / 64 * 64);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

/* Panels are used where they lie; where that is not aligned, copied. */
static void panels_are_used_in_place(void **state)
{
    (void)state;
    static const struct large_form *const forms[] = {&PACKED, &Q8_PACKED};
    write_plain(QC_TOWER_VIT, GGML_F32);
    for (size_t f = 0; f < 2; f++) {
        make_other(*forms[f]);
        size_t size;
        unsigned char *bytes = read_other(&size);
        const qc_model_options options = options_of(NULL, QC_PRECISION_DEFAULT);
        qc_model *model;
        assert_int_equal(qc_model_open_memory(&model, bytes, size, &options), QC_OK);
        const unsigned char *packed = model->vit.blocks[1].fc2.weight.packed;
        assert_true(packed > bytes && packed < bytes + size);
        assert_true(model->memory.most < size / 4);
        const struct feature expected = feature_of(model);
        qc_model_close(model);
        memmove(bytes + 4, bytes, size);
        assert_int_equal(qc_model_open_memory(&model, bytes + 4, size, &options), QC_OK);
        const struct feature found = feature_of(model);
        assert_memory_equal(&found, &expected, sizeof found);
        qc_model_close(model);
        free(bytes);
    }
}

/* --------------------------------------------------------------------------------------- refused
 */

/* Where `name` stands in the file, as a key's or a tensor's name. */
static unsigned char *find_name(unsigned char *bytes, size_t size, const char *name)
{
    const uint64_t length = strlen(name);
    for (size_t i = 8; i + length < size; i++)
        if (memcmp(bytes + i, name, length) == 0 && memcmp(bytes + i - 8, &length, 8) == 0)
            return bytes + i;
    fail_msg("%s is not in the file", name);
    abort(); /* which the compiler knows not to return */
}

static unsigned char *numbers_of(unsigned char *bytes, size_t size, const char *name)
{
    struct gguf gguf;
    assert_int_equal(gguf_parse(&gguf, bytes, size, "", NULL), QC_OK);
    const struct gguf_tensor *tensor = gguf_find_tensor(&gguf, name);
    assert_non_null(tensor);
    unsigned char *numbers = bytes + ((const unsigned char *)tensor->data - bytes);
    gguf_free(&gguf);
    return numbers;
}

static void expect_refusal(unsigned char *bytes, size_t size, qc_status status, const char *what,
                           const char *expected)
{
    const qc_model_options options = options_of(NULL, QC_PRECISION_DEFAULT);
    qc_model *model;
    const qc_status found = qc_model_open_memory(&model, bytes, size, &options);
    if (found != status || !strstr(text, what) || !strstr(text, expected))
        fail_msg("status %d, \"%s\"; expected status %d, \"%s\" and \"%s\"", (int)found, text,
                 (int)status, what, expected);
    assert_null(model);
}

/* The bytes at `at` are others for the time of one try. */
static void expect_refusal_with(unsigned char *bytes, size_t size, unsigned char *at,
                                const void *replacement, size_t length, qc_status status,
                                const char *what, const char *expected)
{
    unsigned char before[64];
    assert_true(length <= sizeof before);
    memcpy(before, at, length);
    memcpy(at, replacement, length);
    expect_refusal(bytes, size, status, what, expected);
    memcpy(at, before, length);
}

static const float bad_scales[] = {NAN, INFINITY, -1};

#define QUERY "v.blk.0.attn_q.weight"
#define UP    "v.blk.1.ffn_up.weight" /* of 131 inputs */

static void damaged_q8_is_refused(void **state)
{
    (void)state;
    size_t size;
    write_plain(QC_TOWER_VIT, GGML_F32);
    make_other(Q8);
    unsigned char *bytes = read_other(&size);
    unsigned char *scales = numbers_of(bytes, size, QUERY ".scales");
    expect_refusal_with(bytes, size, scales + 8, &bad_scales[0], 4, QC_ERROR_FORMAT,
                        QUERY ".scales", "finite");
    expect_refusal_with(bytes, size, scales + 8, &bad_scales[1], 4, QC_ERROR_FORMAT,
                        QUERY ".scales", "finite");
    expect_refusal_with(bytes, size, scales + 8, &bad_scales[2], 4, QC_ERROR_FORMAT,
                        QUERY ".scales", "scale 2 is -1");
    expect_refusal_with(bytes, size, numbers_of(bytes, size, QUERY) + 5, "\x80", 1, QC_ERROR_FORMAT,
                        QUERY, "-128");
    unsigned char *name = find_name(bytes, size, QUERY ".scales");
    expect_refusal_with(bytes, size, name + strlen(QUERY), ".scalez", 7, QC_ERROR_FORMAT,
                        QUERY ".scales", "missing");
    expect_refusal_with(bytes, size, name + strlen(QUERY), ".packed", 7, QC_ERROR_FORMAT, QUERY,
                        "packed, too");
    const uint64_t fewer = 87;
    expect_refusal_with(bytes, size, name + strlen(QUERY ".scales") + 4, &fewer, 8, QC_ERROR_FORMAT,
                        QUERY ".scales", "(87), expected (88)");
    free(bytes);
}

static void check_panels(struct large_form form)
{
    size_t size;
    make_other(form);
    unsigned char *bytes = read_other(&size);
    unsigned char *key = find_name(bytes, size, KEY_PACKED);
    expect_refusal_with(bytes, size, key + strlen(KEY_PACKED) + 4, "\2", 1, QC_ERROR_UNSUPPORTED,
                        KEY_PACKED, "is 2");
    expect_refusal_with(bytes, size, key, "Q", 1, QC_ERROR_FORMAT, KEY_PACKED, "missing");
    unsigned char *name = find_name(bytes, size, QUERY ".packed");
    expect_refusal_with(bytes, size, name + strlen(QUERY), ".pacced", 7, QC_ERROR_FORMAT, QUERY,
                        "missing");
    const uint64_t fewer = 5;
    expect_refusal_with(bytes, size, name + strlen(QUERY ".packed") + 12, &fewer, 8,
                        QC_ERROR_FORMAT, QUERY ".packed", "expected (6, ");
    for (size_t cut = 1; cut < size; cut += size / 37) {
        unsigned char *piece = aligned_alloc(64, (cut + 63) / 64 * 64);
        memcpy(piece, bytes, cut);
        expect_refusal(piece, cut, QC_ERROR_FORMAT, "", "");
        free(piece);
    }
    free(bytes);
}

static void damaged_panels_are_refused(void **state)
{
    (void)state;
    write_plain(QC_TOWER_VIT, GGML_F32);
    check_panels(PACKED);
    check_panels(Q8_PACKED);

    size_t size;
    unsigned char *bytes = read_other(&size);
    unsigned char *panels = numbers_of(bytes, size, UP ".packed");
    for (size_t i = 0; i < 3; i++)
        expect_refusal_with(bytes, size, panels + 4 * i, &bad_scales[i], 4, QC_ERROR_FORMAT,
                            UP ".packed", "a scale");
    /* Input 131, which there is not, of output 3. */
    expect_refusal_with(bytes, size, panels + sizeof(struct panel_i8) + 131 / 4 * 64 + 3 * 4 + 3,
                        "\1", 1, QC_ERROR_FORMAT, UP ".packed", "numbers for inputs");
    free(bytes);

    make_other(PACKED);
    bytes = read_other(&size);
    expect_refusal_with(bytes, size, numbers_of(bytes, size, UP ".packed") + 400, &bad_scales[0], 4,
                        QC_ERROR_FORMAT, UP ".packed", "finite");
    free(bytes);
}

/* Sums are looked at where a file is checked: when it is converted. */
static void wrong_sums_are_found(void **state)
{
    (void)state;
    size_t size;
    write_plain(QC_TOWER_VIT, GGML_F32);
    make_other(Q8_PACKED);
    const qc_model_options options = options_of(NULL, QC_PRECISION_DEFAULT);
    assert_int_equal(qc_model_check(other, &options), QC_OK);
    unsigned char *bytes = read_other(&size);
    numbers_of(bytes, size, UP ".packed")[64] ^= 1;
    FILE *file = fopen(other, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    free(bytes);
    assert_int_equal(qc_model_check(other, &options), QC_ERROR_FORMAT);
    assert_non_null(strstr(text, UP ".packed holds a sum"));
}

static void what_is_repacked_is_not_repacked(void **state)
{
    (void)state;
    static const struct large_form *const forms[] = {&Q8, &Q8_PACKED, &PACKED};
    write_plain(QC_TOWER_VIT, GGML_F32);
    for (size_t f = 0; f < 3; f++) {
        make_other(*forms[f]);
        assert_false(repack(other, plain, Q8_PACKED, text));
        assert_non_null(strstr(text, "already"));
    }
    const qc_model_options options = options_of(NULL, QC_PRECISION_DEFAULT);
    assert_int_equal(qc_model_check(plain, &options), QC_OK); /* is still there */
    assert_false(repack("/nowhere.gguf", other, Q8, text));
    assert_non_null(strstr(text, "/nowhere.gguf"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_has_the_same_bits),
        cmocka_unit_test(q8_is_computed_in_int8),
        cmocka_unit_test(panels_are_used_in_place),
        cmocka_unit_test(damaged_q8_is_refused),
        cmocka_unit_test(damaged_panels_are_refused),
        cmocka_unit_test(wrong_sums_are_found),
        cmocka_unit_test(what_is_repacked_is_not_repacked),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
