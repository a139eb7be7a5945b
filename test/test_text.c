/*
 * test_text.c - the text tower against PyTorch (test/golden/text, made by
 * test/reference/make_text_golden.py), the caller's own prompts, and what is refused.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef QUALICLIP_THREADS
#include <pthread.h>
#endif

#include "checkpoint/conversion.h"
#include "checkpoint/vocabulary.h"
#include "gguf.h"
#include "model.h"
#include "qualiclip.h"

#include <cmocka.h>

#define GOLDEN       "test/golden/text/"
#define MERGES_PATH  "test/golden/tokenizer/merges.txt"
#define FEATURE_SIZE 16
#define TOKENS       975
#define TOLERANCE    2e-5

static char directory[] = "/tmp/qualiclip-text-XXXXXX";
static char model_path[64], plain_path[64]; /* with and without text tower */
static unsigned char *model_data;
static size_t model_size;
static char text_of_message[QC_MESSAGE_SIZE];

static int convert(const char *path, const char *vocabulary, enum gguf_tensor_type type)
{
    const struct conversion conversion = {.checkpoint_path = GOLDEN "text.pth",
                                          .model_path = path,
                                          .vocabulary = vocabulary,
                                          .type = type};
    struct conversion_result result;
    if (convert_checkpoint(&conversion, &result, text_of_message))
        return 0;
    print_error("%s\n", text_of_message);
    return -1;
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(model_path, sizeof model_path, "%s/text.gguf", directory);
    snprintf(plain_path, sizeof plain_path, "%s/plain.gguf", directory);
    if (convert(model_path, MERGES_PATH, GGML_F32) || convert(plain_path, NULL, GGML_F32))
        return -1;
    FILE *file = fopen(model_path, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        return -1;
    model_size = (size_t)ftell(file);
    rewind(file);
    model_data = aligned_alloc(64, (model_size + 63) / 64 * 64);
    const bool whole = model_data && fread(model_data, 1, model_size, file) == model_size;
    fclose(file);
    return whole ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(model_data);
    unlink(model_path);
    unlink(plain_path);
    return rmdir(directory);
}

static qc_model *open_model(const char *path, const char *kernels)
{
    qc_model_options options;
    qc_model_options_init(&options);
    options.kernels = kernels;
    options.message = text_of_message;
    options.message_size = sizeof text_of_message;
    qc_model *model;
    if (qc_model_open(&model, path, &options))
        fail_msg("%s", text_of_message);
    return model;
}

static void expect_message(const char *part)
{
    if (!strstr(text_of_message, part))
        fail_msg("\"%s\" does not say \"%s\"", text_of_message, part);
}

/* -------------------------------------------------------------------------------------- features
 */

struct golden_case {
    char kind[32], text[256];
    float feature[FEATURE_SIZE];
};

static bool next_case(FILE *file, struct golden_case *golden)
{
    char line[1024], digits[512];
    do {
        if (!fgets(line, sizeof line, file))
            return false;
    } while (line[0] == '#');
    int used;
    assert_int_equal(sscanf(line, "%31s %511s%n", golden->kind, digits, &used), 2);
    size_t size = 0;
    for (const char *at = digits; digits[0] != '-' && *at; at += 2) {
        unsigned byte;
        assert_int_equal(sscanf(at, "%2x", &byte), 1);
        golden->text[size++] = (char)(unsigned char)byte;
    }
    golden->text[size] = 0;
    const char *at = line + used;
    for (int i = 0; i < FEATURE_SIZE; i++) {
        char *end;
        golden->feature[i] = strtof(at, &end);
        assert_true(end > at);
        at = end;
    }
    return true;
}

static double distance(const float *a, const float *b)
{
    double most = 0;
    for (int i = 0; i < FEATURE_SIZE; i++) {
        const double difference = fabs((double)a[i] - b[i]);
        if (!(difference <= most))
            most = difference;
    }
    return most;
}

static void compare_features(const char *kernels)
{
    FILE *file = fopen(GOLDEN "features.txt", "r");
    assert_non_null(file);
    qc_model *model = open_model(model_path, kernels);
    struct golden_case golden;
    int right = 0, mistakes = 0;
    while (next_case(file, &golden)) {
        float feature[FEATURE_SIZE];
        if (qc_embed_text(model, golden.text, 0, feature, text_of_message, QC_MESSAGE_SIZE))
            fail_msg("%s", text_of_message);
        const double off = distance(feature, golden.feature);
        const bool is_right = strcmp(golden.kind, "right") == 0;
        if (is_right ? !(off <= TOLERANCE) : !(off > 10 * TOLERANCE))
            fail_msg("%s, %s, \"%s\": off by %.2e", kernels, golden.kind, golden.text, off);
        right += is_right;
        mistakes += !is_right;
    }
    fclose(file);
    qc_model_close(model);
    assert_int_equal(right, 7);
    assert_int_equal(mistakes, 6);
}

static void features_are_pytorchs(void **state)
{
    (void)state;
    for (size_t i = 0; qc_kernels_name(i); i++)
        compare_features(qc_kernels_name(i));
}

static void texts_are_refused_or_cut(void **state)
{
    (void)state;
    static const char long_text[] = "1 2 3 4 5 6 7 8 9 0 1 2 3";
    qc_model *model = open_model(model_path, NULL);
    float feature[FEATURE_SIZE], shorter[FEATURE_SIZE];
    char *const message = text_of_message;
    assert_int_equal(qc_embed_text(model, long_text, 0, feature, message, QC_MESSAGE_SIZE),
                     QC_ERROR_TOO_LARGE);
    expect_message("at most 12");
    assert_true(feature[0] == 0);
    assert_int_equal(
        qc_embed_text(model, long_text, QC_TEXT_TRUNCATE, feature, message, QC_MESSAGE_SIZE),
        QC_OK);
    assert_int_equal(
        qc_embed_text(model, "1 2 3 4 5 6 7 8 9 0", 0, shorter, message, QC_MESSAGE_SIZE), QC_OK);
    assert_true(distance(feature, shorter) == 0);
    assert_int_equal(qc_embed_text(model, "\xFF", 0, feature, message, QC_MESSAGE_SIZE),
                     QC_ERROR_ARGUMENT);
    assert_int_equal(qc_embed_text(model, "a", 2, feature, NULL, 0), QC_ERROR_ARGUMENT);
    assert_int_equal(qc_embed_text(model, NULL, 0, feature, NULL, 0), QC_ERROR_ARGUMENT);
    uint32_t ids[4];
    size_t count;
    assert_int_equal(qc_tokenize(model, "1 2", 0, ids, 4, &count, message, QC_MESSAGE_SIZE), QC_OK);
    assert_int_equal(count, 4);
    assert_int_equal(ids[0], TOKENS - 2);
    assert_int_equal(ids[3], TOKENS - 1);
    assert_int_equal(qc_tokenize(model, "1 2", 0, ids, 1, &count, NULL, 0), QC_ERROR_ARGUMENT);
    qc_model_close(model);

    model = open_model(plain_path, NULL);
    qc_model_info info;
    qc_model_describe(model, &info);
    assert_false(info.has_text);
    assert_int_equal(qc_embed_text(model, "a", 0, feature, message, QC_MESSAGE_SIZE),
                     QC_ERROR_UNSUPPORTED);
    expect_message("no text tower");
    qc_model_close(model);
}

/* --------------------------------------------------------------------------------- own prompts */

static uint8_t pixels[3 * 48 * 40];

static qc_image photo(void)
{
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i / 7 + 31 * i);
    return (qc_image){
        .format = QC_PIXEL_RGB, .width = 48, .height = 40, .planes = {pixels}, .strides = {3 * 48}};
}

static qc_scorer_options options_with(const qc_prompt_pair *prompts, size_t count)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = options.max_height = 64;
    options.message = text_of_message;
    options.message_size = sizeof text_of_message;
    options.prompts = prompts;
    options.prompt_count = count;
    return options;
}

static qc_result score_with(const qc_model *model, const qc_scorer_options *options,
                            qc_scorer **scorer)
{
    qc_result result;
    const qc_image image = photo();
    if (qc_scorer_create(scorer, model, options))
        fail_msg("%s", text_of_message);
    assert_int_equal(qc_score(*scorer, &image, &result), QC_OK);
    return result;
}

static void own_prompts_are_scored(void **state)
{
    (void)state;
    qc_model *model = open_model(model_path, NULL);
    qc_prompt_pair pairs[] = {{"Good photo.", "Bad photo.", NULL, NULL, NULL},
                              {"1 2 3", "x", "numbers", NULL, NULL}};
    qc_scorer_options options = options_with(pairs, 2);
    qc_scorer *scorer;

    /* In a block of just the size that was announced; the texts are not needed afterwards. */
    const size_t size = qc_scorer_memory(model, &options);
    assert_true(size > 0);
    unsigned char *block = aligned_alloc(64, (size + 64 + 63) / 64 * 64);
    memset(block + size, 0xA5, 64);
    options.memory = block;
    options.memory_size = size;
    const qc_result own = score_with(model, &options, &scorer);
    pairs[0].positive = pairs[1].name = NULL;
    assert_string_equal(qc_scorer_pair_name(scorer, 0), "Good photo./Bad photo.");
    assert_string_equal(qc_scorer_pair_name(scorer, 1), "numbers");
    assert_null(qc_scorer_pair_name(scorer, 2));
    assert_string_equal(own.profile, "custom");
    assert_int_equal(own.pair_count, 2);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(block[size + i], 0xA5);
    qc_scorer_destroy(scorer);
    free(block);

    /* The same bits from features that were made one by one. */
    static const char *const texts[] = {"Good photo.", "Bad photo.", "1 2 3", "x"};
    float features[4][FEATURE_SIZE];
    for (int i = 0; i < 4; i++)
        assert_int_equal(qc_embed_text(model, texts[i], 0, features[i], NULL, 0), QC_OK);
    const qc_prompt_pair ready[] = {{NULL, NULL, "a", features[0], features[1]},
                                    {NULL, NULL, "b", features[2], features[3]}};
    options = options_with(ready, 2);
    const qc_result given = score_with(model, &options, &scorer);
    assert_memory_equal(given.pairs, own.pairs, 2 * sizeof own.pairs[0]);
    assert_true(given.score == own.score);
    assert_true(own.pairs[0] != own.pairs[1]);
    qc_scorer_destroy(scorer);

    /* ... also by a model that holds no text tower; and without prompts, its own. */
    qc_model *plain = open_model(plain_path, NULL);
    assert_true(score_with(plain, &options, &scorer).score == own.score);
    qc_scorer_destroy(scorer);
    options = options_with(NULL, 0);
    const qc_result stored = score_with(plain, &options, &scorer);
    assert_string_equal(stored.profile, "qualiclip");
    assert_string_equal(qc_scorer_pair_name(scorer, 0), qc_model_pair_name(plain, 0));
    qc_scorer_destroy(scorer);
    qc_model_close(plain);
    qc_model_close(model);
}

static void refuse_prompts(const qc_model *model, const qc_prompt_pair *pairs, size_t count,
                           unsigned flags, const char *part)
{
    qc_scorer_options options = options_with(pairs, count);
    options.prompt_flags = flags;
    qc_scorer *scorer;
    assert_int_not_equal(qc_scorer_create(&scorer, model, &options), QC_OK);
    assert_null(scorer);
    expect_message(part);
}

static void bad_prompts_are_refused(void **state)
{
    (void)state;
    qc_model *model = open_model(model_path, NULL), *plain = open_model(plain_path, NULL);
    float unit[FEATURE_SIZE] = {1}, half[FEATURE_SIZE] = {0.5f}, not_a_number[FEATURE_SIZE] = {NAN};
    qc_prompt_pair pair = {"a", "b", NULL, NULL, NULL};
    refuse_prompts(model, NULL, 1, 0, "prompts is NULL");
    refuse_prompts(model, &pair, QC_PAIRS_MAX + 1, 0, "at most 64");
    refuse_prompts(model, &pair, 1, 4, "prompt_flags");
    refuse_prompts(plain, &pair, 1, 0, "no text tower");
    pair.negative = NULL;
    refuse_prompts(model, &pair, 1, 0, "a text is NULL");
    pair.negative = "\xFF";
    refuse_prompts(model, &pair, 1, 0, "UTF-8");
    pair.negative = "1 2 3 4 5 6 7 8 9 0 1 2 3";
    refuse_prompts(model, &pair, 1, 0, "15 tokens");
    pair.positive_feature = unit;
    refuse_prompts(model, &pair, 1, 0, "one of two features");
    pair.negative_feature = half;
    refuse_prompts(model, &pair, 1, 0, "length 0.5");
    pair.negative_feature = not_a_number;
    refuse_prompts(model, &pair, 1, 0, "length");
    pair = (qc_prompt_pair){NULL, NULL, NULL, unit, unit};
    refuse_prompts(model, &pair, 1, 0, "neither texts nor a name");
    qc_model_close(model);
    qc_model_close(plain);
}

/* ------------------------------------------------------------------------------- damaged files */

static unsigned char *find(const char *text)
{
    const size_t length = strlen(text);
    for (size_t i = 0; i + length <= model_size; i++)
        if (memcmp(model_data + i, text, length) == 0)
            return model_data + i;
    fail_msg("the model has no %s", text);
    return NULL;
}

static qc_status open_changed(qc_model **model)
{
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = text_of_message;
    options.message_size = sizeof text_of_message;
    return qc_model_open_memory(model, model_data, model_size, &options);
}

/* Writes the numbers of the 16-bit tensors of `from` over those of the f32 model in memory. */
static size_t take_numbers(const struct gguf *from)
{
    struct gguf into;
    struct message message = {text_of_message, sizeof text_of_message};
    size_t taken = 0;
    assert_int_equal(gguf_parse(&into, model_data, model_size, "model", &message), QC_OK);
    for (uint64_t i = 0; i < from->tensor_count; i++) {
        const struct gguf_tensor *source = &from->tensors[i];
        number_type type;
        assert_true(number_type_of(source->type, &type));
        const struct gguf_tensor *target = gguf_find_tensor(&into, gguf_label(source->name).text);
        assert_non_null(target);
        if (type == NUMBER_F32)
            continue;
        float *numbers =
            (float *)(void *)(model_data + ((const unsigned char *)target->data - model_data));
        kernel_set_find("reference")->widen(numbers, source->data, type, target->count);
        taken++;
    }
    gguf_free(&into);
    return taken;
}

/* A text tower in 16 bits gives what the same numbers in f32 give, to the bit. */
static void storing_in_16_bits_is_rounding(void **state)
{
    (void)state;
    static const enum gguf_tensor_type types[] = {GGML_F16, GGML_BF16};
    unsigned char *kept = malloc(model_size);
    assert_non_null(kept);
    memcpy(kept, model_data, model_size);
    char path[80];
    snprintf(path, sizeof path, "%s/short.gguf", directory);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(convert(path, MERGES_PATH, types[i]), 0);
        qc_model *stored = open_model(path, NULL), *rounded;
        assert_true(take_numbers(&stored->gguf) > 10);
        assert_int_equal(open_changed(&rounded), QC_OK);
        float expected[FEATURE_SIZE], feature[FEATURE_SIZE];
        assert_int_equal(qc_embed_text(rounded, "Good photo.", 0, expected, NULL, 0), QC_OK);
        assert_int_equal(qc_embed_text(stored, "Good photo.", 0, feature, NULL, 0), QC_OK);
        assert_memory_equal(feature, expected, sizeof feature);
        qc_model_close(stored);
        qc_model_close(rounded);
        memcpy(model_data, kept, model_size);
    }
    unlink(path);
    free(kept);
}

/* Without that key or tensor, which is renamed, the model must be refused. */
static void refuse_without(const char *name, const char *part)
{
    unsigned char *at = find(name);
    const unsigned char kept = at[0];
    at[0] = 'X';
    qc_model *model;
    assert_int_equal(open_changed(&model), QC_ERROR_FORMAT);
    expect_message(part);
    at[0] = kept;
}

/* With another number in that key. */
static void refuse_number(const char *key, uint32_t number, const char *part)
{
    unsigned char *at = find(key) + strlen(key) + 4; /* behind the type */
    unsigned char kept[4];
    memcpy(kept, at, 4);
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(number >> 8 * i);
    qc_model *model;
    assert_int_equal(open_changed(&model), QC_ERROR_FORMAT);
    expect_message(part);
    memcpy(at, kept, 4);
}

static void incomplete_files_are_refused(void **state)
{
    (void)state;
    refuse_without("clip.text.context_length", "clip.text.context_length");
    refuse_without("clip.text.embedding_length", "clip.text.embedding_length");
    refuse_without("clip.text.block_count", "clip.text.block_count");
    refuse_without("t.token_embd.weight", "t.token_embd.weight is missing");
    refuse_without("t.position_embd.weight", "t.position_embd.weight is missing");
    refuse_without("t.blk.1.attn_q.bias", "t.blk.1.attn_q.bias is missing");
    refuse_without("t.post_ln.bias", "t.post_ln.bias is missing");
    refuse_without("text_projection.weight", "text_projection.weight is missing");
    refuse_without("tokenizer.ggml.tokens", "tokenizer.ggml.tokens is missing");
    refuse_number("clip.text.context_length", 13, "(12, 64), expected (13, 64)");
    refuse_number("clip.text.context_length", 1, "expected 2 to 4096");
    refuse_number("clip.text.embedding_length", 128, "expected (975, 128)");
    refuse_number("clip.text.feed_forward_length", 255, "t.blk.0.ffn_down");
    refuse_number("clip.text.block_count", 3, "t.blk.2.");
    refuse_number("clip.text.attention.head_count", 3, "a divisor of the width");
    refuse_number("clip.text.projection_dim", 17, "expected 16 as the image tower has");
    qc_model *model;
    assert_int_equal(open_changed(&model), QC_OK);
    qc_model_close(model);
}

#ifdef QUALICLIP_THREADS

struct asking_thread {
    pthread_t thread;
    const qc_model *model;
    uint32_t ids[12];
    size_t count;
    qc_status status;
};

static void *ask(void *context)
{
    struct asking_thread *asking = context;
    asking->status =
        qc_tokenize(asking->model, "Good photo.", 0, asking->ids, 12, &asking->count, NULL, 0);
    return NULL;
}

/* Threads that all want a model's tokenizer for the first time: each gets the same ids. */
static void the_tokenizer_is_shared(void **state)
{
    (void)state;
    for (int turn = 0; turn < 20; turn++) {
        struct asking_thread asking[8];
        qc_model *model = open_model(model_path, "reference");
        assert_null(atomic_load(&model->text.tokenizer->made));
        for (int i = 0; i < 8; i++) {
            asking[i] = (struct asking_thread){.model = model};
            assert_int_equal(pthread_create(&asking[i].thread, NULL, ask, &asking[i]), 0);
        }
        for (int i = 0; i < 8; i++)
            pthread_join(asking[i].thread, NULL);
        const struct tokenizer *kept = atomic_load(&model->text.tokenizer->made);
        assert_non_null(kept);
        for (int i = 0; i < 8; i++) {
            assert_int_equal(asking[i].status, QC_OK);
            assert_true(asking[i].count > 2);
            assert_int_equal(asking[i].count, asking[0].count);
            assert_memory_equal(asking[i].ids, asking[0].ids, sizeof asking[i].ids);
        }
        ask(&asking[0]);
        assert_ptr_equal(atomic_load(&model->text.tokenizer->made), kept);
        qc_model_close(model);
    }
}

#endif

/* As clip.cpp writes them: the merges follow from the tokens. */
static void merges_may_be_absent(void **state)
{
    (void)state;
    float expected[FEATURE_SIZE], feature[FEATURE_SIZE];
    qc_model *model = open_model(model_path, NULL);
    assert_int_equal(qc_embed_text(model, "Good photo.", 0, expected, NULL, 0), QC_OK);
    qc_model_close(model);
    unsigned char *at = find("tokenizer.ggml.merges");
    at[0] = 'X';
    assert_int_equal(open_changed(&model), QC_OK);
    qc_model_info info;
    qc_model_describe(model, &info);
    assert_true(info.has_text);
    assert_int_equal(qc_embed_text(model, "Good photo.", 0, feature, NULL, 0), QC_OK);
    assert_memory_equal(feature, expected, sizeof feature);
    qc_model_close(model);
    at[0] = 't';
}

static void a_model_without_vocabulary_scores(void **state)
{
    (void)state;
    unsigned char *merges = find("tokenizer.ggml.merges"), *at = find("tokenizer.ggml.tokens");
    merges[0] = at[0] = 'X';
    qc_model *model;
    assert_int_equal(open_changed(&model), QC_OK);
    qc_model_info info;
    qc_model_describe(model, &info);
    assert_false(info.has_text);
    float feature[FEATURE_SIZE];
    assert_int_equal(qc_embed_text(model, "a", 0, feature, text_of_message, QC_MESSAGE_SIZE),
                     QC_ERROR_UNSUPPORTED);
    expect_message("tokenizer.ggml.tokens");
    qc_model_close(model);
    merges[0] = at[0] = 't';
}

static void a_bad_number_is_named(void **state)
{
    (void)state;
    struct gguf gguf;
    struct message message = {text_of_message, sizeof text_of_message};
    assert_int_equal(gguf_parse(&gguf, model_data, model_size, "model", &message), QC_OK);
    const struct gguf_tensor *tensor = gguf_find_tensor(&gguf, "t.blk.1.ln2.bias");
    assert_non_null(tensor);
    float *number = (float *)tensor->data + 5;
    const float kept = *number;
    *number = NAN;
    qc_model *model;
    assert_int_equal(open_changed(&model), QC_OK);
    float feature[FEATURE_SIZE];
    assert_int_equal(qc_embed_text(model, "a", 0, feature, text_of_message, QC_MESSAGE_SIZE),
                     QC_ERROR_FORMAT);
    expect_message("t.blk.1.ln2.bias");
    for (int i = 0; i < FEATURE_SIZE; i++)
        assert_true(feature[i] == 0);
    qc_model_close(model);
    *number = kept;
    gguf_free(&gguf);
}

/* ---------------------------------------------------------------------------------- vocabularies
 */

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void refuse_vocabulary(const char *text, size_t tokens, const char *part)
{
    char path[64];
    snprintf(path, sizeof path, "%s/merges", directory);
    write_text(path, text);
    struct vocabulary_files files;
    assert_false(vocabulary_read(&files, path, tokens, text_of_message));
    expect_message(part);
    unlink(path);
}

static void bad_vocabularies_are_refused(void **state)
{
    (void)state;
    struct vocabulary_files files;
    refuse_vocabulary("\x1f\x8b\x08", 600, "gunzip");
    refuse_vocabulary("", 515, "no #version");
    refuse_vocabulary("a b\n", 515, "no #version");
    refuse_vocabulary("#version: 0.2\na b\n", 516, "has 1 merges");
    refuse_vocabulary("#version: 0.2\nab\n", 515, "line 2");
    refuse_vocabulary("#version: 0.2\na b c\n", 515, "line 2");
    refuse_vocabulary("#version: 0.2\n b\n", 515, "line 2");
    refuse_vocabulary("#version: 0.2\na b\n", 500, "500 rows");
    assert_false(vocabulary_read(&files, "/nonexistent/merges", 515, text_of_message));
    expect_message("cannot be opened");
}

/* transformers' two files give what the merges file alone gives. */
static void both_forms_of_a_vocabulary_agree(void **state)
{
    (void)state;
    struct vocabulary_files merges, json;
    assert_true(vocabulary_read(&merges, MERGES_PATH, TOKENS, text_of_message));
    char path[64], other[64];
    snprintf(path, sizeof path, "%s/vocab.json", directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = TOKENS; i-- > 0;) {
        const char *token = merges.tokens[i];
        fprintf(file, "%s\"%s%s\": %zu", i + 1 == TOKENS ? "{" : ", ",
                *token == '"' || *token == '\\' ? "\\" : "", token, i);
    }
    fputs("}", file);
    fclose(file);
    snprintf(other, sizeof other, "%s/merges.txt", directory);
    FILE *from = fopen(MERGES_PATH, "r"), *to = fopen(other, "w");
    assert_true(from && to);
    for (int byte; (byte = fgetc(from)) != EOF;)
        fputc(byte, to);
    fclose(from);
    fclose(to);
    if (!vocabulary_read(&json, directory, TOKENS, text_of_message))
        fail_msg("%s", text_of_message);
    for (size_t i = 0; i < TOKENS; i++)
        assert_string_equal(json.tokens[i], merges.tokens[i]);
    assert_int_equal(json.merge_count, merges.merge_count);
    vocabulary_free(&json);
    assert_false(vocabulary_read(&json, directory, TOKENS + 1, text_of_message));
    expect_message("has 975 tokens");
    assert_false(vocabulary_read(&json, directory, TOKENS - 1, text_of_message));
    write_text(path, "{\"a\": 0, \"b\": 0}");
    assert_false(vocabulary_read(&json, directory, TOKENS, text_of_message));
    expect_message("twice");
    write_text(path, "{\"a\": 0.5}");
    assert_false(vocabulary_read(&json, directory, TOKENS, text_of_message));
    write_text(path, "[");
    assert_false(vocabulary_read(&json, directory, TOKENS, text_of_message));
    expect_message("not a JSON object");
    vocabulary_free(&merges);
    unlink(path);
    unlink(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_pytorchs),
        cmocka_unit_test(storing_in_16_bits_is_rounding),
        cmocka_unit_test(texts_are_refused_or_cut),
        cmocka_unit_test(own_prompts_are_scored),
        cmocka_unit_test(bad_prompts_are_refused),
        cmocka_unit_test(incomplete_files_are_refused),
#ifdef QUALICLIP_THREADS
        cmocka_unit_test(the_tokenizer_is_shared),
#endif
        cmocka_unit_test(merges_may_be_absent),
        cmocka_unit_test(a_model_without_vocabulary_scores),
        cmocka_unit_test(a_bad_number_is_named),
        cmocka_unit_test(bad_vocabularies_are_refused),
        cmocka_unit_test(both_forms_of_a_vocabulary_agree),
    };
    return cmocka_run_group_tests_name("text", tests, set_up, tear_down);
}
