/*
 * test_model.c - opening models: what a good file gives, and that every way in which a file can be
 * wrong is an error that names what is wrong.
 */
#include "model.h" /* before cmocka.h, which makes fail() a macro */
#include "large_matrices.h"
#include "model_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/qualiclip-test-model-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/tiny.gguf", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

struct bytes {
    unsigned char *data;
    size_t size;
};

static struct bytes read_file(const char *name)
{
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    struct bytes bytes = {NULL, (size_t)ftell(file)};
    rewind(file);
    bytes.data = malloc(bytes.size);
    assert_non_null(bytes.data);
    assert_int_equal(fread(bytes.data, 1, bytes.size, file), bytes.size);
    fclose(file);
    return bytes;
}

static qc_model *open_file(void)
{
    char message[QC_MESSAGE_SIZE];
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = message;
    options.message_size = sizeof message;
    qc_model *model;
    if (qc_model_open(&model, path, &options) != QC_OK)
        fail_msg("%s", message);
    return model;
}

/* The status and message of opening `path`, which must not succeed. */
static qc_status refused_status(char *message, const char *name)
{
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = message;
    options.message_size = QC_MESSAGE_SIZE;
    qc_model *model = (qc_model *)(uintptr_t)1;
    const qc_status status = qc_model_open(&model, name, &options);
    assert_null(model);
    return status;
}

/* Opening fails with this status, and the message holds both words. */
static void expect_refusal(qc_status expected, const char *word1, const char *word2)
{
    char message[QC_MESSAGE_SIZE];
    const qc_status status = refused_status(message, path);
    if (status != expected || strncmp(message, path, strlen(path)) != 0 ||
        !strstr(message, word1) || !strstr(message, word2))
        fail_msg("status %d, \"%s\"; expected status %d, \"%s\" and \"%s\"", (int)status, message,
                 (int)expected, word1, word2);
}

static void expect_vit_refusal(const struct model_faults *faults, qc_status expected,
                               const char *word1, const char *word2)
{
    struct tiny_vit_options options = tiny_vit_options();
    options.faults = faults;
    options.positions = "grid";
    write_tiny_vit(path, &options);
    expect_refusal(expected, word1, word2);
}

static void expect_resnet_refusal(const struct model_faults *faults, qc_status expected,
                                  const char *word1, const char *word2)
{
    struct tiny_resnet_options options = tiny_resnet_options();
    options.faults = faults;
    options.positions = "grid";
    write_tiny_resnet(path, &options);
    expect_refusal(expected, word1, word2);
}

/* ------------------------------------------------------------------------------- good files */

static void vit_is_described(void **state)
{
    (void)state;
    struct tiny_vit_options options = tiny_vit_options();
    write_tiny_vit(path, &options);
    qc_model *model = open_file();
    qc_model_info info;
    qc_model_describe(model, &info);
    assert_string_equal(info.name, "tiny");
    assert_string_equal(info.profile, "qualiclip");
    assert_string_equal(info.license, "none");
    assert_string_equal(info.source, "tiny.pth");
    assert_string_equal(info.converter, "model_builder");
    assert_string_equal(info.precision, "f32");
    assert_string_equal(info.weight_type, "f32");
    assert_string_equal(info.kernels, qc_kernels_name(0));
    assert_int_equal(strlen(info.hash), 6 + 16);
    assert_int_equal(info.tower, QC_TOWER_VIT);
    assert_int_equal(info.width, 64);
    assert_int_equal(info.layers, 2);
    assert_int_equal(info.heads, 2);
    assert_int_equal(info.patch_size, 8);
    assert_int_equal(info.image_size, 24);
    assert_int_equal(info.feature_size, 16);
    assert_int_equal(info.pair_count, 2);
    assert_int_equal(info.minimum_size, 8);
    assert_true(info.logit_scale == 50 && info.temperature == 2);
    assert_true(info.has_positions);
    /* patches, class, 10 positions, 2 norms, 2 blocks, projection */
    const size_t block = 4 * (64 * 64 + 64) + 2 * 128 + (128 * 64 + 128) + (64 * 128 + 64);
    assert_int_equal(info.parameter_count, 64 * 192 + 64 + 10 * 64 + 2 * 128 + 2 * block + 16 * 64);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(info.file_size, status.st_size);
    assert_string_equal(qc_model_pair_name(model, 1), "good 1/bad 1");
    assert_null(qc_model_pair_name(model, 2));
    qc_model_close(model);
}

static void resnet_is_described(void **state)
{
    (void)state;
    struct tiny_resnet_options options = tiny_resnet_options();
    options.type = GGML_F16;
    write_tiny_resnet(path, &options);
    qc_model *model = open_file();
    qc_model_info info;
    qc_model_describe(model, &info);
    assert_int_equal(info.tower, QC_TOWER_RESNET);
    assert_string_equal(info.weight_type, "f16");
    assert_int_equal(info.width, 4);
    assert_int_equal(info.layers, 5);
    assert_int_equal(info.heads, 2);
    assert_int_equal(info.patch_size, 32);
    assert_int_equal(info.image_size, 64);
    assert_int_equal(info.minimum_size, 32);
    assert_int_equal(info.feature_size, 16);
    const struct resnet *resnet = &model->resnet;
    assert_int_equal(resnet->channels, 128);
    assert_int_equal(resnet->grid, 2);
    assert_non_null(resnet->blocks[0].shortcut.linear.weight.data);
    assert_false(resnet->blocks[0].halves);
    assert_null(resnet->blocks[1].shortcut.linear.weight.data);
    assert_true(resnet->blocks[2].halves);
    assert_int_equal(resnet->blocks[1].conv1.linear.weight.inputs, 16);
    assert_int_equal(resnet->blocks[2].conv1.linear.weight.inputs, 16);
    assert_int_equal(resnet->blocks[4].conv2.linear.weight.inputs, 9 * 32);
    assert_int_equal(resnet->blocks[4].conv2.kernel_size, 3);
    assert_int_equal(resnet->out.weight.outputs, 16);
    assert_int_equal(model->recipe.positions, QC_POSITIONS_GRID);
    qc_model_close(model);
}

static bool in_file(const qc_model *model, const void *pointer)
{
    const uintptr_t start = (uintptr_t)model->data, at = (uintptr_t)pointer;
    return at >= start && at < start + model->size;
}

static void weights_are_not_copied(void **state)
{
    (void)state;
    struct tiny_vit_options options = tiny_vit_options();
    write_tiny_vit(path, &options);
    qc_model *model = open_file();
    assert_true(model->mapped);
    const struct vit *vit = &model->vit;
    assert_true(in_file(model, vit->patch_embedding.data));
    assert_true(in_file(model, vit->class_embedding));
    assert_true(in_file(model, vit->position_embedding));
    assert_true(in_file(model, vit->blocks[1].fc2.weight.data));
    assert_true(in_file(model, vit->blocks[1].fc2.bias));
    assert_true(in_file(model, model->recipe.features));
    assert_int_equal((uintptr_t)vit->blocks[1].fc2.weight.data % 64, 0);
    qc_model_close(model);
}

/* Matrices of 16 bits stay as they are; vectors of 16 bits become f32 of the same value. */
static void short_numbers_are_used(enum gguf_tensor_type stored, number_type type, const char *name)
{
    struct tiny_vit_options options = tiny_vit_options();
    options.rounding = stored;
    write_tiny_vit(path, &options);
    qc_model *rounded = open_file();
    options.type = options.vector_type = stored;
    char other[80];
    snprintf(other, sizeof other, "%s.short", path);
    write_tiny_vit(other, &options);
    qc_model *model;
    assert_int_equal(qc_model_open(&model, other, NULL), QC_OK);
    unlink(other);

    const struct linear *query = &model->vit.blocks[0].query;
    assert_int_equal(query->weight.type, type);
    assert_true(in_file(model, query->weight.data));
    assert_false(in_file(model, query->bias));
    assert_memory_equal(query->bias, rounded->vit.blocks[0].query.bias, 64 * sizeof(float));
    assert_memory_equal(model->vit.position_embedding, rounded->vit.position_embedding,
                        10 * 64 * sizeof(float));
    assert_memory_equal(model->recipe.features, rounded->recipe.features, 4 * 16 * sizeof(float));
    float widened[64 * 64];
    model->kernels->widen(widened, query->weight.data, type, 64 * 64);
    assert_memory_equal(widened, rounded->vit.blocks[0].query.weight.data, sizeof widened);
    assert_string_equal(model->info.weight_type, name);
    assert_string_equal(rounded->info.weight_type, "f32");
    qc_model_close(rounded);
    qc_model_close(model);
}

static void short_weights_are_used_in_place(void **state)
{
    (void)state;
    short_numbers_are_used(GGML_F16, NUMBER_F16, "f16");
    short_numbers_are_used(GGML_BF16, NUMBER_BF16, "bf16");
}

static void memory_and_file_are_the_same(void **state)
{
    (void)state;
    struct tiny_resnet_options options = tiny_resnet_options();
    write_tiny_resnet(path, &options);
    struct bytes bytes = read_file(path);
    qc_model *mapped = open_file(), *in_memory;
    assert_int_equal(qc_model_open_memory(&in_memory, bytes.data, bytes.size, NULL), QC_OK);
    qc_model_info a, b;
    qc_model_describe(mapped, &a);
    qc_model_describe(in_memory, &b);
    assert_string_equal(a.hash, b.hash);
    assert_string_equal(a.name, b.name);
    assert_string_equal(a.profile, b.profile);
    assert_int_equal(a.parameter_count, b.parameter_count);
    assert_int_equal(a.file_size, b.file_size);
    assert_int_equal(a.layers, b.layers);
    assert_false(in_memory->mapped);
    assert_true(in_file(in_memory, in_memory->resnet.query.weight.data));
    qc_model_close(mapped);
    qc_model_close(in_memory);

    /* One other bit, another hash. */
    bytes.data[bytes.size - 4] ^= 1;
    char before[32];
    assert_int_equal(qc_model_open_memory(&mapped, bytes.data, bytes.size, NULL), QC_OK);
    snprintf(before, sizeof before, "%s", mapped->info.hash);
    qc_model_close(mapped);
    bytes.data[bytes.size - 4] ^= 1;
    assert_int_equal(qc_model_open_memory(&mapped, bytes.data, bytes.size, NULL), QC_OK);
    assert_string_not_equal(before, mapped->info.hash);
    qc_model_close(mapped);
    free(bytes.data);
}

static void clip_cpp_file_embeds(void **state)
{
    (void)state;
    struct tiny_vit_options options = tiny_vit_options();
    options.as_clip_cpp = true;
    write_tiny_vit(path, &options);
    qc_model *model = open_file();
    assert_int_equal(model->tower, QC_TOWER_VIT);
    assert_int_equal(model->recipe.positions, QC_POSITIONS_GRID);
    assert_true(model->recipe.logit_scale == 100 && model->recipe.temperature == 1);
    assert_int_equal(model->recipe.output_count, 0);
    assert_null(qc_model_pair_name(model, 0));
    assert_int_equal(model->vit.activation, ACTIVATION_QUICK_GELU);
    assert_string_equal(model->info.profile, "");
    qc_model_close(model);
}

static void recipe_follows_the_keys(void **state)
{
    (void)state;
    struct tiny_vit_options options = tiny_vit_options();
    options.gelu = true;
    options.grid = 0;
    options.logit_scale = options.temperature = 0;
    struct model_faults faults = {.omit_key = KEY_PAIR_NAMES};
    options.faults = &faults;
    write_tiny_vit(path, &options);
    qc_model *model = open_file();
    assert_int_equal(model->vit.activation, ACTIVATION_GELU);
    assert_int_equal(model->recipe.positions, QC_POSITIONS_NONE);
    assert_null(model->vit.position_embedding);
    assert_int_equal(model->info.image_size, 0);
    assert_true(model->recipe.logit_scale == 100 && model->recipe.temperature == 1);
    assert_string_equal(qc_model_pair_name(model, 0), "pair 1");
    qc_model_close(model);

    options = tiny_vit_options();
    options.positions = "none";
    write_tiny_vit(path, &options);
    model = open_file();
    assert_int_equal(model->recipe.positions, QC_POSITIONS_NONE);
    assert_non_null(model->vit.position_embedding);
    qc_model_close(model);
}

static void heads_have_64_channels_unless_told(void **state)
{
    (void)state;
    const struct model_faults faults = {.omit_key = KEY_HEADS};
    struct tiny_vit_options vit = tiny_vit_options();
    vit.width = 128;
    vit.faults = &faults;
    write_tiny_vit(path, &vit);
    qc_model *model = open_file();
    assert_int_equal(model->vit.heads, 2);
    qc_model_close(model);

    struct tiny_resnet_options resnet = tiny_resnet_options();
    resnet.heads = 0;
    resnet.width = 6;
    write_tiny_resnet(path, &resnet);
    model = open_file();
    assert_int_equal(model->resnet.heads, 3);
    qc_model_close(model);
}

static void texts_are_made_printable(void **state)
{
    (void)state;
    const struct model_faults faults = {
        .string_key = KEY_NAME, .string_value = "a\033[1m\xC3\xA9\xC3\xE2\x82\xAC\xED\xA0\x80"};
    struct tiny_vit_options options = tiny_vit_options();
    options.faults = &faults;
    write_tiny_vit(path, &options);
    qc_model *model = open_file();
    assert_string_equal(model->info.name, "a?[1m\xC3\xA9?\xE2\x82\xAC???");
    qc_model_close(model);
}

/* -------------------------------------------------------------------------------- bad files */

/* The names of all tensors of the file at `path`. */
static size_t list_tensors(char (*names)[64], size_t most)
{
    qc_model *model = open_file();
    const size_t count = (size_t)model->gguf.tensor_count;
    assert_true(count <= most);
    for (size_t i = 0; i < count; i++)
        snprintf(names[i], 64, "%.*s", (int)model->gguf.tensors[i].name.size,
                 model->gguf.tensors[i].name.bytes);
    qc_model_close(model);
    return count;
}

typedef void refuser(const struct model_faults *faults, qc_status expected, const char *word1,
                     const char *word2);

static void every_fault_names_the_tensor(refuser *expect, char (*names)[64], size_t count)
{
    assert_true(count > 30);
    for (size_t i = 0; i < count; i++) {
        const char *name = names[i];
        const bool prompts = strcmp(name, "qualiclip.prompts") == 0;
        if (strstr(name, "position_embd"))
            expect(&(struct model_faults){.omit = name}, QC_ERROR_FORMAT, "\"grid\"", "position");
        else if (prompts)
            expect(&(struct model_faults){.omit = name}, QC_ERROR_FORMAT, KEY_PAIR_NAMES, "0");
        else
            expect(&(struct model_faults){.omit = name}, QC_ERROR_FORMAT, name, "missing");
        expect(&(struct model_faults){.misshape = name}, QC_ERROR_FORMAT, name, "expected");
        expect(&(struct model_faults){.twice = name}, QC_ERROR_FORMAT, name, "twice");
        expect(&(struct model_faults){.poison = name, .poison_value = NAN}, QC_ERROR_FORMAT, name,
               "not finite");
        expect(&(struct model_faults){.poison = name, .poison_value = -INFINITY}, QC_ERROR_FORMAT,
               name, "not finite");
        const struct model_faults whole = {.retype = name, .type = GGML_I8};
        if (is_large_matrix(name, strlen(name)))
            expect(&whole, QC_ERROR_FORMAT, name, ".scales is missing");
        else
            expect(&whole, QC_ERROR_UNSUPPORTED, name, "24 (i8)");
    }
}

static void vit_tensors_are_checked(void **state)
{
    (void)state;
    char names[64][64];
    struct tiny_vit_options options = tiny_vit_options();
    write_tiny_vit(path, &options);
    const size_t count = list_tensors(names, 64);
    every_fault_names_the_tensor(expect_vit_refusal, names, count);
    expect_vit_refusal(&(struct model_faults){.flatten = "v.patch_embd.weight"}, QC_ERROR_FORMAT,
                       "(12288)", "(64, 3, 8, 8)");
}

static void resnet_tensors_are_checked(void **state)
{
    (void)state;
    char names[64][64];
    struct tiny_resnet_options options = tiny_resnet_options();
    write_tiny_resnet(path, &options);
    const size_t count = list_tensors(names, 64);
    every_fault_names_the_tensor(expect_resnet_refusal, names, count);
    expect_resnet_refusal(&(struct model_faults){.flatten = "v.stem.1.weight"}, QC_ERROR_FORMAT,
                          "(36)", "(2, 3, 3, 2)");
}

static void u32_keys_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        uint32_t value;
    } cases[] = {{KEY_WIDTH, 0},      {KEY_WIDTH, 16385},      {KEY_WIDTH, UINT32_MAX},
                 {KEY_MLP_WIDTH, 0},  {KEY_MLP_WIDTH, 262145}, {KEY_LAYERS, 0},
                 {KEY_LAYERS, 257},   {KEY_HEADS, 0},          {KEY_HEADS, 3},
                 {KEY_HEADS, 65},     {KEY_PATCH_SIZE, 0},     {KEY_PATCH_SIZE, 1025},
                 {KEY_PROJECTION, 0}, {KEY_PROJECTION, 16385}, {KEY_IMAGE_SIZE, 0},
                 {KEY_IMAGE_SIZE, 7}, {KEY_IMAGE_SIZE, 65537}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_vit_refusal(
            &(struct model_faults){.u32_key = cases[i].key, .u32_value = cases[i].value},
            QC_ERROR_FORMAT, cases[i].key, "expected");
    static const char *const required[] = {KEY_WIDTH,       KEY_MLP_WIDTH,  KEY_LAYERS,
                                           KEY_PATCH_SIZE,  KEY_PROJECTION, KEY_IMAGE_SIZE,
                                           KEY_ARCHITECTURE};
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        expect_vit_refusal(&(struct model_faults){.omit_key = required[i]}, QC_ERROR_FORMAT,
                           required[i], "missing");

    expect_resnet_refusal(&(struct model_faults){.u32_key = KEY_WIDTH, .u32_value = 5},
                          QC_ERROR_FORMAT, KEY_WIDTH, "even");
    expect_resnet_refusal(&(struct model_faults){.u32_key = KEY_WIDTH, .u32_value = 514},
                          QC_ERROR_FORMAT, KEY_WIDTH, "512");
    expect_resnet_refusal(&(struct model_faults){.u32_key = KEY_HEADS, .u32_value = 3},
                          QC_ERROR_FORMAT, KEY_HEADS, "128");
    expect_resnet_refusal(&(struct model_faults){.u32_key = KEY_STAGE_BLOCKS, .u32_value = 0},
                          QC_ERROR_FORMAT, KEY_STAGE_BLOCKS, "stage 3");
    expect_resnet_refusal(&(struct model_faults){.u32_key = KEY_STAGE_BLOCKS, .u32_value = 65},
                          QC_ERROR_FORMAT, KEY_STAGE_BLOCKS, "65");
    expect_resnet_refusal(&(struct model_faults){.omit_key = KEY_STAGE_BLOCKS}, QC_ERROR_FORMAT,
                          KEY_STAGE_BLOCKS, "missing");
    /* A tensor too few for the blocks that are told of. */
    expect_resnet_refusal(&(struct model_faults){.u32_key = KEY_STAGE_BLOCKS, .u32_value = 2},
                          QC_ERROR_FORMAT, "v.stage.3.1.conv1.weight", "missing");
}

static void recipe_keys_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        float value;
    } cases[] = {{KEY_LOGIT_SCALE, 0},   {KEY_LOGIT_SCALE, -100},     {KEY_LOGIT_SCALE, NAN},
                 {KEY_TEMPERATURE, -1},  {KEY_TEMPERATURE, INFINITY}, {KEY_EPSILON, 0},
                 {KEY_EPSILON, 1},       {KEY_EPSILON, NAN},          {KEY_IMAGE_STD, 0},
                 {KEY_IMAGE_STD, -0.2f}, {KEY_IMAGE_STD, NAN}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_vit_refusal(
            &(struct model_faults){.f32_key = cases[i].key, .f32_value = cases[i].value},
            QC_ERROR_FORMAT, cases[i].key, "expected");

    static const char *const words[] = {KEY_ARCHITECTURE, KEY_TOWER, KEY_POSITIONS};
    for (size_t i = 0; i < 3; i++)
        expect_vit_refusal(
            &(struct model_faults){.string_key = words[i], .string_value = "odd\033word"},
            QC_ERROR_UNSUPPORTED, words[i], "\"odd?word\"");
    expect_vit_refusal(&(struct model_faults){.bool_key = KEY_HAS_VISION, .bool_value = false},
                       QC_ERROR_UNSUPPORTED, KEY_HAS_VISION, "no image encoder");
}

static void files_that_are_none_are_refused(void **state)
{
    (void)state;
    char message[QC_MESSAGE_SIZE], name[80];
    const int before = open("/dev/null", O_RDONLY);
    close(before);

    snprintf(name, sizeof name, "%s/missing.gguf", directory);
    assert_int_equal(refused_status(message, name), QC_ERROR_IO);
    assert_non_null(strstr(message, name));
    assert_int_equal(refused_status(message, directory), QC_ERROR_IO);
    assert_non_null(strstr(message, "directory"));
    assert_int_equal(refused_status(message, "/dev/null"), QC_ERROR_IO);
    assert_int_equal(refused_status(message, ""), QC_ERROR_IO);
    assert_int_equal(mkfifo(name, 0600), 0);
    assert_int_equal(refused_status(message, name), QC_ERROR_IO);
    unlink(name);

    FILE *empty = fopen(name, "wb");
    assert_non_null(empty);
    fclose(empty);
    assert_int_equal(refused_status(message, name), QC_ERROR_FORMAT);
    assert_non_null(strstr(message, "empty"));
    unlink(name);

    struct tiny_vit_options options = tiny_vit_options();
    write_tiny_vit(path, &options);
    qc_model_close(open_file());
    /* No descriptor stayed open. */
    const int after = open("/dev/null", O_RDONLY);
    close(after);
    assert_int_equal(before, after);
}

/* Opens a copy that ends where its memory ends, so that a sanitizer sees a read beyond. */
static qc_status open_copy(const unsigned char *data, size_t size, char *message)
{
    unsigned char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = message;
    options.message_size = QC_MESSAGE_SIZE;
    qc_model *model;
    const qc_status status = qc_model_open_memory(&model, copy, size, &options);
    assert_true((status == QC_OK) == (model != NULL));
    qc_model_close(model);
    free(copy);
    return status;
}

static void expect_cut_refused(const struct bytes *bytes, size_t size)
{
    char message[QC_MESSAGE_SIZE];
    const qc_status status = open_copy(bytes->data, size, message);
    if (status != QC_ERROR_FORMAT || !*message)
        fail_msg("cut after %zu of %zu bytes: status %d, \"%s\"", size, bytes->size, (int)status,
                 message);
}

/* The last tensor's size is a multiple of the alignment: not a byte may be missing. */
static void cut_files_are_refused(const struct bytes *bytes)
{
    for (size_t part = 0; part < 16; part++)
        expect_cut_refused(bytes, bytes->size * part / 16);
    for (size_t size = 0; size < 4096; size += 7)
        expect_cut_refused(bytes, size);
    for (size_t size = 0; size < bytes->size; size += bytes->size / 200)
        expect_cut_refused(bytes, size);
    for (size_t missing = 1; missing <= 64; missing++)
        expect_cut_refused(bytes, bytes->size - missing);
}

static void cut_vit_is_refused(void **state)
{
    (void)state;
    struct tiny_vit_options options = tiny_vit_options();
    write_tiny_vit(path, &options);
    struct bytes bytes = read_file(path);
    cut_files_are_refused(&bytes);
    free(bytes.data);
}

static void cut_resnet_is_refused(void **state)
{
    (void)state;
    struct tiny_resnet_options options = tiny_resnet_options();
    options.type = GGML_F16;
    write_tiny_resnet(path, &options);
    struct bytes bytes = read_file(path);
    cut_files_are_refused(&bytes);
    free(bytes.data);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Most flips fall into the index, where they matter. */
static void flipped_bytes_never_crash(void **state)
{
    (void)state;
    struct tiny_resnet_options options = tiny_resnet_options();
    options.width = 2;
    options.grid = 1;
    write_tiny_resnet(path, &options);
    struct bytes bytes = read_file(path);
    uint64_t random = 20240607;
    size_t refused = 0;
    for (int round = 0; round < 4000; round++) {
        const size_t flips = 1 + next_random(&random) % 3;
        size_t places[3];
        unsigned char before[3];
        for (size_t i = 0; i < flips; i++) {
            const size_t range = next_random(&random) % 8 ? 4608 : bytes.size;
            places[i] = (size_t)(next_random(&random) % range);
            before[i] = bytes.data[places[i]];
            bytes.data[places[i]] = (unsigned char)next_random(&random);
        }
        char message[QC_MESSAGE_SIZE];
        const qc_status status = open_copy(bytes.data, bytes.size, message);
        if (status) {
            refused++;
            assert_true(*message);
            assert_true(status == QC_ERROR_FORMAT || status == QC_ERROR_UNSUPPORTED);
        }
        for (size_t i = flips; i-- > 0;)
            bytes.data[places[i]] = before[i];
    }
    assert_true(refused > 1000);
    char message[QC_MESSAGE_SIZE];
    assert_int_equal(open_copy(bytes.data, bytes.size, message), QC_OK);
    free(bytes.data);
}

/* -------------------------------------------------------------------------------- arguments */

static void arguments_are_checked(void **state)
{
    (void)state;
    char message[QC_MESSAGE_SIZE];
    qc_model *model;
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = message;
    options.message_size = sizeof message;
    struct tiny_vit_options tiny = tiny_vit_options();
    write_tiny_vit(path, &tiny);

    assert_int_equal(qc_model_open(NULL, path, &options), QC_ERROR_ARGUMENT);
    assert_int_equal(qc_model_open_memory(&model, NULL, 100, &options), QC_ERROR_ARGUMENT);
    options.kernels = "abacus";
    assert_int_equal(qc_model_open(&model, path, &options), QC_ERROR_UNSUPPORTED);
    assert_null(model);
    assert_non_null(strstr(message, "abacus"));
    assert_non_null(strstr(message, qc_kernels_name(0)));
    options.kernels = qc_kernels_name(0);
    assert_int_equal(qc_model_open(&model, path, &options), QC_OK);
    assert_string_equal(message, "");
    qc_model_close(model);
    options.size = 0;
    assert_int_equal(qc_model_open(&model, path, &options), QC_ERROR_ARGUMENT);
    options.size = sizeof options + 64;
    assert_int_equal(qc_model_open(&model, path, &options), QC_OK);
    qc_model_close(model);
    qc_model_close(NULL);

    /* A message that is cut is still a string. */
    options.message_size = 5;
    memset(message, 'x', sizeof message);
    assert_int_equal(qc_model_open(&model, "/nowhere/at/all", &options), QC_ERROR_IO);
    assert_string_equal(message, "/now");
    for (size_t i = 0; qc_kernels_name(i); i++)
        assert_true(i < 100);
}

static void misaligned_memory_is_refused(void **state)
{
    (void)state;
    struct tiny_vit_options options = tiny_vit_options();
    write_tiny_vit(path, &options);
    struct bytes bytes = read_file(path);
    unsigned char *shifted = malloc(bytes.size + 4);
    assert_non_null(shifted);
    qc_model *model;
    for (size_t shift = 1; shift <= 3; shift++) {
        memcpy(shifted + shift, bytes.data, bytes.size);
        assert_int_equal(qc_model_open_memory(&model, shifted + shift, bytes.size, NULL),
                         QC_ERROR_ARGUMENT);
        assert_null(model);
    }
    memcpy(shifted + 4, bytes.data, bytes.size);
    assert_int_equal(qc_model_open_memory(&model, shifted + 4, bytes.size, NULL), QC_OK);
    qc_model_close(model);
    free(shifted);
    free(bytes.data);
}

static void builtin_model_is_there_or_missed(void **state)
{
    (void)state;
    char message[QC_MESSAGE_SIZE];
#ifdef QUALICLIP_BUILTIN
    (void)message;
    qc_model *model;
    assert_int_equal(qc_model_open(&model, NULL, NULL), QC_OK);
    assert_true(model->info.pair_count > 0);
    assert_int_equal((uintptr_t)model->data % 64, 0);
    qc_model_close(model);
#else
    assert_int_equal(refused_status(message, NULL), QC_ERROR_UNSUPPORTED);
    assert_non_null(strstr(message, "no built-in model"));
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vit_is_described),
        cmocka_unit_test(resnet_is_described),
        cmocka_unit_test(weights_are_not_copied),
        cmocka_unit_test(short_weights_are_used_in_place),
        cmocka_unit_test(memory_and_file_are_the_same),
        cmocka_unit_test(clip_cpp_file_embeds),
        cmocka_unit_test(recipe_follows_the_keys),
        cmocka_unit_test(heads_have_64_channels_unless_told),
        cmocka_unit_test(texts_are_made_printable),
        cmocka_unit_test(vit_tensors_are_checked),
        cmocka_unit_test(resnet_tensors_are_checked),
        cmocka_unit_test(u32_keys_are_checked),
        cmocka_unit_test(recipe_keys_are_checked),
        cmocka_unit_test(files_that_are_none_are_refused),
        cmocka_unit_test(cut_vit_is_refused),
        cmocka_unit_test(cut_resnet_is_refused),
        cmocka_unit_test(flipped_bytes_never_crash),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(misaligned_memory_is_refused),
        cmocka_unit_test(builtin_model_is_there_or_missed),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
