/*
 * test_concurrent.c - one process, many threads, and processes forked off: models that are opened,
 * described, shared and closed at once give everyone the score that one thread gets alone.
 *
 * What ThreadSanitizer looks at (.ci/run); each thread checks its own results and counts what was
 * wrong, for cmocka knows one thread.
 */
#include "qualiclip.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "model_builder.h"

enum { users = 6, turns = 4, side = 48 };

static char directory[] = "/tmp/qualiclip-concurrent-XXXXXX";
static char paths[2][64]; /* ViT, ResNet */
static uint8_t pixels[side * side * 3];
static const qc_image image = {.format = QC_PIXEL_RGB,
                               .width = side,
                               .height = side,
                               .planes = {pixels},
                               .strides = {3 * side}};

static qc_status score_once(const qc_model *model, uint32_t threads, float *score)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = options.max_height = side;
    options.threads = threads;
    qc_scorer *scorer;
    qc_result result = {0};
    qc_status status = qc_scorer_create(&scorer, model, &options);
    if (status == QC_OK)
        status = qc_score(scorer, &image, &result);
    qc_scorer_destroy(scorer);
    *score = result.score;
    return status;
}

static int write_models(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    for (int i = 0; i < 2; i++)
        snprintf(paths[i], sizeof paths[i], "%s/%d.gguf", directory, i);
    const struct tiny_vit_options vit = tiny_vit_options();
    const struct tiny_resnet_options resnet = tiny_resnet_options();
    write_tiny_vit(paths[0], &vit);
    write_tiny_resnet(paths[1], &resnet);
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
    return 0;
}

static int remove_models(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        unlink(paths[i]);
    return rmdir(directory);
}

static qc_model *open_model(const char *path)
{
    qc_model *model;
    assert_int_equal(qc_model_open(&model, path, NULL), QC_OK);
    return model;
}

static float score_alone(const qc_model *model)
{
    float score;
    assert_int_equal(score_once(model, 1, &score), QC_OK);
    return score;
}

/* -------------------------------------------------------------------------------------- threads */

#ifdef QUALICLIP_THREADS
enum { most_threads = 3 };
#else
enum { most_threads = 1 };
#endif

struct user {
    pthread_t thread;
    const qc_model *shared;
    const char *path;
    float expected_shared, expected_own;
    int wrong;
};

/* One program after another in a thread: asks what there is, uses the shared model and its own. */
static void *use_library(void *context)
{
    struct user *user = context;
    for (uint32_t turn = 0; turn < turns; turn++) {
        const char *fastest = qc_kernels_name(0);
        user->wrong += !fastest || !qc_profile_name(0) || !qc_version()[0];

        float score;
        const uint32_t threads = 1 + turn % most_threads;
        user->wrong += score_once(user->shared, threads, &score) != QC_OK;
        user->wrong += memcmp(&score, &user->expected_shared, sizeof score) != 0;

        qc_model *own;
        qc_model_info info;
        user->wrong += qc_model_check(user->path, NULL) != QC_OK;
        if (qc_model_open(&own, user->path, NULL) != QC_OK)
            return user->wrong++, NULL;
        qc_model_describe(own, &info);
        user->wrong += strcmp(info.kernels, fastest) != 0;
        user->wrong += score_once(own, threads, &score) != QC_OK;
        user->wrong += memcmp(&score, &user->expected_own, sizeof score) != 0;
        qc_model_close(own);

        char message[QC_MESSAGE_SIZE];
        qc_model_options options;
        qc_model_options_init(&options);
        options.message = message;
        options.message_size = sizeof message;
        user->wrong += qc_model_open(&own, directory, &options) != QC_ERROR_IO || own;
        user->wrong += !strstr(message, "is a directory");
    }
    return NULL;
}

static void threads_get_what_one_gets_alone(void **state)
{
    (void)state;
    qc_model *models[2] = {open_model(paths[0]), open_model(paths[1])};
    const float alone[2] = {score_alone(models[0]), score_alone(models[1])};
    struct user list[users];
    for (int i = 0; i < users; i++) {
        list[i] = (struct user){.shared = models[i % 2],
                                .path = paths[i / 2 % 2],
                                .expected_shared = alone[i % 2],
                                .expected_own = alone[i / 2 % 2]};
        assert_int_equal(pthread_create(&list[i].thread, NULL, use_library, &list[i]), 0);
    }
    for (int i = 0; i < users; i++)
        pthread_join(list[i].thread, NULL);
    for (int i = 0; i < users; i++)
        assert_int_equal(list[i].wrong, 0);
    qc_model_close(models[0]);
    qc_model_close(models[1]);
}

/* ----------------------------------------------------------------------------------------- fork */

/* What a child of fork() does with a scorer it inherits; its exit status is 0 if all is well. */
static int child_scores(qc_scorer *scorer, qc_model *model, float expected)
{
    qc_result result;
    alarm(60); /* a deadlock would be the end of it */
    for (int turn = 0; turn < 2; turn++)
        if (qc_score(scorer, &image, &result) != QC_OK ||
            memcmp(&result.score, &expected, sizeof expected) != 0)
            return 1;
    qc_scorer_destroy(scorer);
    qc_model_close(model);
    return 0;
}

static int child_destroys(qc_scorer *scorer, qc_model *model, float expected)
{
    (void)expected;
    alarm(60);
    qc_scorer_destroy(scorer);
    qc_model_close(model);
    return 0;
}

static void assert_child(int (*child)(qc_scorer *, qc_model *, float), qc_scorer *scorer,
                         qc_model *model, float expected)
{
    const pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0)
        _exit(child(scorer, model, expected));
    int status;
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_int_equal(status, 0);
}

/* Whatever a scorer's threads are doing when the process forks: asleep, or looking out for work. */
static void a_forked_process_scores(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= most_threads; threads++) {
        qc_model *model = open_model(paths[threads % 2]);
        const float expected = score_alone(model);
        qc_scorer_options options;
        qc_scorer_options_init(&options);
        options.max_width = options.max_height = side;
        options.threads = threads;
        qc_scorer *scorer;
        qc_result result;
        assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_OK);
        assert_child(child_scores, scorer, model, expected); /* before it was ever used */
        for (int turn = 0; turn < turns; turn++) {
            assert_int_equal(qc_score(scorer, &image, &result), QC_OK);
            assert_memory_equal(&result.score, &expected, sizeof expected);
            assert_child(child_scores, scorer, model, expected);
            assert_child(child_destroys, scorer, model, expected);
        }
        qc_scorer_destroy(scorer);
        qc_model_close(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_get_what_one_gets_alone),
        cmocka_unit_test(a_forked_process_scores),
    };
    return cmocka_run_group_tests(tests, write_models, remove_models);
}
