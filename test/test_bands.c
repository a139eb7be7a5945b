/*
 * test_bands.c - a ResNet gives the same bits in however small steps an image goes through it.
 *
 * The tower is compiled a second time with steps of the test's choice and with buffers that lie
 * apart, each with a guard behind it.  Both are run over images of many shapes, in workspaces of
 * exactly their size and in larger ones.
 */
#include "arena.h"

static void *take_apart(struct arena *arena, size_t count, size_t size);
static const size_t *test_steps;

#define STEP_PIXELS    test_steps
#define arena_take     take_apart
#define resnet_plan    stepped_resnet_plan
#define resnet_zeros   stepped_resnet_zeros
#define resnet_forward stepped_resnet_forward
#include "../lib/resnet.c" /* before cmocka.h, which makes fail() a macro */
#undef arena_take
#undef resnet_plan
#undef resnet_zeros
#undef resnet_forward

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "model_builder.h"

void resnet_plan(struct resnet_workspace *workspace, const struct resnet *resnet,
                 const kernel_set *kernels, const struct tower_limits *limits, struct arena *arena,
                 size_t *scratch);
void resnet_forward(const struct resnet *resnet, const struct resnet_workspace *workspace,
                    const struct layers *layers, const struct tower_input *input, float *features);

#define FEATURE_SIZE 16

typedef void plan_function(struct resnet_workspace *, const struct resnet *, const kernel_set *,
                           const struct tower_limits *, struct arena *, size_t *);
typedef void forward_function(const struct resnet *, const struct resnet_workspace *,
                              const struct layers *, const struct tower_input *, float *);

static struct pixel_table pixels;

/* --------------------------------------------------------------------------- buffers that lie
 * apart */

#define GUARD       64
#define BUFFERS_MAX 256

static struct {
    unsigned char *data;
    size_t size;
} buffers[BUFFERS_MAX];
static size_t buffer_count;

static void *take_apart(struct arena *arena, size_t count, size_t size)
{
    void *piece = arena_take(arena, count, size);
    if (!piece)
        return NULL; /* it only counts */
    assert_true(buffer_count < BUFFERS_MAX);
    unsigned char *data = malloc(count * size + GUARD);
    assert_non_null(data);
    memset(data, 0x7F, count * size + GUARD); /* as floats: huge */
    buffers[buffer_count].data = data;
    buffers[buffer_count++].size = count * size;
    return data;
}

static void free_buffers(void)
{
    while (buffer_count > 0) {
        unsigned char *data = buffers[--buffer_count].data;
        for (size_t i = 0; i < GUARD; i++)
            assert_int_equal(data[buffers[buffer_count].size + i], 0x7F);
        free(data);
    }
}

/* ---------------------------------------------------------------------------------------- tests */

/* Computes the feature of an image in a workspace for `limits`; the memory's old contents are junk.
 */
static void compute(const qc_model *model, const qc_image *image, struct tower_limits limits,
                    plan_function *plan, forward_function *forward, float *feature)
{
    const struct resnet *resnet = &model->resnet;
    struct resnet_workspace workspace;
    struct arena arena = {0};
    size_t scratch = 0;
    plan(&workspace, resnet, model->kernels, &limits, &arena, &scratch);
    unsigned char *block = aligned_alloc(ARENA_ALIGNMENT, arena.used + ARENA_ALIGNMENT);
    assert_non_null(block);
    memset(block, 0x7F, arena.used + ARENA_ALIGNMENT); /* as floats: huge */
    size_t planned = arena.used;
    arena = (struct arena){.base = block};
    plan(&workspace, resnet, model->kernels, &limits, &arena, &scratch);
    assert_int_equal(arena.used, planned);

    qc_scorer_options options;
    qc_scorer_options_init(&options);
    _Alignas(64) unsigned char threads_block[1024];
    struct arena threads_arena = {.base = threads_block};
    struct threads *threads = threads_plan(&threads_arena, &options);
    assert_true(threads_arena.used <= sizeof threads_block);
    assert_int_equal(threads_start(threads, &options, NULL), QC_OK);
    scratch = align(scratch);
    struct layers layers = {model->kernels, threads, aligned_alloc(ARENA_ALIGNMENT, scratch),
                            scratch, calloc(stepped_resnet_zeros(resnet), sizeof(float))};
    struct tower_input input = {.images = image, .count = 1, .pixels = &pixels};
    forward(resnet, &workspace, &layers, &input, feature);
    for (size_t i = 0; i < ARENA_ALIGNMENT; i++)
        assert_int_equal(block[planned + i], 0x7F);
    threads_stop(threads);
    free_buffers();
    free((void *)layers.zeros);
    free(layers.scratch);
    free(block);
}

static void check_sizes(const qc_model *model)
{
    static const size_t steps[][LEVELS] = {{1, 1, 1, 1, 1},
                                           {300, 70, 50, 20, 9},
                                           {90, 1, 60, 1, 7},
                                           {1, 400, 1, 30, 4},
                                           {32768, 4096, 1024, 512, 512}};
    static const uint32_t sizes[][2] = {{32, 32},  {33, 63},   {64, 32},  {32, 350}, {350, 32},
                                        {97, 131}, {160, 161}, {223, 95}, {129, 255}};
    static uint8_t bytes[3 * 350 * 350];
    uint32_t random = 7;
    for (size_t i = 0; i < sizeof bytes; i++) {
        random = random * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(random >> 24);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        qc_image image = {.format = QC_PIXEL_RGB,
                          .width = sizes[i][0],
                          .height = sizes[i][1],
                          .planes = {bytes},
                          .strides = {3 * (ptrdiff_t)sizes[i][0]}};
        struct tower_limits exact = {sizes[i][0], sizes[i][1], 1};
        struct tower_limits turned = {sizes[i][1], sizes[i][0], 1}, large = {352, 352, 1};
        float whole[FEATURE_SIZE], bands[FEATURE_SIZE];
        compute(model, &image, exact, resnet_plan, resnet_forward, whole);
        assert_true(whole[0] != 0 && whole[0] == whole[0]);
        const struct tower_limits limits[] = {exact, turned, large};
        for (size_t j = 0; j < 3; j++) {
            for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
                test_steps = steps[k];
                compute(model, &image, limits[j], stepped_resnet_plan, stepped_resnet_forward,
                        bands);
                assert_memory_equal(bands, whole, sizeof whole);
            }
            compute(model, &image, limits[j], resnet_plan, resnet_forward, bands);
            assert_memory_equal(bands, whole, sizeof whole);
        }
    }
}

static void bits_do_not_depend_on_steps(void **state)
{
    (void)state;
    char path[] = "/tmp/qualiclip-bands-XXXXXX";
    close(mkstemp(path));
    static const uint32_t blocks[][4] = {{1, 1, 1, 1}, {2, 1, 3, 1}, {1, 4, 2, 3}};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        struct tiny_resnet_options options = tiny_resnet_options();
        memcpy(options.blocks, blocks[i], sizeof options.blocks);
        options.feature_size = FEATURE_SIZE;
        write_tiny_resnet(path, &options);
        qc_model *model;
        assert_int_equal(qc_model_open(&model, path, NULL), QC_OK);
        assert_false(model->kernels->fixed_shape);
        pixel_table_fill(&pixels, model->image_mean, model->image_std);
        check_sizes(model);
        qc_model_close(model);
    }
    unlink(path);
}

/* What bands are for: beside the last stage, which is kept whole, less than any whole layer takes.
 */
static void memory_does_not_grow_with_area(void **state)
{
    (void)state;
    char path[] = "/tmp/qualiclip-bands-XXXXXX";
    close(mkstemp(path));
    struct tiny_resnet_options options = tiny_resnet_options();
    write_tiny_resnet(path, &options);
    qc_model *model;
    assert_int_equal(qc_model_open(&model, path, NULL), QC_OK);
    const struct resnet *resnet = &model->resnet;
    struct resnet_workspace workspace;
    struct tower_limits limits = {8192, 8192, 1};
    struct arena arena = {0};
    size_t scratch = 0;
    resnet_plan(&workspace, resnet, model->kernels, &limits, &arena, &scratch);
    size_t tokens = 1 + 256 * 256;
    size_t last_stage =
        (tokens * resnet->channels + attention_pool_floats(resnet, tokens)) * sizeof(float);
    size_t whole_layer = (size_t)4096 * 4096 * resnet->width * sizeof(float);
    assert_true(arena.used > last_stage);
    assert_true(arena.used - last_stage < whole_layer / 10);
    qc_model_close(model);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_do_not_depend_on_steps),
        cmocka_unit_test(memory_does_not_grow_with_area),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
