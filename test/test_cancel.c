/*
 * test_cancel.c - a call that its caller ends: before any of its layers, from another thread, and
 * never with a trace in the next call.  And qc_scorer_cost(), against what the kernels were asked.
 */
#include "model.h" /* before cmocka.h, which makes fail() a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef QUALICLIP_THREADS
#include <pthread.h>
#endif

#include <cmocka.h>

#include "model_builder.h"

enum { WIDTH = 230, HEIGHT = 224, COUNT = 2 };

static qc_model *models[3]; /* ViT, ResNet, GRepQ */
static qc_model *plain[3];  /* the same, every product as it is defined */
static uint8_t pixels[COUNT][WIDTH * HEIGHT * 3];
static qc_image images[COUNT];

static int setup(void **state)
{
    (void)state;
    char path[] = "/tmp/qualiclip-cancel-XXXXXX";
    const int file = mkstemp(path);
    if (file < 0)
        return -1;
    close(file);
    struct tiny_vit_options vit = tiny_vit_options();
    struct tiny_resnet_options resnet = tiny_resnet_options(), grepq = resnet;
    vit.patch_size = 32;
    grepq.low_level_width = 2;
    grepq.low_level_feature_size = 8;
    for (int i = 0; i < 3; i++) {
        unlink(path); /* the one before is still mapped */
        if (i == 0)
            write_tiny_vit(path, &vit);
        else
            write_tiny_resnet(path, i == 1 ? &resnet : &grepq);
        qc_model_options options;
        qc_model_options_init(&options);
        options.kernels = "reference";
        options.packing = QC_PACKING_NEVER;
        if (qc_model_open(&models[i], path, NULL) != QC_OK ||
            qc_model_open(&plain[i], path, &options) != QC_OK)
            return -1;
    }
    unlink(path);
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < sizeof pixels[i]; k++)
            pixels[i][k] = (uint8_t)((k + i) * 7919 >> 5);
        qc_image_init(&images[i], QC_PIXEL_RGB, WIDTH, HEIGHT, pixels[i]);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        qc_model_close(models[i]);
        qc_model_close(plain[i]);
    }
    return 0;
}

/* Says yes when it is asked for the `last` time and from then on. */
struct patience {
    size_t asked, last; /* last 0: never */
};

static int loses_patience(void *context)
{
    struct patience *patience = context;
    patience->asked++;
    return patience->last && patience->asked >= patience->last;
}

static void serial_for(void *pool, size_t count, qc_task *task, void *context)
{
    for (size_t i = 0; i < count; i++)
        task(context, i, i % *(const size_t *)pool);
}

static qc_scorer *create(const qc_model *model, qc_size_rule rule, bool pool,
                         struct patience *patience)
{
    static size_t workers = 2;
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = WIDTH;
    options.max_height = HEIGHT;
    options.max_batch = COUNT;
    options.size_rule = rule;
    options.size_pixels = rule == QC_SIZE_CROP ? 64 : 0;
    options.cancel = loses_patience;
    options.cancel_context = patience;
    if (pool) {
        options.threads = 2;
        options.parallel_for = serial_for;
        options.pool = &workers;
    }
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_OK);
    assert_int_equal(patience->asked, 0);
    return scorer;
}

static void assert_cancelled(const qc_result *result)
{
    assert_int_equal(result->status, QC_CANCELLED);
    assert_string_equal(result->message, "cancelled by the caller");
    assert_true(result->score == 0 && result->pair_count == 0 && result->pairs[0] == 0);
}

/* Ends the call at each question in turn; now and then looks whether the next is as it should. */
static void check_every_question(const qc_model *model, qc_size_rule rule, bool pool)
{
    struct patience patience = {0, 0};
    qc_scorer *scorer = create(model, rule, pool, &patience);
    qc_image part[COUNT]; /* tiles need all of them, GRepQ 144 pixels */
    const uint32_t side = model->has_low_level ? 144 : 97;
    qc_result expected[COUNT], results[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        part[i] = images[i];
        part[i].width = rule == QC_SIZE_TILES ? WIDTH : side + 2;
        part[i].height = rule == QC_SIZE_TILES ? HEIGHT : side;
    }
    assert_int_equal(qc_score_batch(scorer, part, COUNT, expected), QC_OK);
    const size_t questions = patience.asked;
    assert_true(questions > 10);
    for (size_t last = 1; last <= questions; last++) {
        patience = (struct patience){0, last};
        assert_int_equal(qc_score_batch(scorer, part, COUNT, results), QC_CANCELLED);
        assert_int_equal(patience.asked, last); /* and nobody is asked again */
        assert_string_equal(qc_scorer_message(scorer), "cancelled by the caller");
        assert_cancelled(&results[COUNT - 1]);
        if (results[0].status == QC_OK)
            assert_memory_equal(&results[0], &expected[0], sizeof results[0]);
        else
            assert_cancelled(&results[0]);
        if (last % 16 && last < questions)
            continue;
        patience = (struct patience){0, questions + 1};
        assert_int_equal(qc_score_batch(scorer, part, COUNT, results), QC_OK);
        assert_memory_equal(results, expected, sizeof results);
    }
    qc_scorer_destroy(scorer);
}

static void test_before_every_layer(void **state)
{
    (void)state;
    check_every_question(models[0], QC_SIZE_NATIVE, false);
    check_every_question(models[0], QC_SIZE_CROP, true);
    check_every_question(models[0], QC_SIZE_TILES, false);
    check_every_question(models[1], QC_SIZE_NATIVE, true);
    check_every_question(models[2], QC_SIZE_NATIVE, false);
}

static void test_embedding(void **state)
{
    (void)state;
    struct patience patience = {0, 0};
    qc_scorer *scorer = create(models[1], QC_SIZE_NATIVE, false, &patience);
    float expected[16], feature[16];
    static const float zeros[16];
    qc_image part = images[0];
    part.width = 70;
    part.height = 67;
    assert_int_equal(qc_embed(scorer, &part, expected), QC_OK);
    const size_t questions = patience.asked;
    for (size_t last = 1; last <= questions; last++) {
        patience = (struct patience){0, last};
        assert_int_equal(qc_embed(scorer, &part, feature), QC_CANCELLED);
        assert_memory_equal(feature, zeros, sizeof zeros);
    }
    patience.last = 0;
    assert_int_equal(qc_embed(scorer, &part, feature), QC_OK);
    assert_memory_equal(feature, expected, sizeof expected);
    qc_scorer_destroy(scorer);
}

#ifdef QUALICLIP_THREADS

struct flag {
    atomic_int raised, asked;
};

static int is_raised(void *context)
{
    struct flag *flag = context;
    atomic_fetch_add(&flag->asked, 1);
    return atomic_load(&flag->raised);
}

/* Raises the flag in the midst of a call. */
static void *raise_flag(void *context)
{
    struct flag *flag = context;
    while (atomic_load(&flag->asked) < 5)
        ;
    atomic_store(&flag->raised, 1);
    return NULL;
}

/* Scores on the scorer's own threads until another thread objects. */
static void test_from_another_thread(void **state)
{
    (void)state;
    struct flag flag = {0, 0};
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.threads = 2;
    options.cancel = is_raised;
    options.cancel_context = &flag;
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, models[1], &options), QC_OK);
    qc_result expected, result;
    assert_int_equal(qc_score(scorer, images, &expected), QC_OK);
    for (int turn = 0; turn < 5; turn++) {
        atomic_store(&flag.raised, 0);
        atomic_store(&flag.asked, 0);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, raise_flag, &flag), 0);
        qc_status status;
        do {
            status = qc_score(scorer, images, &result);
        } while (status == QC_OK);
        assert_int_equal(status, QC_CANCELLED);
        pthread_join(thread, NULL);
        atomic_store(&flag.raised, 0);
        assert_int_equal(qc_score(scorer, images, &result), QC_OK);
        assert_memory_equal(&result, &expected, sizeof result);
    }
    qc_scorer_destroy(scorer);
}

#endif

/* ------------------------------------------------------------------------------------------- cost
 */

static const kernel_set *counted_kernels;
static uint64_t multiply_adds;

static void counting_gemm(const gemm_call *call, float *scratch)
{
    multiply_adds += (uint64_t)call->rows * call->outputs * call->taps * call->inputs;
    counted_kernels->gemm(call, scratch);
}

static void counting_attention(const attention_call *call, float *scratch)
{
    multiply_adds += 2 * (uint64_t)call->queries * call->tokens * call->size;
    counted_kernels->attention(call, scratch);
}

static void check_costs(const qc_model *model, qc_size_rule rule)
{
    static const uint32_t sizes[][2] = {{230, 224}, {224, 230}, {229, 223}, {224, 224}, {97, 150}};
    struct patience patience = {0, 0};
    qc_scorer *scorer = create(model, rule, false, &patience);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        qc_image image = images[0];
        image.width = sizes[i][0];
        image.height = sizes[i][1];
        image.strides[0] = WIDTH * 3;
        qc_result result;
        multiply_adds = 0;
        const qc_status status = qc_score(scorer, &image, &result);
        assert_int_equal(status == QC_OK,
                         rule != QC_SIZE_TILES || (image.width >= 224 && image.height >= 224));
        assert_int_equal(qc_scorer_cost(scorer, image.width, image.height), multiply_adds);
    }
    assert_int_equal(qc_scorer_cost(scorer, WIDTH + 1, HEIGHT), 0);
    assert_int_equal(qc_scorer_cost(scorer, 0, HEIGHT), 0);
    assert_int_equal(qc_scorer_cost(NULL, WIDTH, HEIGHT), 0);
    qc_scorer_destroy(scorer);
}

/* Of the reference kernels without packed weights, whose gemm and attention alone multiply. */
static void test_cost(void **state)
{
    (void)state;
    counted_kernels = kernel_set_find("reference");
    kernel_set counting = *counted_kernels;
    counting.gemm = counting_gemm;
    counting.attention = counting_attention;
    for (int m = 0; m < 3; m++) {
        struct qc_model *model = plain[m];
        model->kernels = &counting;
        check_costs(model, QC_SIZE_NATIVE);
        if (m < 2) {
            check_costs(model, QC_SIZE_CROP);
            check_costs(model, QC_SIZE_TILES);
        }
        model->kernels = counted_kernels;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_every_layer),
        cmocka_unit_test(test_embedding),
#ifdef QUALICLIP_THREADS
        cmocka_unit_test(test_from_another_thread),
#endif
        cmocka_unit_test(test_cost),
    };
    return cmocka_run_group_tests_name("cancel", tests, setup, teardown);
}
