/*
 * test_train_batch.c - batches are the same whoever makes them, and are what the losses take them
 * for.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "batch.h"
#include "feed.h"
#include "qualiclip.h"
#include "regions.h"

enum { CROP = 32, SIDE = 80 };

/* Photos with detail everywhere; the second one is grey. */
static unsigned char pixels[2][SIDE * SIDE * 3];
static struct cached_photo photos[2];
static struct photo_set coloured = {1, photos, 0}, both = {2, photos, 0};

static int draw_photos(void **state)
{
    (void)state;
    for (int photo = 0; photo < 2; photo++) {
        for (int i = 0; i < SIDE * SIDE; i++)
            for (int channel = 0; channel < 3; channel++)
                pixels[photo][3 * i + channel] =
                    (unsigned char)(128 + 90 * sin(i % SIDE * 0.9 + (photo ? 0 : 2.1 * channel)) *
                                              cos(i / SIDE * 0.7));
        photos[photo] = (struct cached_photo){.size_count = 1};
        photos[photo].sizes[0] = (struct cached_picture){SIDE, SIDE, pixels[photo]};
    }
    return 0;
}

static struct recipe small_recipe(void)
{
    struct recipe recipe;
    recipe_from_scratch(&recipe);
    recipe.batch.crop = CROP;
    recipe.batch.photos = 3;
    recipe.batch.seed = 5;
    recipe.batch.stored = recipe.batch.compound = 0;
    return recipe;
}

static size_t pixel_count(const struct batch *batch)
{
    return (size_t)batch->images * 3 * CROP * CROP;
}

static bool is_same(const struct batch *a, const struct batch *b)
{
    bool same = memcmp(a->pixels, b->pixels, pixel_count(a) * sizeof(float)) == 0;
    for (uint32_t i = 0; i < a->images; i++)
        same = same && a->labels[i].type == b->labels[i].type &&
               !(a->labels[i].badness < b->labels[i].badness) &&
               !(a->labels[i].badness > b->labels[i].badness);
    return same;
}

static void test_any_number_of_workers_gives_the_same_batches(void **state)
{
    struct recipe recipe = small_recipe();
    struct batch expected;
    (void)state;
    recipe.batch.stored = recipe.batch.compound = 0.5;
    batch_create(&expected, &recipe.batch, batch_share_of(&recipe.batch, 0, 1));
    for (uint32_t workers = 0; workers < 4; workers++) {
        const struct feed_order order = {&both, &recipe.batch, batch_share_of(&recipe.batch, 0, 1),
                                         2, workers};
        struct feed *feed = feed_open(&order, NULL);
        for (uint64_t index = 2; index < 8; index++) {
            batch_make(&expected, &both, &recipe.batch, index);
            assert_true(is_same(feed_next(feed), &expected));
        }
        feed_close(feed);
    }
    batch_free(&expected);
}

static void test_seeds_and_numbers_change_batches(void **state)
{
    struct recipe recipe = small_recipe(), other = small_recipe();
    struct batch one, two;
    (void)state;
    other.batch.seed++;
    batch_create(&one, &recipe.batch, batch_share_of(&recipe.batch, 0, 1));
    batch_create(&two, &recipe.batch, batch_share_of(&recipe.batch, 0, 1));
    batch_make(&one, &both, &recipe.batch, 0);
    batch_make(&two, &both, &recipe.batch, 1);
    assert_false(is_same(&one, &two));
    batch_make(&two, &both, &other.batch, 0);
    assert_false(is_same(&one, &two));
    batch_free(&one);
    batch_free(&two);
}

static void draw_only(struct recipe *recipe, enum degradation type)
{
    for (int i = 0; i < degradation_count; i++)
        recipe->batch.type_weights[i] = i == (int)type;
}

static const float *image_of(const struct batch *batch, uint32_t photo, uint32_t crop,
                             uint32_t stage)
{
    return batch->pixels + ((size_t)(photo * CROPS + crop) * STAGES + stage) * 3 * CROP * CROP;
}

static double mean_difference(const float *a, const float *b)
{
    double sum = 0;
    for (size_t i = 0; i < 3 * CROP * CROP; i++)
        sum += fabs((double)(a[i] - b[i]));
    return sum / (3 * CROP * CROP);
}

static void test_badness_follows_what_can_be_seen(void **state)
{
    struct recipe recipe = small_recipe();
    struct batch batch;
    (void)state;
    for (int type = 0; type < degradation_count; type++) {
        if (!degradation_available((enum degradation)type))
            continue;
        draw_only(&recipe, (enum degradation)type);
        batch_create(&batch, &recipe.batch, batch_share_of(&recipe.batch, 0, 1));
        batch_make(&batch, &coloured, &recipe.batch, 3);
        for (uint32_t photo = 0; photo < recipe.batch.photos; photo++)
            for (uint32_t crop = 0; crop < CROPS; crop++) {
                const struct image_label *labels = &batch.labels[(photo * CROPS + crop) * STAGES];
                assert_true(labels[0].type == (enum degradation)type);
                assert_true(fabsf(labels[0].badness) <= 0);
                for (uint32_t stage = 1; stage < STAGES; stage++) {
                    const double changed =
                        mean_difference(image_of(&batch, photo, crop, stage),
                                        image_of(&batch, photo, crop, stage - 1));
                    const float more = labels[stage].badness - labels[stage - 1].badness;
                    assert_true(changed > 0 || fabsf(more) <= 0);
                    assert_true(labels[stage].badness >= 0 &&
                                labels[stage].badness <= degradation_levels);
                }
            }
        batch_free(&batch);
    }
}

/* Sigma 0.1 changes nothing: it must not count as worse. */
static void test_first_level_of_a_blur_is_the_identity(void **state)
{
    struct recipe recipe = small_recipe();
    struct batch batch;
    (void)state;
    recipe.batch.between = false;
    draw_only(&recipe, DEGRADE_GAUSSIAN_BLUR);
    batch_create(&batch, &recipe.batch, batch_share_of(&recipe.batch, 0, 1));
    batch_make(&batch, &coloured, &recipe.batch, 0);
    assert_true(fabsf(batch.labels[1].badness) <= 0);
    assert_true(fabsf(batch.labels[2].badness - 2) <= 0);
    assert_true(fabsf(batch.labels[5].badness - 5) <= 0);
    batch_free(&batch);
}

static void test_colours_are_degraded_where_there_are_some(void **state)
{
    struct recipe recipe = small_recipe();
    struct photo region = {0, 0, malloc(region_most(CROP) * region_most(CROP) * 3 * sizeof(float))};
    (void)state;
    for (uint64_t i = 0; i < 50; i++) {
        struct draws draws = draws_of(i, 0);
        region_choose(&both, &recipe.batch, DEGRADE_SATURATION_HSV, &draws, &region);
        assert_true(region_colour(&region) > 0.06);
    }
    free(region.pixels);
}

static void test_detail(void **state)
{
    float values[3 * 32 * 32];
    struct photo photo = {32, 32, values};
    (void)state;
    for (int i = 0; i < 32 * 32; i++)
        for (int channel = 0; channel < 3; channel++)
            values[3 * i + channel] = (float)((i % 32 + i / 32) % 2);
    assert_true(region_detail(&photo) > 3.9);
    for (int y = 0; y < 16; y++) /* one quarter without any is enough */
        memset(values + 3 * 32 * y, 0, 3 * 16 * sizeof(float));
    assert_true(region_detail(&photo) < 0.01);
}

static void test_crops_of_a_photo_overlap_and_differ(void **state)
{
    struct recipe recipe = small_recipe();
    struct batch batch;
    unsigned differ = 0;
    (void)state;
    assert_true(region_most(CROP) < 2 * CROP);
    batch_create(&batch, &recipe.batch, batch_share_of(&recipe.batch, 0, 1));
    batch_make(&batch, &coloured, &recipe.batch, 0);
    for (uint32_t photo = 0; photo < recipe.batch.photos; photo++)
        differ += mean_difference(image_of(&batch, photo, 0, 0), image_of(&batch, photo, 1, 0)) > 0;
    assert_true(differ > 0);
    batch_free(&batch);
}

static void test_series_that_begin_badly(void **state)
{
    struct recipe recipe = small_recipe();
    struct batch batch;
    unsigned seen = 0;
    (void)state;
    recipe.batch.compound = 1;
    batch_create(&batch, &recipe.batch, batch_share_of(&recipe.batch, 0, 1));
    for (uint64_t index = 0; index < 5; index++) {
        batch_make(&batch, &coloured, &recipe.batch, index);
        for (uint32_t i = 0; i < recipe.batch.photos * CROPS * STAGES; i += STAGES) {
            const struct image_label *label = &batch.labels[i];
            if (!(label->base_badness > 0))
                continue;
            seen++;
            assert_true(degradation_kinds[label->base].group !=
                        degradation_kinds[label->type].group);
            assert_true(fabsf(label[5].base_badness - label->base_badness) <= 0);
        }
    }
    assert_true(seen > 5);
    batch_free(&batch);
}

static void test_strange_images_come_last(void **state)
{
    struct recipe recipe = small_recipe();
    struct batch batch;
    (void)state;
    recipe.batch.strange = 3;
    batch_create(&batch, &recipe.batch, batch_share_of(&recipe.batch, 0, 1));
    batch_make(&batch, &coloured, &recipe.batch, 0);
    assert_true(batch.images == 3 * CROPS * STAGES + 3);
    for (uint32_t i = 3 * CROPS * STAGES; i < batch.images; i++)
        assert_true(batch.labels[i].type == degradation_count);
    assert_true(batch.labels[batch.images - 1].photo != batch.labels[batch.images - 2].photo);
    batch_free(&batch);
}

static void test_recipes_are_recorded_to_the_bit(void **state)
{
    struct recipe recipe = small_recipe(), recalled;
    uint64_t *words = malloc(recipe_words() * sizeof *words);
    (void)state;
    recipe.learning_rate = 1.0 / 3;
    recipe.batch.type_weights[7] = 0.1;
    recipe_fine_tune(&recalled);
    recipe_record(&recipe, words);
    char message[QC_MESSAGE_SIZE];
    assert_true(recipe_recall(&recalled, words, message));
    for (size_t i = 0; i < recipe_field_count; i++) {
        const double one = recipe_get(&recipe, &recipe_fields[i]);
        const double other = recipe_get(&recalled, &recipe_fields[i]);
        assert_memory_equal(&one, &other, sizeof one);
    }
    assert_memory_equal(recipe.batch.type_weights, recalled.batch.type_weights,
                        sizeof recipe.batch.type_weights);
    free(words);
}

/* What a damaged file says of a recipe. */
static const char *name_of_word(size_t word)
{
    size_t index = 0;
    for (int late = 0; late < 2; late++) {
        for (size_t i = 0; i < recipe_field_count; i++)
            if (recipe_fields[i].late == late && index++ == word)
                return recipe_fields[i].name;
        for (int type = 0; type < degradation_count && !late; type++)
            if (index++ == word)
                return degradation_kinds[type].name;
    }
    return NULL;
}

static void test_impossible_recipes_are_refused(void **state)
{
    const struct recipe recipe = small_recipe();
    uint64_t *words = malloc(recipe_words() * sizeof *words);
    char message[QC_MESSAGE_SIZE];
    struct recipe recalled = recipe;
    (void)state;
    for (size_t i = 0; i < recipe_words(); i++) {
        const double impossible[] = {-1, 1e300, (double)NAN};
        for (size_t j = 0; j < 3; j++) {
            recipe_record(&recipe, words);
            memcpy(&words[i], &impossible[j], sizeof *words);
            assert_false(recipe_recall(&recalled, words, message));
            assert_non_null(strstr(message, name_of_word(i)));
        }
    }
    free(words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_number_of_workers_gives_the_same_batches),
        cmocka_unit_test(test_seeds_and_numbers_change_batches),
        cmocka_unit_test(test_badness_follows_what_can_be_seen),
        cmocka_unit_test(test_first_level_of_a_blur_is_the_identity),
        cmocka_unit_test(test_colours_are_degraded_where_there_are_some),
        cmocka_unit_test(test_detail),
        cmocka_unit_test(test_crops_of_a_photo_overlap_and_differ),
        cmocka_unit_test(test_series_that_begin_badly),
        cmocka_unit_test(test_strange_images_come_last),
        cmocka_unit_test(test_recipes_are_recorded_to_the_bit),
        cmocka_unit_test(test_impossible_recipes_are_refused),
    };
    return cmocka_run_group_tests(tests, draw_photos, NULL);
}
