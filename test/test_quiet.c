/*
 * test_quiet.c - what a camera relies on: in a block of the caller's, scoring asks the system for
 * nothing (no memory, file, thread or lock), leaves errno alone, and needs little stack; and after
 * many scores the process is as large as before.
 *
 * The linker's --wrap sends the library's calls of the C library through here (Makefile), where
 * each is a failure while images are scored.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "qualiclip.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "model_builder.h"
#include "temporary_file.h"

/* ---------------------------------------------------------------------------------------- watching
 */

static bool watching;
static const char *heard; /* the first call while watching */

static void hear(const char *name)
{
    if (watching && !heard)
        heard = name;
}

#define WATCH(type, name, parameters, arguments)                                                   \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        hear(#name);                                                                               \
        return __real_##name arguments;                                                            \
    }

WATCH(void *, malloc, (size_t size), (size))
WATCH(void *, calloc, (size_t count, size_t size), (count, size))
WATCH(void *, realloc, (void *block, size_t size), (block, size))
WATCH(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))
WATCH(void *, mmap, (void *at, size_t size, int access, int flags, int file, off_t offset),
      (at, size, access, flags, file, offset))
WATCH(int, munmap, (void *at, size_t size), (at, size))
WATCH(int, madvise, (void *at, size_t size, int advice), (at, size, advice))
WATCH(int, posix_madvise, (void *at, size_t size, int advice), (at, size, advice))
WATCH(int, close, (int file), (file))
WATCH(FILE *, fopen, (const char *path, const char *mode), (path, mode))
WATCH(int, pthread_create,
      (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context),
      (thread, attributes, run, context))
WATCH(int, pthread_mutex_init, (pthread_mutex_t * mutex, const pthread_mutexattr_t *attributes),
      (mutex, attributes))
WATCH(int, pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
WATCH(int, pthread_mutex_unlock, (pthread_mutex_t * mutex), (mutex))
WATCH(int, pthread_cond_wait, (pthread_cond_t * condition, pthread_mutex_t *mutex),
      (condition, mutex))
WATCH(int, pthread_cond_signal, (pthread_cond_t * condition), (condition))
WATCH(int, pthread_cond_broadcast, (pthread_cond_t * condition), (condition))

void __real_free(void *block);
void __wrap_free(void *block);
void __wrap_free(void *block)
{
    hear("free");
    __real_free(block);
}

/* open() may have a third argument. */
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    hear("open");
    va_list arguments;
    va_start(arguments, flags);
    const int mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
    va_end(arguments);
    return __real_open(path, flags, mode);
}

/* ----------------------------------------------------------------------------------------- scoring
 */

/* Three quarters of the rows are looked at, since some pixels have four bytes; 144 for GRepQ. */
enum { WIDTH = 146, HEIGHT = 193 };

static uint8_t pixels[3 * WIDTH * HEIGHT];
static const char *const path = temporary_path;

/* All that there is to do with a scorer, in a block that was provided beforehand. */
struct work {
    const qc_model *model;
    qc_scorer_options options;
    float feature[1024];
    qc_result result;
    qc_status status;
};

static qc_status score_formats(struct work *work, qc_scorer *scorer)
{
    static const qc_pixel_format formats[] = {QC_PIXEL_RGB, QC_PIXEL_NV12, QC_PIXEL_RGBA};
    qc_status status = QC_OK;
    for (size_t i = 0; i < 3 && !status; i++) {
        qc_image image;
        qc_image_init(&image, formats[i], WIDTH, HEIGHT * 3 / 4, pixels);
        status = qc_score(scorer, &image, &work->result);
        if (!status && formats[i] == QC_PIXEL_NV12)
            status = qc_embed(scorer, &image, work->feature);
    }
    return status;
}

static void do_work(struct work *work)
{
    qc_scorer *scorer;
    heard = NULL;
    watching = true;
    errno = 4711;
    work->status = qc_scorer_create(&scorer, work->model, &work->options);
    if (!work->status)
        work->status = score_formats(work, scorer);
    const int after = errno;
    qc_scorer_destroy(scorer);
    watching = false;
    if (!heard && after != 4711)
        heard = "errno";
}

static void prepare(struct work *work, const qc_model *model, qc_size_rule rule)
{
    memset(work, 0, sizeof *work);
    work->model = model;
    qc_scorer_options_init(&work->options);
    work->options.max_width = WIDTH;
    work->options.max_height = HEIGHT;
    work->options.size_rule = rule;
    work->options.size_pixels = rule == QC_SIZE_CROP ? 64 : rule == QC_SIZE_LONG ? 100 : 0;
    work->options.background = QC_BACKGROUND_WHITE;
    work->options.memory_size = qc_scorer_memory(model, &work->options);
    work->options.memory = aligned_alloc(64, work->options.memory_size);
    assert_non_null(work->options.memory);
}

/* ------------------------------------------------------------------------------------------- stack
 */

/* Sanitizers put zones around what lies on the stack. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_BYTES (256 << 10)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STACK_BYTES (256 << 10)
#endif
#endif
#ifndef STACK_BYTES
#define STACK_BYTES (64 << 10)
#endif

#define UNTOUCHED    0xA5
#define THREAD_BYTES (1 << 20) /* with what the C library keeps there for a thread */

static unsigned char *stack_pages; /* of the thread that works */
static size_t deepest;             /* bytes of stack that any work took */

/* Works with STACK_BYTES of stack left: a page below them is forbidden. */
static void *work_in_thread(void *context)
{
    unsigned char here = 0;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    unsigned char *const end = (unsigned char *)((uintptr_t)&here / page * page);
    unsigned char *const stack = end - STACK_BYTES;
    assert_true(stack > stack_pages + page);
    assert_int_equal(mprotect(stack - page, page, PROT_NONE), 0);
    do_work(context);
    size_t untouched = 0;
    while (untouched < STACK_BYTES && stack[untouched] == UNTOUCHED)
        untouched++;
    const size_t used = (size_t)(&here - stack) - untouched;
    deepest = used > deepest ? used : deepest;
    return NULL;
}

static void work_on_small_stack(struct work *work)
{
    stack_pages =
        mmap(NULL, THREAD_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(stack_pages != MAP_FAILED);
    memset(stack_pages, UNTOUCHED, THREAD_BYTES);
    pthread_attr_t attributes;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack_pages, THREAD_BYTES), 0);
    assert_int_equal(pthread_create(&thread, &attributes, work_in_thread, work), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
    munmap(stack_pages, THREAD_BYTES);
}

static void check_quiet(const qc_model *model, qc_size_rule rule)
{
    struct work work;
    prepare(&work, model, rule);
    work_on_small_stack(&work);
    if (heard)
        fail_msg("%s was called, or changed", heard);
    assert_int_equal(work.status, QC_OK);
    assert_true(work.result.score > 0);
    free(work.options.memory);
}

/* ------------------------------------------------------------------------------------------- tests
 */

enum tower { VIT, GELU_VIT, RESNET, GREPQ, TOWERS };

static void write_model(enum tower tower)
{
    struct tiny_vit_options vit = tiny_vit_options();
    struct tiny_resnet_options resnet = tiny_resnet_options();
    vit.patch_size = 16;
    vit.gelu = tower == GELU_VIT;
    vit.type = tower == GELU_VIT ? GGML_F16 : GGML_F32;
    resnet.low_level_width = tower == GREPQ ? 8 : 0;
    resnet.low_level_feature_size = 8;
    if (tower <= GELU_VIT)
        write_tiny_vit(path, &vit);
    else
        write_tiny_resnet(path, &resnet);
}

static void check_model(const char *file, const char *kernels, qc_precision precision)
{
    static const qc_size_rule rules[] = {QC_SIZE_NATIVE, QC_SIZE_CROP, QC_SIZE_LONG};
    qc_model_options options;
    qc_model_options_init(&options);
    options.kernels = kernels;
    options.precision = precision;
    qc_model *model;
    qc_model_info info;
    assert_int_equal(qc_model_open(&model, file, &options), QC_OK);
    qc_model_describe(model, &info);
    const size_t count = info.patch_feature_size || precision != QC_PRECISION_F32 ? 1 : 3;
    for (size_t i = 0; i < count; i++)
        check_quiet(model, rules[i]);
    qc_model_close(model);
}

static void test_every_model_and_kernel_set(void **state)
{
    (void)state;
    for (enum tower tower = VIT; tower < TOWERS; tower++) {
        write_model(tower);
        const char *kernels;
        for (size_t i = 0; (kernels = qc_kernels_name(i)) != NULL; i++) {
            if (strstr(kernels, "openblas"))
                continue; /* does as it likes */
            check_model(path, kernels, QC_PRECISION_F32);
            check_model(path, kernels, QC_PRECISION_BF16);
            check_model(path, kernels, QC_PRECISION_INT8);
        }
    }
#ifdef QUALICLIP_BUILTIN
    check_model(NULL, NULL, QC_PRECISION_F32);
#endif
    print_message("stack: at most %zu bytes\n", deepest);
}

/* The watch itself: an allocation is heard. */
static void test_a_call_is_heard(void **state)
{
    (void)state;
    struct work work;
    write_model(VIT);
    qc_model *model;
    assert_int_equal(qc_model_open(&model, path, NULL), QC_OK);
    prepare(&work, model, QC_SIZE_NATIVE);
    free(work.options.memory);
    work.options.memory = NULL;
    work_on_small_stack(&work);
    assert_int_equal(work.status, QC_OK);
    assert_string_equal(heard, "aligned_alloc");
    qc_model_close(model);
}

/* Pages of this process in memory; without stdio, whose buffer would be among them. */
static long resident_pages(void)
{
    char line[128] = {0};
    long resident = -1;
    const int file = open("/proc/self/statm", O_RDONLY);
    assert_true(file >= 0);
    assert_true(read(file, line, sizeof line - 1) > 0);
    close(file);
    assert_int_equal(sscanf(line, "%*d %ld", &resident), 1);
    return resident;
}

static void test_many_scores_leave_nothing_behind(void **state)
{
    (void)state;
    enum { SCORES = 20000, WARM_UP = 200, SIDE = 16 };
    struct tiny_vit_options small = tiny_vit_options();
    small.width = small.mlp_width = 16;
    small.layers = 1;
    write_tiny_vit(path, &small);
    qc_model *model;
    assert_int_equal(qc_model_open(&model, path, NULL), QC_OK);
    qc_scorer *scorer;
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = options.max_height = SIDE;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_OK);
    qc_image frame;
    qc_image_init(&frame, QC_PIXEL_NV12, SIDE, SIDE, pixels);
    long before = 0;
    (void)resident_pages(); /* what its own first call brings in */
    qc_result first = {0}, result;
    for (int i = 0; i < WARM_UP + SCORES; i++) {
        if (i == WARM_UP)
            before = resident_pages();
        assert_int_equal(qc_score(scorer, &frame, &result), QC_OK);
        if (i == 0)
            first = result;
    }
    assert_int_equal(resident_pages(), before);
    assert_memory_equal(&result, &first, sizeof result);
    qc_scorer_destroy(scorer);
    qc_model_close(model);
}

static int setup(void **state)
{
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 7919 >> 6);
    return temporary_file_make(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_model_and_kernel_set),
        cmocka_unit_test(test_a_call_is_heard),
        cmocka_unit_test(test_many_scores_leave_nothing_behind),
    };
    return cmocka_run_group_tests_name("quiet", tests, setup, temporary_file_remove);
}
