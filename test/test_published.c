/*
 * test_published.c - one CLIP as transformers, OpenCLIP and its trainer publish it: the same model
 * comes out of all, with what the config files beside it say, and it computes what PyTorch does
 * (test/golden/published, made by test/reference/make_published_golden.py).
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/conversion.h"
#include "checkpoint/problem.h"
#include "gguf.h"
#include "map_file.h"
#include "qualiclip.h"

#include <cmocka.h>

#include "archive.h"
#include "safetensors_file.h"

#define GOLDEN            "test/golden/published/"
#define TRANSFORMERS      GOLDEN "transformers"
#define OPEN_CLIP         GOLDEN "open_clip"
#define OPEN_CLIP_FILE    OPEN_CLIP "/open_clip_model.safetensors"
#define VOCABULARY        TRANSFORMERS
#define FEATURE_SIZE      16
#define FEATURE_TOLERANCE 2e-5
#define SCORE_TOLERANCE   1e-4

static char directory[40]; /* a fresh one for each test */
static char model_path[2][64];
static char message[QC_MESSAGE_SIZE];
static char notes[1 << 16];

static void remove_all(const char *path)
{
    char command[128];
    assert_true(strncmp(path, "/tmp/qualiclip-published-", 25) == 0);
    snprintf(command, sizeof command, "rm -rf %s", path);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/qualiclip-published-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    for (int i = 0; i < 2; i++)
        snprintf(model_path[i], sizeof model_path[i], "%s/%d.gguf", directory, i);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_all(directory);
    return 0;
}

/* --------------------------------------------------------------------------------- conversions */

static void note(void *context, const char *line)
{
    (void)context;
    const size_t used = strlen(notes);
    snprintf(notes + used, sizeof notes - used, "%s\n", line);
}

static bool try(struct conversion conversion)
{
    struct conversion_result result;
    notes[0] = 0;
    conversion.note = note;
    if (!conversion.model_path)
        conversion.model_path = model_path[0];
    return convert_checkpoint(&conversion, &result, message);
}

static void convert(struct conversion conversion)
{
    if (!try(conversion))
        fail_msg("%s: %s", conversion.checkpoint_path, message);
}

static void refuse(struct conversion conversion, const char *reason)
{
    if (try(conversion))
        fail_msg("%s was taken, expected: %s", conversion.checkpoint_path, reason);
    if (!strstr(message, reason))
        fail_msg("\"%s\" does not say \"%s\"", message, reason);
}

static void expect_note(const char *part)
{
    if (!strstr(notes, part))
        fail_msg("%s\nis not noted in\n%s", part, notes);
}

/* ---------------------------------------------------------------------------- tensors and keys */

struct model_file {
    const void *data;
    size_t size;
    struct gguf gguf;
};

static struct model_file open_model_file(const char *path)
{
    struct model_file file;
    struct message where = {message, sizeof message};
    if (map_file(&file.data, &file.size, path, &where) != QC_OK ||
        gguf_parse(&file.gguf, file.data, file.size, path, &where) != QC_OK)
        fail_msg("%s", message);
    return file;
}

static void close_model_file(struct model_file *file)
{
    gguf_free(&file->gguf);
    unmap_file(file->data, file->size);
}

/* Both models have the same tensors, to the byte. */
static size_t compare_tensors(void)
{
    struct model_file a = open_model_file(model_path[0]), b = open_model_file(model_path[1]);
    const size_t count = (size_t)a.gguf.tensor_count;
    assert_int_equal(count, b.gguf.tensor_count);
    for (size_t i = 0; i < count; i++) {
        const struct gguf_tensor *one = &a.gguf.tensors[i], *other = &b.gguf.tensors[i];
        assert_int_equal(one->name.size, other->name.size);
        assert_memory_equal(one->name.bytes, other->name.bytes, one->name.size);
        assert_int_equal(one->type, other->type);
        assert_memory_equal(one->shape, other->shape, sizeof one->shape);
        assert_int_equal(one->size, other->size);
        assert_memory_equal(one->data, other->data, one->size);
    }
    close_model_file(&a);
    close_model_file(&b);
    return count;
}

static void all_names_give_the_same_model(void **state)
{
    (void)state;
    char custom[96], prefixed[96];
    snprintf(custom, sizeof custom, "%s/custom.safetensors", directory);
    snprintf(prefixed, sizeof prefixed, "%s/prefixed.safetensors", directory);
    static const char *const to_custom[] = {"\"transformer.",
                                            "\"text.transformer.",
                                            "\"token_embedding.",
                                            "\"text.token_embedding.",
                                            "\"positional_embedding\"",
                                            "\"text.positional_embedding\"",
                                            "\"ln_final.",
                                            "\"text.ln_final.",
                                            "\"text_projection\"",
                                            "\"text.text_projection\"",
                                            NULL};
    static const char *const to_prefixed[] = {"\"transformer.",
                                              "\"model.transformer.",
                                              "\"token_embedding.",
                                              "\"model.token_embedding.",
                                              "\"positional_embedding\"",
                                              "\"model.positional_embedding\"",
                                              "\"ln_final.",
                                              "\"model.ln_final.",
                                              "\"text_projection\"",
                                              "\"model.text_projection\"",
                                              "\"visual.",
                                              "\"model.visual.",
                                              NULL};
    copy_safetensors(OPEN_CLIP_FILE, custom, to_custom);
    copy_safetensors(OPEN_CLIP_FILE, prefixed, to_prefixed);
    char config[96], *text = read_text_file(OPEN_CLIP "/open_clip_config.json");
    snprintf(config, sizeof config, "%s/open_clip_config.json", directory);
    write_whole_file(config, text, strlen(text));
    free(text);

    const char *const others[] = {OPEN_CLIP, OPEN_CLIP "/epoch_1.pt", custom, prefixed,
                                  TRANSFORMERS "/model.safetensors.index.json"};
    static const enum gguf_tensor_type types[] = {GGML_F32, GGML_F16, GGML_BF16};
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        convert((struct conversion){
            .checkpoint_path = TRANSFORMERS, .vocabulary = VOCABULARY, .type = types[t]});
        expect_note("names: transformers'");
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            convert((struct conversion){.checkpoint_path = others[i],
                                        .vocabulary = VOCABULARY,
                                        .type = types[t],
                                        .model_path = model_path[1]});
            expect_note(i == 4 ? "activation: gelu, config.json"
                               : "activation: gelu, open_clip_config.json");
            assert_int_equal(compare_tensors(), 2 * 16 + 8 + 5);
        }
    }
}

static float get_float(const struct gguf *gguf, const char *key)
{
    float number = NAN;
    struct message where = {message, sizeof message};
    assert_int_equal(gguf_get_f32(gguf, key, true, &number, &where), QC_OK);
    return number;
}

static uint32_t get_size(const struct gguf *gguf, const char *key)
{
    uint32_t number = 0;
    struct message where = {message, sizeof message};
    assert_int_equal(gguf_get_u32(gguf, key, true, &number, &where), QC_OK);
    return number;
}

static bool uses_gelu(const char *path)
{
    struct model_file file = open_model_file(path);
    bool gelu = false;
    struct message where = {message, sizeof message};
    assert_int_equal(gguf_get_bool(&file.gguf, KEY_USE_GELU, true, &gelu, &where), QC_OK);
    close_model_file(&file);
    return gelu;
}

static void the_model_file_says_what_the_configs_say(void **state)
{
    (void)state;
    const char *const checkpoints[] = {TRANSFORMERS, OPEN_CLIP};
    for (int i = 0; i < 2; i++) {
        convert((struct conversion){.checkpoint_path = checkpoints[i], .vocabulary = VOCABULARY});
        struct model_file file = open_model_file(model_path[0]);
        const struct gguf *gguf = &file.gguf;
        struct message where = {message, sizeof message};
        float mean[3], deviation[3];
        assert_int_equal(get_size(gguf, KEY_HEADS), 2);
        assert_int_equal(get_size(gguf, KEY_TEXT_HEADS), 2);
        assert_true(get_float(gguf, KEY_EPSILON) == 1e-3f);
        assert_true(get_float(gguf, KEY_TEXT_EPSILON) == 1e-3f);
        assert_true(fabsf(get_float(gguf, KEY_LOGIT_SCALE) - 10) < 1e-5f);
        assert_int_equal(gguf_get_f32s(gguf, KEY_IMAGE_MEAN, true, mean, 3, &where), QC_OK);
        assert_int_equal(gguf_get_f32s(gguf, KEY_IMAGE_STD, true, deviation, 3, &where), QC_OK);
        assert_true(mean[0] == 0.5f && mean[1] == 0.45f && mean[2] == 0.4f);
        assert_true(deviation[0] == 0.3f && deviation[1] == 0.25f && deviation[2] == 0.5f);
        struct gguf_text name = {NULL, 0};
        assert_int_equal(gguf_get_text(gguf, KEY_NAME, true, &name, &where), QC_OK);
        assert_int_equal(name.size, strlen(base_name(checkpoints[i])));
        assert_memory_equal(name.bytes, base_name(checkpoints[i]), name.size);
        close_model_file(&file);
        assert_true(uses_gelu(model_path[0]));
    }
}

/* ------------------------------------------------------------------------------------- PyTorch */

struct golden_case {
    char kind[24], what[8], name[96], positions[8];
    float numbers[FEATURE_SIZE];
};

static bool next_case(FILE *file, struct golden_case *golden)
{
    char line[1024];
    do {
        if (!fgets(line, sizeof line, file))
            return false;
    } while (line[0] == '#');
    int used;
    assert_int_equal(sscanf(line, "%23s %7s %95s %7s%n", golden->kind, golden->what, golden->name,
                            golden->positions, &used),
                     4);
    const char *at = line + used;
    const int count = strcmp(golden->what, "score") == 0 ? 1 : FEATURE_SIZE;
    for (int i = 0; i < count; i++) {
        char *end;
        golden->numbers[i] = strtof(at, &end);
        assert_true(end > at);
        at = end;
    }
    return true;
}

/* A .ppm (P6, 8 bits) as an image whose pixels are to be freed. */
static qc_image read_image(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "test/golden/towers/%s.ppm", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    unsigned width, height;
    assert_int_equal(fscanf(file, "P6 %u %u 255", &width, &height), 2);
    assert_int_equal(fgetc(file), '\n');
    uint8_t *pixels = malloc(3 * width * height);
    assert_int_equal(fread(pixels, 3 * width, height, file), height);
    fclose(file);
    return (qc_image){.format = QC_PIXEL_RGB,
                      .width = width,
                      .height = height,
                      .planes = {pixels},
                      .strides = {3 * width}};
}

static void compute_image(const qc_model *model, const struct golden_case *golden, float *numbers)
{
    static const qc_prompt_pair pair = {.positive = "Good", .negative = "Bad"};
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.positions =
        strcmp(golden->positions, "grid") == 0 ? QC_POSITIONS_GRID : QC_POSITIONS_NONE;
    options.max_width = options.max_height = 130;
    options.prompts = &pair;
    options.prompt_count = 1;
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_OK);
    qc_image image = read_image(golden->name);
    if (strcmp(golden->what, "image") == 0) {
        assert_int_equal(qc_embed(scorer, &image, numbers), QC_OK);
    } else {
        qc_result result;
        assert_int_equal(qc_score(scorer, &image, &result), QC_OK);
        numbers[0] = result.score;
    }
    free((void *)image.planes[0]);
    qc_scorer_destroy(scorer);
}

static void compute_text(const qc_model *model, const struct golden_case *golden, float *numbers)
{
    char text[64];
    size_t size = 0;
    for (const char *at = golden->name; *at && *at != '-'; at += 2) {
        unsigned byte;
        assert_int_equal(sscanf(at, "%2x", &byte), 1);
        text[size++] = (char)(unsigned char)byte;
    }
    text[size] = 0;
    if (qc_embed_text(model, text, 0, numbers, message, sizeof message) != QC_OK)
        fail_msg("%s", message);
}

static double difference(const struct golden_case *golden, const float *numbers)
{
    double most = 0;
    const int count = strcmp(golden->what, "score") == 0 ? 1 : FEATURE_SIZE;
    for (int i = 0; i < count; i++) {
        const double off = fabs((double)golden->numbers[i] - numbers[i]);
        if (!(off <= most)) /* NaN is far away */
            most = off;
    }
    return most;
}

static void compare_with_pytorch(const char *kernels)
{
    qc_model_options options;
    qc_model_options_init(&options);
    options.kernels = kernels;
    qc_model *model;
    assert_int_equal(qc_model_open(&model, model_path[0], &options), QC_OK);
    FILE *file = fopen(GOLDEN "expected.txt", "r");
    assert_non_null(file);
    struct golden_case golden;
    int right = 0, oversights = 0;
    while (next_case(file, &golden)) {
        float numbers[FEATURE_SIZE];
        if (strcmp(golden.what, "text") == 0)
            compute_text(model, &golden, numbers);
        else
            compute_image(model, &golden, numbers);
        const double off = difference(&golden, numbers);
        const bool is_score = strcmp(golden.what, "score") == 0;
        if (strcmp(golden.kind, "right") == 0) {
            right++;
            if (!(off <= (is_score ? SCORE_TOLERANCE : FEATURE_TOLERANCE)))
                fail_msg("%s: %s %s: off by %.2e", kernels, golden.what, golden.name, off);
        } else {
            oversights++;
            if (!(off > 10 * FEATURE_TOLERANCE - FEATURE_TOLERANCE))
                fail_msg("%s: %s %s: as without %s", kernels, golden.what, golden.name,
                         golden.kind);
        }
    }
    assert_int_equal(right, 8);
    assert_true(oversights >= 15);
    fclose(file);
    qc_model_close(model);
}

static void the_model_computes_what_pytorch_does(void **state)
{
    (void)state;
    convert((struct conversion){.checkpoint_path = TRANSFORMERS});
    expect_note("vocabulary: vocab.json and merges.txt of " TRANSFORMERS);
    expect_note("activation: gelu, config.json");
    expect_note("agrees with " TRANSFORMERS "/config.json");
    expect_note("pixels: " TRANSFORMERS "/preprocessor_config.json");
    for (size_t i = 0; qc_kernels_name(i); i++)
        compare_with_pytorch(qc_kernels_name(i));
}

/* ---------------------------------------------------------------------------------- activation */

static void link_file(const char *source, const char *file)
{
    char here[256], target[256];
    assert_non_null(getcwd(here, sizeof here - 128));
    snprintf(target, sizeof target, "%s/%s", directory, file);
    snprintf(here + strlen(here), 128, "/%s", source);
    assert_int_equal(symlink(here, target), 0);
}

static void the_activation_is_told_or_demanded(void **state)
{
    (void)state;
    char alone[96], pickled[96];
    snprintf(alone, sizeof alone, "%s/model.safetensors", directory);
    snprintf(pickled, sizeof pickled, "%s/ViT-tiny.pt", directory);
    link_file(OPEN_CLIP_FILE, "model.safetensors");
    link_file(OPEN_CLIP "/epoch_1.pt", "ViT-tiny.pt");

    /* OpenCLIP's safetensors without config: asked for, whether by file or by directory. */
    refuse((struct conversion){.checkpoint_path = alone}, "--activation=gelu");
    refuse((struct conversion){.checkpoint_path = directory}, "nothing tells the activation");
    convert((struct conversion){.checkpoint_path = alone, .activation = "gelu"});
    expect_note("activation: gelu, as demanded");
    assert_true(uses_gelu(model_path[0]));
    convert((struct conversion){.checkpoint_path = alone, .activation = "quick_gelu"});
    assert_false(uses_gelu(model_path[0]));

    /* A pickle under OpenAI's names is taken for OpenAI's. */
    convert((struct conversion){.checkpoint_path = pickled});
    expect_note("activation: quick_gelu, of OpenAI's models");
    assert_false(uses_gelu(model_path[0]));

    /* What is demanded goes before what is told. */
    convert((struct conversion){.checkpoint_path = OPEN_CLIP, .activation = "quick_gelu"});
    expect_note("activation: quick_gelu, as demanded");
    assert_false(uses_gelu(model_path[0]));

    /* transformers' names without config: its default.  The directory is that of the index. */
    remove(alone);
    remove(pickled);
    link_file(TRANSFORMERS "/model.safetensors.index.json", "model.safetensors.index.json");
    link_file(TRANSFORMERS "/model-00001-of-00002.safetensors", "model-00001-of-00002.safetensors");
    link_file(TRANSFORMERS "/model-00002-of-00002.safetensors", "model-00002-of-00002.safetensors");
    convert((struct conversion){.checkpoint_path = directory});
    expect_note("activation: quick_gelu, of OpenAI's models");
    expect_note("dropped text_model.embeddings.position_ids");
    assert_false(uses_gelu(model_path[0]));
}

/* ------------------------------------------------------------------------------- wrong configs */

/* The published directory with one file changed. */
static void with_config(const char *published, const char *file, const char *old, const char *new,
                        const char *reason)
{
    static const char *const files[] = {
        "model.safetensors.index.json",     "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors", "config.json",
        "preprocessor_config.json",         "open_clip_config.json",
        "open_clip_model.safetensors"};
    char path[256], source[128], *text = NULL;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, files[i]);
        remove(path);
        snprintf(source, sizeof source, "%s/%s", published, files[i]);
        if (strcmp(files[i], file) == 0)
            text = read_text_file(source);
        else if (access(source, F_OK) == 0)
            link_file(source, files[i]);
    }
    assert_non_null(text);
    char *changed = *old ? replace_all(text, old, new) : NULL;
    snprintf(path, sizeof path, "%s/%s", directory, file);
    write_whole_file(path, changed ? changed : new, strlen(changed ? changed : new));
    const struct conversion conversion = {.checkpoint_path = directory, .vocabulary = VOCABULARY};
    if (reason) {
        refuse(conversion, reason);
        if (!strstr(message, file))
            fail_msg("\"%s\" does not name %s", message, file);
    } else {
        convert(conversion);
    }
    free(changed);
    free(text);
}

static void transformers_configs_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *old, *new, *reason;
    } changes[] = {
        {"\"hidden_size\": 64", "\"hidden_size\": 768",
         "vision_config.hidden_size is 768, expected 64"},
        {"\"patch_size\": 8", "\"patch_size\": 16", "vision_config.patch_size is 16, expected 8"},
        {"\"image_size\": 32", "\"image_size\": 224",
         "vision_config.image_size is 224, expected 32"},
        {"\"image_size\": 32", "\"image_size\": 39", NULL}, /* incomplete patches are dropped */
        {"\"num_hidden_layers\": 1", "\"num_hidden_layers\": 12",
         "vision_config.num_hidden_layers is 12, expected 1"},
        {"\"intermediate_size\": 96", "\"intermediate_size\": 256",
         "vision_config.intermediate_size is 256, expected 96"},
        {"\"projection_dim\": 16", "\"projection_dim\": 512", "projection_dim is 512, expected 16"},
        {"\"vocab_size\": 514", "\"vocab_size\": 49408",
         "text_config.vocab_size is 49408, expected 514"},
        {"\"max_position_embeddings\": 16", "\"max_position_embeddings\": 77",
         "text_config.max_position_embeddings is 77, expected 16"},
        {"\"num_attention_heads\": 2", "\"num_attention_heads\": 3",
         "vision_config.num_attention_heads is 3, expected a divisor of the width 64"},
        {"\"num_attention_heads\": 2", "\"num_attention_heads\": 4294967296",
         "expected an integer from 1"},
        {"\"num_attention_heads\": 2", "\"num_attention_heads\": 0", "expected an integer from 1"},
        {"\"num_attention_heads\": 2", "\"num_attention_heads\": 1.5",
         "expected an integer from 1"},
        {"\"num_attention_heads\": 2", "\"num_attention_heads\": -2", "expected an integer from 1"},
        {"\"num_attention_heads\": 2", "\"num_attention_heads\": 1e999",
         "expected an integer from 1"},
        {"\"num_attention_heads\": 2", "\"num_attention_heads\": \"2\"",
         "vision_config.num_attention_heads is \"2\", expected an integer"},
        {"\"num_attention_heads\"", "\"number_of_heads\"",
         "num_attention_heads (absent) is 12, expected a divisor"},
        {"\"num_channels\": 3", "\"num_channels\": 1",
         "vision_config.num_channels is 1, expected 3"},
        {"\"hidden_act\": \"gelu\"", "\"hidden_act\": \"gelu_new\"",
         "vision_config.hidden_act is \"gelu_new\", expected \"quick_gelu\" or \"gelu\""},
        {"\"layer_norm_eps\": 0.001", "\"layer_norm_eps\": 0", "layer_norm_eps is 0, expected"},
        {"\"layer_norm_eps\": 0.001", "\"layer_norm_eps\": null", NULL},
        {"\"model_type\": \"clip\"", "\"model_type\": \"siglip\"",
         "model_type is \"siglip\", expected \"clip\""},
        {"\"vision_config\"", "\"vision\"", "vision_config is absent, expected an object"},
        {"\"vision_config\": {", "\"vision_config\": 7, \"other\": {",
         "vision_config is 7, expected an object"},
        /* Of two, transformers prefers the second. */
        {"\"vision_config\": {",
         "\"vision_config_dict\": {\"num_attention_heads\": 2, \"hidden_act\": \"gelu_new\"}, "
         "\"vision_config\": {",
         "hidden_act is \"gelu_new\""},
        {"\"vision_config\": {", "\"vision_config_dict\": null, \"vision_config\": {", NULL},
        {"\"projection_dim\": 16", "\"projection_dim\": 16, \"projection_dim\": 16",
         "key projection_dim occurs twice"},
        {"\"num_channels\": 3", "\"num_channels\": 3, \"num_channels\": 3",
         "key num_channels occurs twice"},
        {"", "{\"model_type\": \"clip\"", "is not JSON"},
        {"", "[]", "expected a JSON object"},
        {"", "", "is not JSON"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        with_config(TRANSFORMERS, "config.json", changes[i].old, changes[i].new, changes[i].reason);
    static const char pixels[] = "preprocessor_config.json";
    with_config(TRANSFORMERS, pixels, "0.25", "0", "image_std is [0.3,0,0.5], expected three");
    with_config(TRANSFORMERS, pixels, "0.45", "0.45, 1", "image_mean is [0.5,0.45,1,0.4]");
    with_config(TRANSFORMERS, pixels, "\"image_std\"", "\"std\"", "image_std is absent");
    with_config(TRANSFORMERS, pixels, "true", "false", "do_normalize is false, expected true");

    /* A towers' difference is said, unless the text tower is left out. */
    char *text = read_text_file(TRANSFORMERS "/config.json");
    char *at = strstr(strstr(text, "text_config"), "\"gelu\"");
    assert_non_null(at);
    memcpy(at, "null  ", 6); /* absent: QuickGELU */
    with_config(TRANSFORMERS, "config.json", "", text, "the towers differ in their activations");
    free(text);
}

static void vision_alone_has_a_flat_config(void **state)
{
    (void)state;
    with_config(TRANSFORMERS, "config.json", "",
                "{\"model_type\": \"clip_vision_model\", \"hidden_act\": \"gelu\", "
                "\"num_attention_heads\": 4, \"projection_dim\": 16}",
                "the towers differ in their activations");
    convert((struct conversion){.checkpoint_path = directory, .text = TEXT_DROPPED});
    struct model_file file = open_model_file(model_path[0]);
    assert_int_equal(get_size(&file.gguf, KEY_HEADS), 4);
    close_model_file(&file);
    assert_true(uses_gelu(model_path[0]));

    convert((struct conversion){.checkpoint_path = directory, .activation = "gelu"});
    file = open_model_file(model_path[0]);
    assert_int_equal(get_size(&file.gguf, KEY_TEXT_HEADS), 1); /* not told: of 64 */
    close_model_file(&file);
}

static void open_clip_configs_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *old, *new, *reason;
    } changes[] = {
        {"\"embed_dim\": 16", "\"embed_dim\": 512", "model_cfg.embed_dim is 512, expected 16"},
        {"\"width\": 64", "\"width\": 768", "model_cfg.vision_cfg.width is 768, expected 64"},
        {"\"layers\": 1", "\"layers\": 2", "model_cfg.vision_cfg.layers is 2, expected 1"},
        {"1,\n   \"head", "[3, 4, 6, 3], \"head", "(stage 1) is 3, expected 0"},
        {"1,\n   \"head", "[3, 4], \"head", "expected a number, or four"},
        {"1,\n   \"head", "[3, 4, 6, 3, 1], \"head", "expected a number, or four"},
        {"1,\n   \"head", "[3, 4, 6, \"3\"], \"head", "expected a number, or four"},
        {"\"patch_size\": 8", "\"patch_size\": 14", "vision_cfg.patch_size is 14, expected 8"},
        {"\"image_size\": 32", "\"image_size\": 224", "vision_cfg.image_size is 224, expected 32"},
        {"\"image_size\": 32", "\"image_size\": [32, 32]", NULL},
        {"\"image_size\": 32", "\"image_size\": [32, 64]", "expected a number, or two that"},
        {"\"head_width\": 32", "\"head_width\": 48", "expected a divisor of the width 64"},
        {"\"heads\": 2", "\"heads\": 5", "text_cfg.heads is 5, expected a divisor of the width 64"},
        {"\"mlp_ratio\": 1.5", "\"mlp_ratio\": 4", "width * mlp_ratio is 256, expected 96"},
        {"\"mlp_ratio\": 1.5", "\"mlp_ratio\": -1", "expected a number above 0"},
        {"\"eps\": 0.001", "\"eps\": 2", "norm_kwargs.eps is 2, expected a number above 0"},
        {"\"norm_kwargs\": {", "\"norm_kwargs\": 5, \"was\": {", "norm_kwargs is 5, expected an"},
        {"\"vocab_size\": 514", "\"vocab_size\": 515", "vocab_size is 515, expected 514"},
        {"\"context_length\": 16", "\"context_length\": 77", "context_length is 77, expected 16"},
        {"\"head_width\": 32", "\"head_width\": 32, \"timm_model_name\": \"vit_base\"",
         "timm_model_name is \"vit_base\", expected null"},
        {"\"head_width\": 32", "\"head_width\": 32, \"pool_type\": \"avg\"",
         "vision_cfg.pool_type is \"avg\", expected \"tok\""},
        {"\"head_width\": 32", "\"head_width\": 32, \"pool_type\": \"tok\"", NULL},
        {"\"head_width\": 32", "\"head_width\": 32, \"global_average_pool\": true",
         "global_average_pool is true, expected false"},
        {"\"embed_dim\": 16", "\"embed_dim\": 16, \"quick_gelu\": 1",
         "quick_gelu is 1, expected true or false"},
        {"\"model_cfg\"", "\"model\"", "model_cfg is absent, expected an object"},
        {"\"mean\"", "\"average\"", "preprocess_cfg.mean is absent"},
        {"0.45", "\"0.45\"", "preprocess_cfg.mean is [0.5,\"0.45\",0.4]"},
        {"0.45", "1e30", "expected three numbers from 0 to 10"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        with_config(OPEN_CLIP, "open_clip_config.json", changes[i].old, changes[i].new,
                    changes[i].reason);
    with_config(OPEN_CLIP, "open_clip_config.json", "\"embed_dim\": 16",
                "\"embed_dim\": 16, \"quick_gelu\": true", NULL);
    assert_false(uses_gelu(model_path[0]));
}

/* ---------------------------------------------------------------------------- towers not read */

static void other_models_are_called_by_their_name(void **state)
{
    (void)state;
    char path[96];
    snprintf(path, sizeof path, "%s/other.safetensors", directory);
    static const struct {
        const char *old, *new, *reason;
    } others[] = {
        {"\"visual.", "\"visual.trunk.", "one of timm's (visual.trunk.*)"},
        {"\"visual.", "\"visual.attn_pool.", "CoCa's attentional pooling"},
        {"\"ln_final.", "\"text_decoder.", "CoCa's (text_decoder.*)"},
        {"\"visual.ln_post.", "\"vision_model.head.", "SigLIP's (vision_model.head.*)"},
        {"\"visual.transformer.resblocks", "\"visual.blocks", "EVA-CLIP's (visual.blocks.*)"},
        {"\"visual.", "\"vision.", "has no image tower"},
        {"\"visual.ln_pre.", "\"visual.ln_prae.", "visual.ln_pre.weight is missing"},
        {"\"logit_scale\"", "\"logit_bias\"", "logit_bias is not known to be part of a CLIP"},
        {"\"ln_final.bias\"", "\"ln_finale.bias\"", "ln_finale.bias is not known"},
        {"\"text_projection\"", "\"text_projection.weight\"",
         "text_projection.weight is not known"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const char *const replacements[] = {others[i].old, others[i].new, NULL};
        copy_safetensors(OPEN_CLIP_FILE, path, replacements);
        refuse((struct conversion){.checkpoint_path = path,
                                   .activation = "gelu",
                                   .text = TEXT_DROPPED},
               others[i].reason);
    }

    /* What a text tower may not have is refused where it is kept. */
    static const struct {
        const char *old, *new, *reason;
    } texts[] = {
        {"\"ln_final.bias\"", "\"text_projection.bias\"", "projection has a bias"},
        {"\"ln_final.bias\"", "\"transformer.more.bias\"", "ln_final.bias is missing"},
        {"\"logit_scale\"", "\"transformer.more.bias\"", "transformer.more.bias is not known"},
        {"\"transformer.", "\"transformers.", "has no text tower (transformer.*)"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *const replacements[] = {texts[i].old, texts[i].new, NULL};
        copy_safetensors(OPEN_CLIP_FILE, path, replacements);
        refuse((struct conversion){.checkpoint_path = path,
                                   .activation = "gelu",
                                   .vocabulary = VOCABULARY},
               texts[i].reason);
    }
}

static void the_output_may_not_be_a_part_of_the_checkpoint(void **state)
{
    (void)state;
    char shard[256];
    with_config(TRANSFORMERS, "config.json", "\"num_channels\": 3", "\"num_channels\": 3", NULL);
    snprintf(shard, sizeof shard, "%s/model-00002-of-00002.safetensors", directory);
    refuse((struct conversion){.checkpoint_path = directory, .model_path = shard},
           "would overwrite the checkpoint");
    refuse((struct conversion){.checkpoint_path = directory,
                               .model_path = TRANSFORMERS "/model.safetensors.index.json"},
           "would overwrite the checkpoint");
}

#define test_in_directory(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_directory(all_names_give_the_same_model),
        test_in_directory(the_model_file_says_what_the_configs_say),
        test_in_directory(the_model_computes_what_pytorch_does),
        test_in_directory(the_activation_is_told_or_demanded),
        test_in_directory(transformers_configs_are_checked),
        test_in_directory(vision_alone_has_a_flat_config),
        test_in_directory(open_clip_configs_are_checked),
        test_in_directory(other_models_are_called_by_their_name),
        test_in_directory(the_output_may_not_be_a_part_of_the_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
