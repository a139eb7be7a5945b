/*
 * test_recipe.c - who has the last word about a score: the file, a profile, or a single option; and
 * that two recipes never tell the same of themselves.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model.h"
#include "prompts.h"
#include "recipe.h"
#include "score.h"

#include <cmocka.h>

static char *pair_names[] = {"a/b", "c/d"};
static float features[4 * 2];

/* An open model as far as a recipe looks at it: two pairs of its own. */
static struct qc_model make_model(const char *profile, bool has_text, bool has_positions)
{
    struct qc_model model = {.has_text = has_text, .feature_size = 2};
    model.info.name = "test";
    model.info.has_positions = has_positions;
    model.recipe = (struct recipe){.profile = profile,
                                   .readout = QC_READOUT_PAIRS,
                                   .text_count = 4,
                                   .output_count = 2,
                                   .features = features,
                                   .names = pair_names,
                                   .logit_scale = 50,
                                   .temperature = 3,
                                   .positions = QC_POSITIONS_NONE,
                                   .size_rule = QC_SIZE_NATIVE,
                                   .maximum = 1};
    return model;
}

static qc_scorer_options make_options(const char *profile)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.profile = profile;
    return options;
}

static void nothing_asked_for_is_the_file(void **state)
{
    (void)state;
    const struct qc_model model = make_model("mine", false, false);
    const qc_scorer_options options = make_options(NULL);
    struct recipe recipe;
    char line[QC_RECIPE_SIZE];
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_OK);
    assert_memory_equal(&recipe, &model.recipe, sizeof recipe);
    recipe_describe(&recipe, &options, 2, line);
    assert_string_equal(line,
                        "mine size=native positions=none scale=50 temperature=3 prompts=model");
}

static void profiles_with_the_same_prompts_share_them(void **state)
{
    (void)state;
    struct qc_model model = make_model("qualiclip", false, false);
    model.recipe.prompts = PROMPTS_QUALICLIP;
    const qc_scorer_options options = make_options("qualiclip-pyiqa");
    struct recipe recipe;
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_OK);
    assert_string_equal(recipe.profile, "qualiclip-pyiqa");
    assert_true(recipe.temperature == 2 && recipe.logit_scale == 50);
    assert_ptr_equal(recipe.features, features);
    assert_int_equal(recipe.source, PROMPTS_OF_MODEL);
}

static void other_prompts_need_a_text_tower(void **state)
{
    (void)state;
    char text[QC_MESSAGE_SIZE];
    struct message message = {text, sizeof text};
    struct qc_model model = make_model("qualiclip", false, true);
    model.recipe.prompts = PROMPTS_QUALICLIP;
    const qc_scorer_options options = make_options("liqe-mix");
    struct recipe recipe;
    assert_int_equal(recipe_resolve(&recipe, &model, &options, &message), QC_ERROR_UNSUPPORTED);
    assert_non_null(strstr(text, "convert its checkpoint again with --profile=liqe-mix"));
    model.has_text = true;
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_OK);
    assert_int_equal(recipe.text_count, 495);
    assert_int_equal(recipe.output_count, 5);
    assert_int_equal(recipe.positions, QC_POSITIONS_GRID);
    assert_int_equal(recipe.size_rule, QC_SIZE_TILES);
    assert_true(recipe.minimum == 1 && recipe.maximum == 5);
}

static void learned_and_missing_parts_are_refused(void **state)
{
    (void)state;
    const struct qc_model model = make_model("clip", true, true);
    const char *const refused[] = {"qualiclip+", "clip-iqa+", "grepq"};
    struct recipe recipe;
    for (size_t i = 0; i < 3; i++) {
        const qc_scorer_options options = make_options(refused[i]);
        assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_ERROR_UNSUPPORTED);
    }
    char text[QC_MESSAGE_SIZE];
    struct message message = {text, sizeof text};
    const qc_scorer_options options = make_options("no such");
    assert_int_equal(recipe_resolve(&recipe, &model, &options, &message), QC_ERROR_ARGUMENT);
    assert_non_null(strstr(text, "clip-iqa-pyiqa"));
}

/* A file may call its pairs by any name: they are not to be read as texts or levels. */
static void stored_prompts_are_read_out_as_stored(void **state)
{
    (void)state;
    const char *const names[] = {"clip", "liqe"};
    for (size_t i = 0; i < 2; i++) {
        const struct qc_model model = make_model(names[i], true, true);
        const qc_scorer_options options = make_options(names[i]);
        struct recipe recipe;
        assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_OK);
        assert_int_equal(recipe.source, PROMPTS_OF_PROFILE);
        assert_int_equal(recipe.output_count, i ? 5 : 0);
    }
}

/* A file of a profile with a scale of its own does not tell the checkpoint's. */
static void a_fixed_scale_does_not_outlive_its_profile(void **state)
{
    (void)state;
    struct qc_model model = make_model("grepq", true, false);
    model.recipe.logit_scale = 10;
    const qc_scorer_options options = make_options("clip-iqa");
    struct recipe recipe;
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_OK);
    assert_true(recipe.logit_scale == 100);
}

static void single_options_have_the_last_word(void **state)
{
    (void)state;
    const struct qc_model model = make_model("clip", true, true);
    qc_scorer_options options = make_options("clip-iqa");
    options.temperature = 7;
    options.positions = QC_POSITIONS_FLAT;
    options.size_rule = QC_SIZE_LONG;
    options.size_pixels = 512;
    options.background = QC_BACKGROUND_WHITE;
    struct recipe recipe;
    char line[QC_RECIPE_SIZE];
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_OK);
    recipe_describe(&recipe, &options, 2, line);
    assert_string_equal(line, "clip-iqa size=long=512 positions=flat scale=50 temperature=7 "
                              "prompts=profile background=white");
    options.size_rule = QC_SIZE_CROP;
    options.size_pixels = 0;
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_OK);
    assert_int_equal(recipe.size_pixels, 224);
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    const struct qc_model model = make_model("clip", true, false);
    struct recipe recipe;
    qc_scorer_options options = make_options(NULL);
    options.positions = QC_POSITIONS_FLAT; /* none are stored */
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_ERROR_ARGUMENT);
    options = make_options(NULL);
    options.positions = (qc_positions)9;
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_ERROR_ARGUMENT);
    options = make_options(NULL);
    options.size_rule = (qc_size_rule)9;
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_ERROR_ARGUMENT);
    options = make_options(NULL);
    options.size_rule = QC_SIZE_LONG;
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_ERROR_ARGUMENT);
    options = make_options(NULL);
    options.size_pixels = 100;
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_ERROR_ARGUMENT);
}

static void the_callers_prompts_are_pairs_or_texts(void **state)
{
    (void)state;
    const qc_prompt_pair pairs[] = {{"x", "y", NULL, NULL, NULL}};
    const qc_prompt_pair texts[] = {{"x", NULL, NULL, NULL, NULL}, {"y", NULL, NULL, NULL, NULL}};
    struct qc_model model = make_model("clip", true, true);
    model.recipe.readout = QC_READOUT_TEXTS;
    struct recipe recipe;
    qc_scorer_options options = make_options(NULL);
    options.prompts = pairs;
    options.prompt_count = 1;
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_OK);
    assert_string_equal(recipe.profile, "custom");
    assert_int_equal(recipe.readout, QC_READOUT_PAIRS);
    assert_int_equal(recipe.text_count, 2);
    options.prompts = texts;
    options.prompt_count = 2;
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_OK);
    assert_string_equal(recipe.profile, "clip");
    assert_int_equal(recipe.text_count, 2);
    assert_int_equal(recipe.output_count, 2);
    options.profile = "clip";
    options.prompts = pairs;
    options.prompt_count = 1;
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_ERROR_ARGUMENT);
    options.profile = "liqe";
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_ERROR_ARGUMENT);
    options.profile = "clip-iqa"; /* its settings, the caller's prompts */
    assert_int_equal(recipe_resolve(&recipe, &model, &options, NULL), QC_OK);
    assert_string_equal(recipe.profile, "clip-iqa");
    assert_int_equal(recipe.source, PROMPTS_OF_CALLER);
}

/* Every setting that changes a number changes the line. */
static void no_two_recipes_tell_the_same(void **state)
{
    (void)state;
    const struct qc_model model = make_model("clip", true, true);
    const qc_prompt_pair one[] = {{"x", "y", NULL, NULL, NULL}},
                         two[] = {{"x", "z", NULL, NULL, NULL}};
    qc_scorer_options all[64];
    size_t count = 0;
    for (size_t i = 0; qc_profile_name(i); i++)
        if (!strchr(qc_profile_name(i), '+') && strcmp(qc_profile_name(i), "grepq") != 0)
            all[count++] = make_options(qc_profile_name(i));
    for (int i = 0; i < 6; i++)
        all[count + (size_t)i] = make_options("clip-iqa");
    all[count++].temperature = 2;
    all[count++].temperature = nextafterf(2, 3);
    all[count++].positions = QC_POSITIONS_GRID;
    all[count++].positions = QC_POSITIONS_FLAT;
    all[count++].size_rule = QC_SIZE_TILES;
    all[count++].background = QC_BACKGROUND_BLACK;
    for (int i = 0; i < 2; i++) {
        all[count] = make_options(NULL);
        all[count].prompts = i ? one : two;
        all[count++].prompt_count = 1;
    }
    char lines[64][QC_RECIPE_SIZE];
    for (size_t i = 0; i < count; i++) {
        struct recipe recipe;
        assert_int_equal(recipe_resolve(&recipe, &model, &all[i], NULL), QC_OK);
        recipe_describe(&recipe, &all[i], 2, lines[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(lines[i], lines[j]);
    }
}

static void levels_are_summed_and_weighed(void **state)
{
    (void)state;
    const float texts[6] = {0.1f, 0.3f, -0.2f, 0.4f, 0.05f, 0.2f}, views[2] = {1, 0.5f};
    const struct recipe recipe = {.readout = QC_READOUT_LEVELS,
                                  .text_count = 6,
                                  .output_count = 3,
                                  .features = texts,
                                  .logit_scale = 10,
                                  .temperature = 1};
    double logits[6], sum = 0, expected[3] = {0};
    float levels[3];
    const float score = read_score(&recipe, views, 2, 1, logits, levels);
    for (int i = 0; i < 6; i++)
        sum += exp(7.5 * texts[i]); /* the mean over views: (1 + 0.5) / 2 */
    for (int i = 0; i < 6; i++)
        expected[i / 2] += exp(7.5 * texts[i]) / sum;
    for (int i = 0; i < 3; i++)
        assert_true(fabs(levels[i] - expected[i]) <= 1e-6);
    assert_true(fabs(score - (expected[0] + 2 * expected[1] + 3 * expected[2])) <= 1e-6);
}

static void texts_share_out_one(void **state)
{
    (void)state;
    const float texts[3] = {0.5f, -1, 1}, view[1] = {1};
    struct recipe recipe = {.readout = QC_READOUT_TEXTS,
                            .text_count = 3,
                            .output_count = 3,
                            .features = texts,
                            .logit_scale = 4,
                            .temperature = 2};
    double logits[3];
    float shares[3];
    const float score = read_score(&recipe, view, 1, 1, logits, shares);
    const double sum = exp(1) + exp(-2) + exp(2);
    assert_true(score == shares[0] && fabs(shares[0] - exp(1) / sum) <= 1e-6);
    assert_true(fabs(shares[0] + shares[1] + shares[2] - 1) <= 1e-6);
    recipe.logit_scale = 1e30f; /* must not overflow */
    assert_true(read_score(&recipe, view, 1, 1, logits, shares) == 0 && shares[2] == 1);
}

static void sizes_are_written_as_they_are_read(void **state)
{
    (void)state;
    const char *const good[] = {"native", "tiles", "crop224", "crop1", "long=512", "long=65535"};
    const char *const bad[] = {"",        "crop",    "crop0",    "crop-1",
                               "long=",   "long512", "long=0",   "long=65536",
                               "native ", "tiles5",  "crop224x", "long=99999999999999999999"};
    qc_size_rule rule;
    uint32_t pixels;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char text[SIZE_RULE_TEXT];
        assert_true(size_rule_parse(good[i], &rule, &pixels));
        size_rule_text(rule, pixels, text);
        assert_string_equal(text, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(size_rule_parse(bad[i], &rule, &pixels));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_for_is_the_file),
        cmocka_unit_test(profiles_with_the_same_prompts_share_them),
        cmocka_unit_test(other_prompts_need_a_text_tower),
        cmocka_unit_test(learned_and_missing_parts_are_refused),
        cmocka_unit_test(stored_prompts_are_read_out_as_stored),
        cmocka_unit_test(a_fixed_scale_does_not_outlive_its_profile),
        cmocka_unit_test(single_options_have_the_last_word),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(the_callers_prompts_are_pairs_or_texts),
        cmocka_unit_test(no_two_recipes_tell_the_same),
        cmocka_unit_test(levels_are_summed_and_weighed),
        cmocka_unit_test(texts_share_out_one),
        cmocka_unit_test(sizes_are_written_as_they_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
