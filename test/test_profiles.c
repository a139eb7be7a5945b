/*
 * test_profiles.c - the profiles' prompts: token ids as CLIP's tokenizer gives them (ids.txt), and
 * models that the converter gives its prompts, with PyTorch's features (features.txt), all made by
 * test/reference/make_profiles_golden.py; what a file says of its recipe, and what is refused.
 */
#include "conversion.h"
#include "gguf.h"
#include "map_file.h"
#include "pristine.h"
#include "profiles.h"
#include "qualiclip.h"
#include "xxh64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "archive.h"

#define GOLDEN       "test/golden/profiles/"
#define CLIP         GOLDEN "clip.pth"
#define IMAGE        GOLDEN "image.pth" /* its image tower alone */
#define FEATURE_SIZE 16
#define TOLERANCE    2e-5

static char directory[] = "/tmp/qualiclip-test-profiles-XXXXXX";
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
    return rmdir(directory); /* fails if anything else was left */
}

/* ------------------------------------------------------------------------------------- tokens */

static enum prompt_set set_of(const char *name)
{
    const struct profile *profile = profile_find(name);
    if (!profile)
        fail_msg("%s is not a profile", name);
    return profile->prompts;
}

/* A line "SET INDEX TEXT: ids". */
static void check_ids(const char *line)
{
    char name[32], expected_text[PROMPT_TEXT_SIZE], prompt[PROMPT_TEXT_SIZE];
    size_t index;
    int used;
    assert_int_equal(sscanf(line, "%31s %zu %159[^:]:%n", name, &index, expected_text, &used), 3);
    const enum prompt_set set = set_of(name);
    assert_true(index < prompt_count(set));
    prompt_text(set, index, prompt);
    assert_string_equal(prompt, expected_text);
    uint32_t ids[PROMPT_TOKENS_MAX];
    const size_t count = prompt_tokens(set, index, ids);
    assert_in_range(count, 3, PROMPT_TOKENS_MAX);
    const char *at = line + used;
    for (size_t i = 0; i < count; i++) {
        char *end;
        const unsigned long id = strtoul(at, &end, 10);
        if (end == at || id != ids[i])
            fail_msg("%s %zu: token %zu is %lu, expected %lu", name, index, i,
                     (unsigned long)ids[i], id);
        at = end;
    }
    assert_string_equal(at, "\n");
}

/* All of a set's ids, one after the other. */
static uint64_t hash_ids(enum prompt_set set)
{
    unsigned char *bytes = malloc(4 * PROMPT_TOKENS_MAX * prompt_count(set));
    assert_non_null(bytes);
    size_t size = 0;
    for (size_t i = 0; i < prompt_count(set); i++) {
        uint32_t ids[PROMPT_TOKENS_MAX];
        const size_t count = prompt_tokens(set, i, ids);
        for (size_t k = 0; k < count; k++)
            for (unsigned b = 0; b < 4; b++)
                bytes[size++] = (unsigned char)(ids[k] >> 8 * b);
    }
    const uint64_t hash = xxh64(bytes, size, 0);
    free(bytes);
    return hash;
}

static void tokens_are_the_tokenizers(void **state)
{
    (void)state;
    FILE *file = fopen(GOLDEN "ids.txt", "r");
    assert_non_null(file);
    char line[512];
    size_t texts = 0, hashes = 0;
    while (fgets(line, sizeof line, file)) {
        uint64_t hash;
        if (line[0] == '#')
            continue;
        if (sscanf(line, "liqe-mix all %" SCNx64, &hash) == 1) {
            assert_true(hash_ids(PROMPTS_LIQE_MIX) == hash);
            hashes++;
        } else {
            check_ids(line);
            texts++;
        }
    }
    fclose(file);
    assert_int_equal(hashes, 1);
    assert_int_equal(texts, 14 + 2 + 10 + 2 + 5 + 20 + 14 + 2);
}

static void every_profile_has_its_prompts(void **state)
{
    (void)state;
    for (size_t i = 0; profile_at(i); i++) {
        const struct profile *profile = profile_at(i);
        const size_t texts = prompt_count(profile->prompts);
        const size_t outputs = prompt_output_count(profile->prompts);
        assert_true(outputs <= QC_PAIRS_MAX);
        if (profile->readout == QC_READOUT_PAIRS)
            assert_int_equal(texts, 2 * outputs);
        else if (profile->readout == QC_READOUT_LEVELS)
            assert_true(outputs == PROMPT_LEVELS && texts % PROMPT_LEVELS == 0);
        else
            assert_int_equal(texts, 0);
    }
    char name[PROMPT_TEXT_SIZE];
    prompt_output_name(PROMPTS_LIQE_MIX, 4, name);
    assert_string_equal(name, "perfect");
    prompt_output_name(PROMPTS_CLIP_IQA_PYIQA, 4, name);
    assert_string_equal(name, "Noise-free image/noisy image");
}

/* ----------------------------------------------------------------------------------- features */

static bool try(struct conversion conversion, struct conversion_result *result)
{
    if (!conversion.model_path)
        conversion.model_path = output;
    strcpy(text, "no message");
    return convert_checkpoint(&conversion, result, text);
}

static struct conversion_result convert(struct conversion conversion)
{
    struct conversion_result result;
    if (!try(conversion, &result))
        fail_msg("%s: %s", conversion.checkpoint_path, text);
    return result;
}

struct file {
    const void *data;
    size_t size;
    struct gguf gguf;
};

static struct file open_output(void)
{
    struct file file;
    struct message message = {text, sizeof text};
    if (map_file(&file.data, &file.size, output, &message) != QC_OK ||
        gguf_parse(&file.gguf, file.data, file.size, output, &message) != QC_OK)
        fail_msg("%s", text);
    return file;
}

static void close_file(struct file *file)
{
    gguf_free(&file->gguf);
    unmap_file(file->data, file->size);
}

/* Compares the prompts with the lines of `set`, all of which must be there; returns their number.
 */
static size_t compare_features(const char *set)
{
    struct file file = open_output();
    const struct gguf_tensor *tensor = gguf_find_tensor(&file.gguf, "qualiclip.prompts");
    assert_non_null(tensor);
    assert_int_equal(tensor->type, GGML_F32);
    assert_int_equal(tensor->shape[0], FEATURE_SIZE);
    const float *features = (const float *)tensor->data;
    FILE *expected = fopen(GOLDEN "features.txt", "r");
    assert_non_null(expected);
    char line[512];
    size_t compared = 0;
    while (fgets(line, sizeof line, expected)) {
        char name[32];
        size_t index;
        int used;
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%31s %zu%n", name, &index, &used), 2);
        if (strcmp(name, set) != 0)
            continue;
        assert_true(index < tensor->shape[1]);
        char *at = line + used;
        for (size_t i = 0; i < FEATURE_SIZE; i++) {
            const double right = strtod(at, &at);
            const double have = (double)features[index * FEATURE_SIZE + i];
            if (!(fabs(have - right) <= TOLERANCE))
                fail_msg("%s %zu: number %zu is %.9g, expected %.9g", set, index, i, have, right);
        }
        compared++;
    }
    fclose(expected);
    close_file(&file);
    return compared;
}

static void prompts_are_encoded_by_the_text_tower(void **state)
{
    (void)state;
    static const struct {
        const char *profile;
        uint64_t texts, outputs, compared;
    } cases[] = {{"qualiclip", 14, 7, 14}, {"qualiclip-pyiqa", 14, 7, 14},
                 {"clip-iqa", 2, 1, 2},    {"clip-iqa-pyiqa", 10, 5, 10},
                 {"liqe", 5, 5, 5},        {"liqe-mix", 495, 5, 20}};
    static const enum gguf_tensor_type types[] = {GGML_F32, GGML_F16, GGML_BF16};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *profile = cases[i].profile;
        const struct conversion_result result = convert(
            (struct conversion){.checkpoint_path = CLIP, .profile = profile, .type = types[i % 3]});
        assert_int_equal(result.pair_count, cases[i].outputs);
        assert_false(result.keeps_text);
        const char *set = strcmp(profile, "qualiclip-pyiqa") == 0 ? "qualiclip" : profile;
        assert_int_equal(compare_features(set), cases[i].compared);
        struct file file = open_output();
        assert_int_equal(gguf_find_tensor(&file.gguf, "qualiclip.prompts")->shape[1],
                         cases[i].texts);
        assert_null(gguf_find_tensor(&file.gguf, "t.token_embd.weight"));
        close_file(&file);
    }
}

/* With its second half, which test_grepq.c is about. */
static void grepqs_prompts_are_encoded_too(void **state)
{
    (void)state;
    static const char *const photos[] = {"test/golden/grepq/pristine/a.jpg",
                                         "test/golden/grepq/pristine/b.jpg"};
    qc_picture *picture;
    const bool can_read = qc_picture_read(&picture, photos[0], NULL) == QC_OK;
    qc_picture_free(picture);
    if (!can_read)
        skip();
    struct pristine pristine;
    assert_true(pristine_choose(&pristine, photos, 2, text));
    convert((struct conversion){.checkpoint_path = CLIP,
                                .profile = "grepq",
                                .low_level_path = "test/golden/grepq/low_level.tar",
                                .pristine = &pristine,
                                .threads = 1});
    pristine_free(&pristine);
    assert_int_equal(compare_features("grepq"), 2);
    struct file file = open_output();
    float scale = 0;
    struct message message = {text, sizeof text};
    assert_int_equal(gguf_get_f32(&file.gguf, KEY_LOGIT_SCALE, true, &scale, &message), QC_OK);
    assert_true(scale == 10);
    close_file(&file);
}

static void learned_contexts_stand_around_the_text(void **state)
{
    (void)state;
    convert((struct conversion){
        .checkpoint_path = CLIP, .profile = "qualiclip+", .context_path = GOLDEN "qualiclip+.pth"});
    assert_int_equal(compare_features("qualiclip+"), 14);
    convert((struct conversion){
        .checkpoint_path = CLIP, .profile = "clip-iqa+", .context_path = GOLDEN "clip-iqa+.pth"});
    assert_int_equal(compare_features("clip-iqa+"), 2);
    convert((struct conversion){
        .checkpoint_path = CLIP, .profile = "clip-iqa+", .context_path = GOLDEN "shared.pth"});
    assert_int_equal(compare_features("shared"), 2);
    /* In the checkpoint itself. */
    convert((struct conversion){
        .checkpoint_path = GOLDEN "with_context.pth", .text_path = CLIP, .profile = "clip-iqa+"});
    assert_int_equal(compare_features("clip-iqa+"), 2);
}

static void the_text_tower_may_be_elsewhere(void **state)
{
    (void)state;
    const struct conversion_result result = convert((struct conversion){
        .checkpoint_path = IMAGE, .text_path = CLIP, .profile = "liqe", .text = TEXT_KEPT});
    assert_true(result.keeps_text);
    assert_int_equal(compare_features("liqe"), 5);
}

/* ------------------------------------------------------------------------------- what is said */

static qc_model *open_model(qc_model_info *info)
{
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = text;
    options.message_size = sizeof text;
    qc_model *model;
    if (qc_model_open(&model, output, &options))
        fail_msg("%s", text);
    qc_model_describe(model, info);
    return model;
}

static void expect_info(struct conversion conversion, qc_model_info expected)
{
    qc_model_info info;
    convert(conversion);
    qc_model *model = open_model(&info);
    assert_string_equal(info.profile, expected.profile);
    assert_int_equal(info.readout, expected.readout);
    assert_int_equal(info.pair_count, expected.pair_count);
    assert_int_equal(info.size_rule, expected.size_rule);
    assert_int_equal(info.size_pixels, expected.size_pixels);
    assert_int_equal(info.positions, expected.positions);
    if (!(fabsf(info.logit_scale - expected.logit_scale) < 1e-4f))
        fail_msg("logit_scale is %g", (double)info.logit_scale);
    assert_true(info.temperature == expected.temperature);
    assert_true(info.score_minimum == expected.score_minimum);
    assert_true(info.score_maximum == expected.score_maximum);
    assert_int_equal(info.has_text_tower, expected.has_text_tower);
    qc_model_close(model);
}

static void a_file_says_its_recipe(void **state)
{
    (void)state;
    expect_info((struct conversion){.checkpoint_path = CLIP, .profile = "qualiclip-pyiqa"},
                (qc_model_info){.profile = "qualiclip-pyiqa",
                                .pair_count = 7,
                                .logit_scale = 37,
                                .temperature = 2,
                                .positions = QC_POSITIONS_NONE,
                                .size_rule = QC_SIZE_NATIVE,
                                .score_maximum = 1});
    expect_info((struct conversion){.checkpoint_path = CLIP, .profile = "liqe-mix"},
                (qc_model_info){.profile = "liqe-mix",
                                .readout = QC_READOUT_LEVELS,
                                .pair_count = 5,
                                .logit_scale = 37,
                                .temperature = 1,
                                .positions = QC_POSITIONS_GRID,
                                .size_rule = QC_SIZE_TILES,
                                .score_minimum = 1,
                                .score_maximum = 5});
    expect_info((struct conversion){.checkpoint_path = CLIP}, /* nothing said: clip */
                (qc_model_info){.profile = "clip",
                                .readout = QC_READOUT_TEXTS,
                                .logit_scale = 37,
                                .temperature = 1,
                                .positions = QC_POSITIONS_GRID,
                                .size_rule = QC_SIZE_NATIVE,
                                .score_maximum = 1,
                                .has_text_tower = 1});
    expect_info((struct conversion){.checkpoint_path = CLIP, .text = TEXT_DROPPED},
                (qc_model_info){.profile = "clip",
                                .readout = QC_READOUT_TEXTS,
                                .logit_scale = 37,
                                .temperature = 1,
                                .positions = QC_POSITIONS_GRID,
                                .size_rule = QC_SIZE_NATIVE,
                                .score_maximum = 1});
}

static void settings_of_the_profile_can_be_changed(void **state)
{
    (void)state;
    const struct conversion changed = {.checkpoint_path = CLIP,
                                       .profile = "clip-iqa",
                                       .text = TEXT_KEPT,
                                       .size_rule = QC_SIZE_CROP,
                                       .size_pixels = 96,
                                       .positions = QC_POSITIONS_FLAT,
                                       .temperature = 2.5f};
    expect_info(changed, (qc_model_info){.profile = "clip-iqa",
                                         .pair_count = 1,
                                         .logit_scale = 37,
                                         .temperature = 2.5f,
                                         .positions = QC_POSITIONS_FLAT,
                                         .size_rule = QC_SIZE_CROP,
                                         .size_pixels = 96,
                                         .score_maximum = 1,
                                         .has_text_tower = 1});
    struct conversion longest = changed;
    longest.size_rule = QC_SIZE_LONG;
    longest.size_pixels = 512;
    longest.positions = QC_POSITIONS_NONE;
    expect_info(longest, (qc_model_info){.profile = "clip-iqa",
                                         .pair_count = 1,
                                         .logit_scale = 37,
                                         .temperature = 2.5f,
                                         .positions = QC_POSITIONS_NONE,
                                         .size_rule = QC_SIZE_LONG,
                                         .size_pixels = 512,
                                         .score_maximum = 1,
                                         .has_text_tower = 1});
}

static void expect_key(const struct gguf *gguf, const char *key, const char *expected)
{
    struct gguf_text value = {NULL, 0};
    struct message message = {text, sizeof text};
    if (gguf_get_text(gguf, key, true, &value, &message) != QC_OK)
        fail_msg("%s", text);
    if (value.size != strlen(expected) || memcmp(value.bytes, expected, value.size) != 0)
        fail_msg("%s is \"%.*s\", expected \"%s\"", key, (int)value.size, value.bytes, expected);
}

static void hash_of(const char *path, char digits[17])
{
    size_t size;
    unsigned char *bytes = read_whole_file(path, &size);
    snprintf(digits, 17, "%016" PRIx64, xxh64(bytes, size, 0));
    free(bytes);
}

static void every_source_is_named(void **state)
{
    (void)state;
    char digits[17];
    convert((struct conversion){.checkpoint_path = IMAGE,
                                .text_path = CLIP,
                                .profile = "clip-iqa+",
                                .context_path = GOLDEN "clip-iqa+.pth"});
    struct file file = open_output();
    expect_key(&file.gguf, KEY_SOURCE, "image.pth");
    hash_of(IMAGE, digits);
    expect_key(&file.gguf, KEY_SOURCE_HASH, digits);
    expect_key(&file.gguf, KEY_TEXT_SOURCE, "clip.pth");
    hash_of(CLIP, digits);
    expect_key(&file.gguf, KEY_TEXT_SOURCE_HASH, digits);
    expect_key(&file.gguf, KEY_CONTEXT_SOURCE, "clip-iqa+.pth");
    hash_of(GOLDEN "clip-iqa+.pth", digits);
    expect_key(&file.gguf, KEY_CONTEXT_SOURCE_HASH, digits);
    expect_key(&file.gguf, KEY_READOUT, "pairs");
    expect_key(&file.gguf, KEY_SIZE, "native");
    close_file(&file);
    convert((struct conversion){.checkpoint_path = CLIP, .profile = "clip-iqa"});
    file = open_output();
    assert_null(gguf_find_value(&file.gguf, KEY_TEXT_SOURCE));
    assert_null(gguf_find_value(&file.gguf, KEY_CONTEXT_SOURCE));
    close_file(&file);
}

/* Or of the text tower's checkpoint; GRepQ's is its own: above. */
static void the_logit_scale_is_the_checkpoints(void **state)
{
    (void)state;
    static const struct {
        const char *checkpoint, *text, *profile;
        float expected;
    } cases[] = {
        {CLIP, NULL, "clip-iqa", 37}, {IMAGE, CLIP, "clip-iqa", 37}, {IMAGE, NULL, "clip", 100}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        convert((struct conversion){.checkpoint_path = cases[i].checkpoint,
                                    .text_path = cases[i].text,
                                    .profile = cases[i].profile});
        struct file file = open_output();
        float value = 0;
        struct message message = {text, sizeof text};
        assert_int_equal(gguf_get_f32(&file.gguf, KEY_LOGIT_SCALE, true, &value, &message), QC_OK);
        if (!(fabsf(value - cases[i].expected) < 1e-4f))
            fail_msg("case %zu: logit scale %g", i, (double)value);
        close_file(&file);
    }
}

static void same_input_same_bytes(void **state)
{
    (void)state;
    struct conversion conversion = {.checkpoint_path = CLIP,
                                    .profile = "qualiclip+",
                                    .context_path = GOLDEN "qualiclip+.pth",
                                    .text = TEXT_KEPT,
                                    .type = GGML_F16};
    size_t size, other_size;
    convert(conversion);
    conversion.model_path = other_output;
    convert(conversion);
    unsigned char *bytes = read_whole_file(output, &size);
    unsigned char *other = read_whole_file(other_output, &other_size);
    assert_int_equal(size, other_size);
    assert_memory_equal(bytes, other, size);
    free(bytes);
    free(other);
    unlink(other_output);
}

struct report {
    char lines[32768];
    uint64_t done, total;
};

static void collect_line(void *context, const char *line)
{
    struct report *report = context;
    const size_t used = strlen(report->lines);
    snprintf(report->lines + used, sizeof report->lines - used, "%s\n", line);
}

static void collect_progress(void *context, uint64_t done, uint64_t total)
{
    struct report *report = context;
    assert_true(done >= report->done && done <= total);
    report->done = done;
    report->total = total;
}

static void what_is_done_is_reported(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "read " GOLDEN "image.pth (torch.save)",
        "read " GOLDEN "clip.pth (torch.save)",
        "read " GOLDEN "qualiclip+.pth (torch.save): 3 names in params\n",
        "t.blk.1.ffn_up.weight <- transformer.resblocks.1.mlp.c_proj.weight (f16 64 x 256)\n",
        "qualiclip.prompts <- encoded \"Noisy image.\" in a learned context of 16 vectors\n",
        "the text tower encodes the prompts and is dropped",
        "dropped, not the text tower: visual.conv1.weight\n",
    };
    struct report *report = calloc(1, sizeof *report);
    assert_non_null(report);
    convert((struct conversion){.checkpoint_path = IMAGE,
                                .text_path = CLIP,
                                .context_path = GOLDEN "qualiclip+.pth",
                                .profile = "qualiclip+",
                                .note = collect_line,
                                .progress = collect_progress,
                                .context = report});
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        if (!strstr(report->lines, expected[i]))
            fail_msg("\"%s\" is not reported in\n%s", expected[i], report->lines);
    assert_true(report->total > 0 && report->done == report->total);
    free(report);
}

/* ---------------------------------------------------------------------------- what is refused */

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

static void expect_failure(struct conversion conversion, const char *reason)
{
    static const char treasure[] = "what was there before";
    write_whole_file(output, treasure, sizeof treasure);
    struct conversion_result result;
    if (try(conversion, &result))
        fail_msg("accepted, expected: %s", reason);
    if (!strstr(text, reason))
        fail_msg("\"%s\" does not say \"%s\"", text, reason);
    size_t size;
    unsigned char *bytes = read_whole_file(output, &size);
    assert_int_equal(size, sizeof treasure);
    assert_memory_equal(bytes, treasure, size);
    free(bytes);
    assert_int_equal(files_in_directory(), 1); /* nothing beside it */
}

static void a_missing_or_wrong_text_tower_is_refused(void **state)
{
    (void)state;
    expect_failure((struct conversion){.checkpoint_path = IMAGE, .profile = "clip-iqa"},
                   "image.pth: has no text tower (transformer.*) to encode the prompts of profile "
                   "clip-iqa with: name a checkpoint that has it with --text=CHECKPOINT");
    expect_failure(
        (struct conversion){.checkpoint_path = CLIP, .text_path = IMAGE, .profile = "liqe"},
        "image.pth: has no text tower");
    expect_failure((struct conversion){.checkpoint_path = IMAGE, .text = TEXT_KEPT},
                   "there is none to keep");
    /* 975 tokens: another vocabulary than the ids are of. */
    expect_failure((struct conversion){.checkpoint_path = CLIP,
                                       .text_path = "test/golden/text/text.pth",
                                       .profile = "clip-iqa"},
                   "text.pth: the number of tokens of CLIP's vocabulary is 975, expected 49408");
    /* A feature of 32 numbers. */
    expect_failure((struct conversion){.checkpoint_path = "test/golden/checkpoints/vit.pth",
                                       .text_path = CLIP,
                                       .profile = "clip-iqa"},
                   "tensor text_projection has shape (64, 16), expected (64, 32)");
    /* Not whole. */
    expect_failure((struct conversion){.checkpoint_path = "test/golden/checkpoints/vit_half.pth"},
                   "mlp.c_fc.weight is missing (the text tower can be left out with --no-text)");
    expect_failure((struct conversion){.checkpoint_path = "test/golden/checkpoints/vit.pth",
                                       .text_path = CLIP},
                   "there is no use for a text tower");
    expect_failure((struct conversion){.checkpoint_path = CLIP,
                                       .text_path = GOLDEN "absent.pth",
                                       .profile = "clip-iqa"},
                   "absent.pth");
}

static void wrong_contexts_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *file, *reason;
    } cases[] = {
        {"odd.pth", "contexts of 15 vectors, expected an even number"},
        {"narrow.pth", "contexts for 2 texts of width 32, expected 2 texts of width 64"},
        {"three.pth", "contexts for 3 texts of width 64, expected 2 texts"},
        {"deep.pth", "tensor ctx has shape (2, 16, 64, 1), expected 3 dimensions"},
        {"long.pth", "\"Good photo..\" cannot be encoded: a text has 41 tokens, expected 1 to 40"},
        {"nan.pth", "tensor ctx: element 1221 is nan, expected a finite number"},
        {"several.pth", "has several learned contexts: other.prompt_learner.ctx and prompt_"},
        {"foreign.pth", "learned with another text tower than that of " CLIP ": token 852"},
        {"single_stop.pth", "learned with another text tower than that of " CLIP ": token 852"},
        {"qualiclip+.pth", "contexts for 14 texts of width 64, expected 2 texts"},
        {"clip.pth", "has no learned contexts (prompt_learner.ctx)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[96];
        snprintf(path, sizeof path, GOLDEN "%s", cases[i].file);
        expect_failure((struct conversion){.checkpoint_path = CLIP,
                                           .profile = "clip-iqa+",
                                           .context_path = path},
                       cases[i].reason);
    }
    expect_failure((struct conversion){.checkpoint_path = CLIP, .profile = "clip-iqa+"},
                   "clip.pth: has no learned contexts (prompt_learner.ctx): name the file that has "
                   "them with --context=FILE");
    expect_failure((struct conversion){.checkpoint_path = CLIP,
                                       .profile = "clip-iqa",
                                       .context_path = GOLDEN "clip-iqa+.pth"},
                   "--context is for the profiles clip-iqa+ and qualiclip+");
}

static void contexts_are_not_taken_for_a_model_or_overlooked(void **state)
{
    (void)state;
    expect_failure((struct conversion){.checkpoint_path = GOLDEN "clip-iqa+.pth"},
                   "clip-iqa+.pth: has no image tower");
    expect_failure((struct conversion){.checkpoint_path = GOLDEN "with_context.pth"},
                   "has learned contexts: say whose they are with --profile=clip-iqa+");
    convert((struct conversion){
        .checkpoint_path = GOLDEN "with_context.pth", .text_path = CLIP, .profile = "clip-iqa"});
    assert_int_equal(compare_features("clip-iqa"), 2);
}

static void wishes_that_contradict_are_refused(void **state)
{
    (void)state;
    static const qc_prompt_pair pair = {.positive = "a", .negative = "b", .name = "a/b"};
    static const qc_prompt_pair mixed[] = {{.positive = "a", .negative = "b", .name = "a/b"},
                                           {.positive = "a", .name = "a"}};
    expect_failure(
        (struct conversion){
            .checkpoint_path = CLIP, .profile = "liqe", .prompts = &pair, .prompt_count = 1},
        "scores by quality levels: it takes no other prompts");
    expect_failure(
        (struct conversion){
            .checkpoint_path = CLIP, .profile = "clip", .prompts = &pair, .prompt_count = 1},
        "the profile clip compares with single texts, but the prompts are pairs");
    expect_failure(
        (struct conversion){.checkpoint_path = CLIP, .prompts = mixed, .prompt_count = 2},
        "some of the prompts are pairs");
    expect_failure(
        (struct conversion){.checkpoint_path = CLIP, .prompts = &pair, .prompt_count = 1},
        "prompts can only be encoded with a vocabulary");
}

static void the_sources_are_never_overwritten(void **state)
{
    (void)state;
    struct conversion_result result;
    size_t size;
    unsigned char *bytes = read_whole_file(CLIP, &size);
    write_whole_file(output, bytes, size);
    free(bytes);
    assert_false(
        try((struct conversion){.checkpoint_path = IMAGE, .text_path = output, .profile = "liqe"},
            &result));
    assert_non_null(strstr(text, "would overwrite"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_the_tokenizers),
        cmocka_unit_test(every_profile_has_its_prompts),
        cmocka_unit_test(prompts_are_encoded_by_the_text_tower),
        cmocka_unit_test(grepqs_prompts_are_encoded_too),
        cmocka_unit_test(learned_contexts_stand_around_the_text),
        cmocka_unit_test(the_text_tower_may_be_elsewhere),
        cmocka_unit_test(a_file_says_its_recipe),
        cmocka_unit_test(settings_of_the_profile_can_be_changed),
        cmocka_unit_test(every_source_is_named),
        cmocka_unit_test(the_logit_scale_is_the_checkpoints),
        cmocka_unit_test(same_input_same_bytes),
        cmocka_unit_test(what_is_done_is_reported),
        cmocka_unit_test(a_missing_or_wrong_text_tower_is_refused),
        cmocka_unit_test(wrong_contexts_are_refused),
        cmocka_unit_test(contexts_are_not_taken_for_a_model_or_overlooked),
        cmocka_unit_test(wishes_that_contradict_are_refused),
        cmocka_unit_test(the_sources_are_never_overwritten),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
