/*
 * test_train_tokens.c - the cells of a ResNet's last map and the patches of a ViT that imitate
 * them: what a cell's feature is, the slope of the loss through the whole tower, and that a teacher
 * of cells otherwise says what the library does.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden_tower.h"
#include "losses.h"
#include "qualiclip.h"
#include "temporary_file.h"
#include "train/state.h"
#include "train/teacher.h"
#include "train/teacher_tower.h"
#include "train/tensor_file.h"

#define TEACHER "weights/qualiclip-nano.gguf"

static char message[QC_MESSAGE_SIZE];

static struct tower *create(const struct tower_shape *shape, uint32_t batch, uint32_t width,
                            uint32_t height, uint32_t threads)
{
    struct tower *tower = tower_create(shape, batch, width, height, threads, message);
    if (!tower)
        fail_msg("%s", message);
    fill_tower(tower);
    return tower;
}

static double distance(const float *a, const float *b, size_t count)
{
    double squares = 0, all = 0;
    for (size_t i = 0; i < count; i++) {
        squares += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        all += (double)b[i] * (double)b[i];
    }
    return sqrt(squares / all);
}

/* --------------------------------------------------------------------------------------- cells */

enum { IMAGES = 2, FEATURE = 6 };

static const struct tower_shape resnet = {
    .kind = TRAIN_RESNET, .width = 4, .feature = FEATURE, .heads = 2, .blocks = {1, 1, 1, 1}};

/* Features of images, and of all their cells; the latter to be freed. */
static float *look(struct tower *tower, float *features)
{
    const size_t channels = 32 * tower->shape.width, cells = tower_resnet_cells(tower);
    float *pixels = golden_pixels(tower);
    float *weight = malloc(FEATURE * channels * sizeof *weight), bias[FEATURE];
    float *found = malloc(IMAGES * cells * FEATURE * sizeof *found);
    tower->operations->forward(tower, pixels, features, false);
    tower_resnet_cell_weights(tower, weight, bias);
    tower_resnet_cell_features(tower, weight, bias, found);
    free(pixels);
    free(weight);
    return found;
}

static void the_only_cell_is_the_image(void **state)
{
    (void)state;
    float features[IMAGES * FEATURE];
    struct tower *tower = create(&resnet, IMAGES, 32, 32, 1);
    float *cells = look(tower, features);
    assert_int_equal(tower_resnet_cells(tower), 1);
    assert_true(distance(cells, features, IMAGES * FEATURE) < 1e-5);
    free(cells);
    tower_destroy(tower);
}

/* Without a query all positions are equal, and the feature is their mean. */
static void the_mean_cell_is_the_feature_of_who_asks_nothing(void **state)
{
    (void)state;
    float features[IMAGES * FEATURE], mean[IMAGES * FEATURE] = {0};
    struct tower *tower = create(&resnet, IMAGES, 96, 64, 1);
    const char *const query[] = {"attnpool.q_proj.weight", "attnpool.q_proj.bias"};
    for (size_t i = 0; i < 2; i++) {
        struct tower_parameter *parameter = tower_find(tower, query[i]);
        memset(parameter->values, 0, parameter->count * sizeof(float));
    }
    float *cells = look(tower, features);
    assert_int_equal(tower_resnet_cells(tower), 6);
    for (size_t image = 0; image < IMAGES; image++)
        for (size_t cell = 0; cell < 6; cell++)
            for (size_t i = 0; i < FEATURE; i++)
                mean[image * FEATURE + i] += cells[(image * 6 + cell) * FEATURE + i] / 6;
    assert_true(distance(mean, features, IMAGES * FEATURE) < 1e-5);
    assert_true(distance(cells, cells + FEATURE, FEATURE) > 1e-3);
    free(cells);
    tower_destroy(tower);
}

/* ---------------------------------------------------------------------------------------- loss */

enum { SIDE = 64, CELLS = 4, PATCH = 16, TOKENS = 17 };

static const struct tower_shape vit = {.kind = TRAIN_VIT,
                                       .width = 32,
                                       .feature = FEATURE,
                                       .heads = 2,
                                       .layers = 2,
                                       .patch = PATCH,
                                       .patches_leave = true};
static const double weight = 0.7;

struct problem {
    struct tower *tower;
    float *pixels, cells[IMAGES * CELLS * FEATURE], features[IMAGES * FEATURE];
    float feature_gradients[IMAGES * FEATURE];
    struct batch batch;
};

static void set_up(struct problem *problem, uint32_t threads)
{
    problem->tower = create(&vit, IMAGES, SIDE, SIDE, threads);
    problem->pixels = golden_pixels(problem->tower);
    for (size_t i = 0; i < IMAGES * CELLS; i++) {
        float *cell = problem->cells + i * FEATURE;
        double squares = 0;
        for (size_t k = 0; k < FEATURE; k++) {
            cell[k] = (float)pseudo_random(40, i * FEATURE + k);
            squares += (double)cell[k] * (double)cell[k];
        }
        for (size_t k = 0; k < FEATURE; k++)
            cell[k] = (float)((double)cell[k] / sqrt(squares));
    }
    for (size_t i = 0; i < IMAGES * FEATURE; i++)
        problem->feature_gradients[i] = (float)pseudo_random(41, i);
    problem->batch = (struct batch){
        .images = IMAGES, .lesson = {.cells = problem->cells, .cells_of_an_image = CELLS}};
}

static void tear_down(struct problem *problem)
{
    tower_destroy(problem->tower);
    free(problem->pixels);
}

/* The loss of the patches, and a linear one of the class tokens beside it. */
static double loss_of(struct problem *problem)
{
    double sum = 0;
    problem->tower->operations->forward(problem->tower, problem->pixels, problem->features, true);
    for (size_t i = 0; i < IMAGES * FEATURE; i++)
        sum += (double)problem->features[i] * (double)problem->feature_gradients[i];
    return sum + weight * token_loss(problem->tower, &problem->batch, weight);
}

/* Each patch's feature that is changed by hand changes the loss by its gradient. */
static void the_gradient_of_a_patch_is_the_slope(void **state)
{
    (void)state;
    struct problem problem;
    set_up(&problem, 1);
    struct tower_tokens *tokens = &problem.tower->tokens;
    loss_of(&problem);
    assert_int_equal(tokens->of_an_image, TOKENS);
    float expected[IMAGES * TOKENS * FEATURE];
    memcpy(expected, tokens->gradients, sizeof expected);
    for (size_t i = 0; i < IMAGES * TOKENS * FEATURE; i++) {
        const float value = tokens->features[i], step = 1.0f / 4096;
        const bool of_a_patch = i / FEATURE % TOKENS != 0;
        tokens->features[i] = value + step;
        const double above = token_loss(problem.tower, &problem.batch, weight);
        tokens->features[i] = value - step;
        const double below = token_loss(problem.tower, &problem.batch, weight);
        tokens->features[i] = value;
        const double slope = weight * (above - below) / (2 * (double)step);
        if (!(fabs(slope - (of_a_patch ? (double)expected[i] : 0)) <= 1e-3 * fabs(slope) + 1e-6))
            fail_msg("number %zu: the slope is %g, the gradient %g", i, slope, (double)expected[i]);
    }
    tear_down(&problem);
}

/* Along a parameter's gradient the loss rises by the square of its norm. */
static void check_parameter(struct problem *problem, const struct tower_parameter *parameter)
{
    const size_t count = parameter->count;
    float *values = malloc(count * sizeof *values), *gradient = malloc(count * sizeof *gradient);
    double squares = 0, sums[2];
    memcpy(values, parameter->values, count * sizeof *values);
    memcpy(gradient, parameter->gradient, count * sizeof *gradient);
    for (size_t i = 0; i < count; i++)
        squares += (double)gradient[i] * (double)gradient[i];
    const double step = 2e-3 / sqrt(squares);
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < count; i++)
            parameter->values[i] =
                (float)((double)values[i] + (side ? step : -step) * (double)gradient[i]);
        sums[side] = loss_of(problem);
    }
    memcpy(parameter->values, values, count * sizeof *values);
    const double slope = (sums[1] - sums[0]) / (2 * step);
    if (!(fabs(slope / squares - 1) < 0.01))
        fail_msg("%s: the slope is %g, the gradient's square %g", parameter->name, slope, squares);
    free(values);
    free(gradient);
}

static void the_gradient_of_each_parameter_is_the_slope(void **state)
{
    (void)state;
    struct problem problem;
    set_up(&problem, 1);
    loss_of(&problem);
    problem.tower->operations->backward(problem.tower, problem.feature_gradients);
    for (size_t i = 0; i < problem.tower->parameter_count; i++)
        check_parameter(&problem, &problem.tower->parameters[i]);
    tear_down(&problem);
}

static void features_are_those_of_a_tower_that_keeps_its_patches(void **state)
{
    (void)state;
    struct problem problem;
    float alone[IMAGES * FEATURE];
    struct tower_shape shape = vit;
    set_up(&problem, 1);
    loss_of(&problem);
    shape.patches_leave = false;
    struct tower *tower = create(&shape, IMAGES, SIDE, SIDE, 1);
    tower->operations->forward(tower, problem.pixels, alone, true);
    assert_true(distance(problem.features, alone, IMAGES * FEATURE) < 1e-5);
    memset(problem.tower->tokens.gradients, 0, IMAGES * TOKENS * FEATURE * sizeof(float));
    problem.tower->operations->backward(problem.tower, problem.feature_gradients);
    tower->operations->backward(tower, problem.feature_gradients);
    for (size_t i = 0; i < tower->parameter_count; i++)
        if (!strstr(tower->parameters[i].name, "in_proj_bias")) /* of keys it is 0 but for noise */
            assert_true(distance(problem.tower->parameters[i].gradient,
                                 tower->parameters[i].gradient, tower->parameters[i].count) < 1e-4);
    tower_destroy(tower);
    tear_down(&problem);
}

/* ------------------------------------------------------------------------------------- teacher */

enum { LESSONS = 2 * CROPS * STAGES + 2, NANO_FEATURE = 128 };

static const struct tower_shape student = {
    .kind = TRAIN_VIT, .width = 192, .feature = NANO_FEATURE, .heads = 3, .layers = 4, .patch = 16};

/* The same images each time: 8 bits, as the library takes them. */
static void make_batch(struct batch *batch, const struct batch_recipe *recipe, bool cells)
{
    static const double means[] = {0.48145466, 0.4578275, 0.40821073},
                        deviations[] = {0.26862954, 0.26130258, 0.27577711};
    const size_t plane = SIDE * SIDE;
    batch_create(batch, recipe, batch_share_of(recipe, 0, 1));
    batch_add_lesson(batch, NANO_FEATURE, cells ? CELLS : 0);
    for (size_t i = 0; i < batch->images * 3 * plane; i++) {
        const size_t colour = i / plane % 3, place = i % plane;
        const double slope = 60 * sin((double)(place / SIDE + i / plane) / 9);
        const int byte = (int)(127 + slope + 40 * pseudo_random(50, i));
        batch->pixels[i] = (float)((byte / 255.0 - means[colour]) / deviations[colour]);
    }
}

static void judge(struct batch *batch, bool cells, uint32_t worker)
{
    const struct teacher_order order = {
        .name = TEACHER, .crop = SIDE, .workers = 2, .feature = NANO_FEATURE, .cells = cells};
    struct teacher *teacher = teacher_open(&order, message);
    if (!teacher)
        fail_msg("%s", message);
    assert_int_equal(teacher_cells(teacher), cells ? CELLS : 0);
    teacher_judge(teacher, worker, batch);
    teacher_close(teacher);
}

static void a_teacher_of_cells_says_what_the_library_does(void **state)
{
    (void)state;
    const struct batch_recipe recipe = {.photos = 2, .crop = SIDE, .strange = 2};
    struct batch by_tower, by_library, again;
    make_batch(&by_tower, &recipe, true);
    make_batch(&again, &recipe, true);
    make_batch(&by_library, &recipe, false);
    assert_int_equal(by_tower.images, LESSONS);
    judge(&by_tower, true, 0);
    judge(&again, true, 1);
    judge(&by_library, false, 0);
    const size_t features = LESSONS * NANO_FEATURE * sizeof(float);
    for (size_t i = 0; i < LESSONS; i++)
        assert_true(fabsf(by_tower.lesson.scores[i] - by_library.lesson.scores[i]) < 1e-4f);
    assert_true(distance(by_tower.lesson.features, by_library.lesson.features,
                         LESSONS * NANO_FEATURE) < 1e-4);
    for (size_t i = 0; i < LESSONS * CELLS; i++) {
        const float *cell = by_tower.lesson.cells + i * NANO_FEATURE;
        double squares = 0;
        for (size_t k = 0; k < NANO_FEATURE; k++)
            squares += (double)cell[k] * (double)cell[k];
        assert_true(fabs(squares - 1) < 1e-5);
    }
    /* Another worker, the same bits. */
    assert_memory_equal(by_tower.lesson.features, again.lesson.features, features);
    assert_memory_equal(by_tower.lesson.cells, again.lesson.cells, CELLS * features);
    batch_free(&by_tower);
    batch_free(&again);
    batch_free(&by_library);
}

/* A photo of waves, of which batches are made. */
enum { PHOTO_SIDE = 160 };

static unsigned char photo_pixels[3 * PHOTO_SIDE * PHOTO_SIDE];
static struct cached_photo photo = {.size_count = 1,
                                    .sizes = {{PHOTO_SIDE, PHOTO_SIDE, photo_pixels}}};
static const struct photo_set photos = {.count = 1, .photos = &photo};

static void judge_batch(const struct batch_recipe *recipe, uint64_t index, bool centred,
                        struct batch *batch)
{
    const struct teacher_order order = {.name = TEACHER,
                                        .crop = SIDE,
                                        .workers = 1,
                                        .feature = NANO_FEATURE,
                                        .cells = true,
                                        .photos = centred ? &photos : NULL,
                                        .recipe = recipe};
    struct teacher *teacher = teacher_open(&order, message);
    if (!teacher)
        fail_msg("%s", message);
    batch_create(batch, recipe, batch_share_of(recipe, 0, 1));
    batch_add_lesson(batch, NANO_FEATURE, CELLS);
    batch_make(batch, &photos, recipe, index);
    teacher_judge(teacher, 0, batch);
    teacher_close(teacher);
}

static void what_cells_have_in_common_is_left_out(void **state)
{
    (void)state;
    enum { BATCHES = 8, ROWS = CELLS * (CROPS * STAGES + 1) };
    const struct batch_recipe recipe = {
        .photos = 1, .crop = SIDE, .strange = 1, .type_weights = {1, 1, 1}, .seed = 3};
    struct batch batch, centred;
    double mean[NANO_FEATURE] = {0}, left = 1;
    for (size_t i = 0; i < sizeof photo_pixels; i++)
        photo_pixels[i] = (unsigned char)(128 + 90 * sin((double)(i % (3 * PHOTO_SIDE)) * 0.3) *
                                                    cos((double)(i / (3 * PHOTO_SIDE)) * 0.7));
    for (uint64_t index = BATCHES; index-- > 0;) {
        judge_batch(&recipe, index, false, &batch);
        for (size_t i = 0; i < ROWS * NANO_FEATURE; i++)
            mean[i % NANO_FEATURE] += (double)batch.lesson.cells[i] / ROWS / BATCHES;
        if (index)
            batch_free(&batch);
    }
    judge_batch(&recipe, 0, true, &centred);
    for (size_t i = 0; i < NANO_FEATURE; i++)
        left -= mean[i] * mean[i];
    for (size_t i = 0; i < ROWS * NANO_FEATURE; i++)
        batch.lesson.cells[i] =
            (float)(((double)batch.lesson.cells[i] - mean[i % NANO_FEATURE]) / sqrt(left));
    assert_true(left < 0.9); /* of 1: something was common */
    assert_true(distance(centred.lesson.cells, batch.lesson.cells, ROWS * NANO_FEATURE) < 1e-4);
    assert_true(distance(centred.lesson.features, batch.lesson.features,
                         (size_t)batch.images * NANO_FEATURE) < 1e-6);
    batch_free(&batch);
    batch_free(&centred);
}

static void refuses(const char *teacher, struct tower_shape shape, uint32_t crop, const char *why)
{
    assert_false(teacher_tower_fits(teacher, &shape, crop, message));
    if (!strstr(message, why))
        fail_msg("\"%s\" does not say \"%s\"", message, why);
}

static void what_does_not_fit_is_said(void **state)
{
    (void)state;
    struct tower_shape other = student;
    assert_true(teacher_tower_fits(TEACHER, &student, SIDE, message));
    refuses(TEACHER, resnet, SIDE, "the student is no ViT");
    refuses(TEACHER, student, 80, "(--crop=96)");
    other.patch = 14;
    refuses(TEACHER, other, SIDE, "patches of 14 pixels");
    other.patch = 32;
    assert_true(teacher_tower_fits(TEACHER, &other, SIDE, message));
    other.feature = 64;
    refuses(TEACHER, other, SIDE, "the teacher's features have 128 numbers, the student's 64");
    refuses("no-model.gguf", student, SIDE, "no-model.gguf");
}

/* -------------------------------------------------------------------------------------- states */

/* A run that was saved before there were tokens goes on without. */
static void a_record_of_before_can_be_read(void **state)
{
    (void)state;
    const size_t head_words = 18, parts = 4; /* see state.c */
    const size_t count = parts * (head_words + recipe_words());
    const size_t before = parts * (head_words + recipe_words_of_before());
    struct student student_of_state;
    struct adamw optimiser;
    struct state_head head = {.shape = vit, .texts = 2, .step = 7}, found;
    recipe_from_scratch(&head.recipe);
    head.recipe.loss.teacher_tokens = 0.75;
    head.recipe.batch.type_weights[degradation_count - 1] = 3.25;
    head.recipe.batch.seed = 11;
    student_create(&student_of_state, create(&vit, 1, SIDE, SIDE, 1), 2, true);
    adamw_create(&optimiser, student_of_state.parameters, student_of_state.count, 0);
    assert_true(state_save(temporary_path, &head, &student_of_state, &optimiser, message));
    assert_true(state_read_head(temporary_path, &found, message));
    assert_true(found.recipe.loss.teacher_tokens == 0.75 && found.step == 7);

    /* With a tensor by which the tower's width is checked. */
    float bias[32];
    struct named_tensor kept[2] = {
        {.name = STATE_NUMBERS, .dimensions = 1, .shape = {count}, .count = count},
        {.name = "visual.transformer.resblocks.1.ln_1.bias",
         .dimensions = 1,
         .shape = {32},
         .count = 32,
         .values = bias}};
    struct named_tensor *numbers = &kept[0];
    numbers->values = malloc(count * sizeof(float));
    assert_true(tensor_file_read(temporary_path, kept, 2, message));
    numbers->shape[0] = numbers->count = before;
    assert_true(tensor_file_write(temporary_path, kept, 2, message));
    assert_true(state_read_head(temporary_path, &found, message));
    assert_true(found.recipe.loss.teacher_tokens == 0);
    head.recipe.loss.teacher_tokens = 0;
    for (size_t i = 0; i < recipe_field_count; i++)
        assert_true(recipe_get(&found.recipe, &recipe_fields[i]) ==
                    recipe_get(&head.recipe, &recipe_fields[i]));
    assert_memory_equal(found.recipe.batch.type_weights, head.recipe.batch.type_weights,
                        sizeof head.recipe.batch.type_weights);

    numbers->shape[0] = numbers->count = before - parts;
    assert_true(tensor_file_write(temporary_path, kept, 2, message));
    assert_false(state_read_head(temporary_path, &found, message));
    assert_non_null(strstr(message, STATE_NUMBERS));
    free(numbers->values);
    adamw_free(&optimiser);
    student_free(&student_of_state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_only_cell_is_the_image),
        cmocka_unit_test(the_mean_cell_is_the_feature_of_who_asks_nothing),
        cmocka_unit_test(the_gradient_of_a_patch_is_the_slope),
        cmocka_unit_test(the_gradient_of_each_parameter_is_the_slope),
        cmocka_unit_test(features_are_those_of_a_tower_that_keeps_its_patches),
        cmocka_unit_test(a_teacher_of_cells_says_what_the_library_does),
        cmocka_unit_test(what_cells_have_in_common_is_left_out),
        cmocka_unit_test(what_does_not_fit_is_said),
        cmocka_unit_test(a_record_of_before_can_be_read),
    };
    return cmocka_run_group_tests(tests, temporary_file_make, temporary_file_remove);
}
