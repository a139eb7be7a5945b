/*
 * test_plan.c - which checkpoints are taken for a tower: names and shapes alone, no file.  Each
 * tensor in turn is taken away, given other dimensions or another type.
 */
#include "text_tower.h"
#include "towers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "problem.h"

enum { ROOM = 400 };

/* A checkpoint without a file behind it. */
struct fixture {
    char names[ROOM][96];
    struct tensor tensors[ROOM];
    struct value values[ROOM];
    struct checkpoint_entry entries[ROOM];
    struct checkpoint checkpoint;
    char message[QC_MESSAGE_SIZE];
};

static struct fixture fixture;

/* `dimensions` numbers follow. */
static void put(const char *name, unsigned dimensions, ...)
{
    size_t i = fixture.checkpoint.count++;
    struct tensor *tensor = &fixture.tensors[i];
    assert_true(i < ROOM);
    snprintf(fixture.names[i], sizeof fixture.names[i], "%s", name);
    *tensor = (struct tensor){.type = ELEMENT_F32, .dimensions = dimensions, .count = 1};
    va_list shape;
    va_start(shape, dimensions);
    for (unsigned d = 0; d < dimensions; d++) {
        tensor->shape[d] = (uint64_t)va_arg(shape, int);
        tensor->count *= tensor->shape[d];
    }
    va_end(shape);
    fixture.values[i] = (struct value){.kind = VALUE_TENSOR, .tensor = tensor};
    fixture.entries[i] = (struct checkpoint_entry){
        .name = fixture.names[i], .value = &fixture.values[i], .key = fixture.names[i]};
}

static int compare(const void *left, const void *right)
{
    return strcmp(((const struct checkpoint_entry *)left)->name,
                  ((const struct checkpoint_entry *)right)->name);
}

static void start(void)
{
    memset(&fixture, 0, sizeof fixture);
    fixture.checkpoint.origin = "test";
    fixture.checkpoint.entries = fixture.entries;
}

static void finish(void)
{
    qsort(fixture.entries, fixture.checkpoint.count, sizeof fixture.entries[0], compare);
}

static void put_linear(const char *name, int outputs, int inputs)
{
    char full[128];
    snprintf(full, sizeof full, "%s.weight", name);
    put(full, 2, outputs, inputs);
    snprintf(full, sizeof full, "%s.bias", name);
    put(full, 1, outputs);
}

static void put_vectors(const char *name, const char *const *suffixes, int size)
{
    for (; *suffixes; suffixes++) {
        char full[128];
        snprintf(full, sizeof full, "%s.%s", name, *suffixes);
        put(full, 1, size);
    }
}

static const char *const norm_parts[] = {"weight", "bias", NULL};
static const char *const batch_norm_parts[] = {"weight", "bias", "running_mean", "running_var",
                                               NULL};

static void put_openai_block(const char *blocks, int index, int width, int mlp_width)
{
    char block[64], name[96];
    snprintf(block, sizeof block, "%.48s.%d", blocks, index);
    snprintf(name, sizeof name, "%s.attn.in_proj_weight", block);
    put(name, 2, 3 * width, width);
    snprintf(name, sizeof name, "%s.attn.in_proj_bias", block);
    put(name, 1, 3 * width);
    snprintf(name, sizeof name, "%s.attn.out_proj", block);
    put_linear(name, width, width);
    snprintf(name, sizeof name, "%s.mlp.c_fc", block);
    put_linear(name, mlp_width, width);
    snprintf(name, sizeof name, "%s.mlp.c_proj", block);
    put_linear(name, width, mlp_width);
    snprintf(name, sizeof name, "%s.ln_1", block);
    put_vectors(name, norm_parts, width);
    snprintf(name, sizeof name, "%s.ln_2", block);
    put_vectors(name, norm_parts, width);
}

/* Width 128, MLP 96, patch 8, grid 3, feature 32. */
static void make_vit(int layers)
{
    start();
    put("visual.conv1.weight", 4, 128, 3, 8, 8);
    put("visual.class_embedding", 1, 128);
    put("visual.positional_embedding", 2, 10, 128);
    put_vectors("visual.ln_pre", norm_parts, 128);
    put_vectors("visual.ln_post", norm_parts, 128);
    put("visual.proj", 2, 128, 32);
    for (int i = 0; i < layers; i++)
        put_openai_block("visual.transformer.resblocks", i, 128, 96);
    finish();
}

/* With a text tower: width 64, MLP 80, 100 tokens, 7 positions; `prefix` is of its names. */
static void make_pair(const char *prefix)
{
    char name[96];
    make_vit(2);
    snprintf(name, sizeof name, "%stoken_embedding.weight", prefix);
    put(name, 2, 100, 64);
    snprintf(name, sizeof name, "%spositional_embedding", prefix);
    put(name, 2, 7, 64);
    snprintf(name, sizeof name, "%sln_final", prefix);
    put_vectors(name, norm_parts, 64);
    snprintf(name, sizeof name, "%stext_projection", prefix);
    put(name, 2, 64, 32);
    snprintf(name, sizeof name, "%stransformer.resblocks", prefix);
    for (int i = 0; i < 2; i++)
        put_openai_block(name, i, 64, 80);
    finish();
}

static void make_openai_pair(void)
{
    make_pair("");
}

static void make_open_clip_pair(void)
{
    make_pair("text.");
}

static void put_transformers_blocks(const char *tower, int layers, int width, int mlp_width)
{
    static const char *const projections[] = {"q_proj", "k_proj", "v_proj", "out_proj"};
    for (int i = 0; i < layers; i++) {
        char block[64], name[96];
        snprintf(block, sizeof block, "%s.encoder.layers.%d", tower, i);
        for (int j = 0; j < 4; j++) {
            snprintf(name, sizeof name, "%s.self_attn.%s", block, projections[j]);
            put_linear(name, width, width);
        }
        snprintf(name, sizeof name, "%s.mlp.fc1", block);
        put_linear(name, mlp_width, width);
        snprintf(name, sizeof name, "%s.mlp.fc2", block);
        put_linear(name, width, mlp_width);
        snprintf(name, sizeof name, "%s.layer_norm1", block);
        put_vectors(name, norm_parts, width);
        snprintf(name, sizeof name, "%s.layer_norm2", block);
        put_vectors(name, norm_parts, width);
    }
}

/* The same sizes under transformers' names. */
static void make_transformers_pair(void)
{
    start();
    put("vision_model.embeddings.patch_embedding.weight", 4, 128, 3, 8, 8);
    put("vision_model.embeddings.class_embedding", 1, 128);
    put("vision_model.embeddings.position_embedding.weight", 2, 10, 128);
    put_vectors("vision_model.pre_layrnorm", norm_parts, 128);
    put_vectors("vision_model.post_layernorm", norm_parts, 128);
    put("visual_projection.weight", 2, 32, 128);
    put_transformers_blocks("vision_model", 2, 128, 96);
    put("text_model.embeddings.token_embedding.weight", 2, 100, 64);
    put("text_model.embeddings.position_embedding.weight", 2, 7, 64);
    put_vectors("text_model.final_layer_norm", norm_parts, 64);
    put("text_projection.weight", 2, 32, 64);
    put_transformers_blocks("text_model", 2, 64, 80);
    finish();
}

static void put_convolution(const char *stem, const char *conv, const char *norm, int outputs,
                            int inputs, int kernel)
{
    char name[96];
    snprintf(name, sizeof name, "%s%s.weight", stem, conv);
    put(name, 4, outputs, inputs, kernel, kernel);
    snprintf(name, sizeof name, "%s%s", stem, norm);
    put_vectors(name, batch_norm_parts, outputs);
}

/* Width 8, blocks 1 2 1 1, grid 2, feature 24. */
static void make_resnet(void)
{
    static const int blocks[] = {1, 2, 1, 1};
    start();
    put_convolution("visual.", "conv1", "bn1", 4, 3, 3);
    put_convolution("visual.", "conv2", "bn2", 4, 4, 3);
    put_convolution("visual.", "conv3", "bn3", 8, 4, 3);
    int inputs = 8;
    for (int stage = 0; stage < 4; stage++)
        for (int block = 0; block < blocks[stage]; block++) {
            char stem[64];
            int planes = 8 << stage;
            snprintf(stem, sizeof stem, "visual.layer%d.%d.", stage + 1, block);
            put_convolution(stem, "conv1", "bn1", planes, inputs, 1);
            put_convolution(stem, "conv2", "bn2", planes, planes, 3);
            put_convolution(stem, "conv3", "bn3", 4 * planes, planes, 1);
            if (block == 0)
                put_convolution(stem, "downsample.0", "downsample.1", 4 * planes, inputs, 1);
            inputs = 4 * planes;
        }
    put("visual.attnpool.positional_embedding", 2, 5, 256);
    put_linear("visual.attnpool.q_proj", 256, 256);
    put_linear("visual.attnpool.k_proj", 256, 256);
    put_linear("visual.attnpool.v_proj", 256, 256);
    put_linear("visual.attnpool.c_proj", 24, 256);
    finish();
}

static struct text_tower_sizes text_sizes; /* of the plan that was made last */

static bool plan(struct tower *tower, size_t *count)
{
    struct plan plan = {.checkpoint = &fixture.checkpoint, .message = fixture.message};
    strcpy(fixture.message, "no message");
    bool good = plan_tower(&plan, tower);
    if (good && has_text_tower(&fixture.checkpoint, plan.naming))
        good = plan_text_tower(&plan, &text_sizes, tower->feature_size);
    assert_true(good == !plan.failed);
    if (count)
        *count = plan.count;
    plan_free(&plan);
    return good;
}

static void expect_failure(const char *what)
{
    struct tower tower;
    if (plan(&tower, NULL))
        fail_msg("accepted, expected a failure that names %s", what);
    if (!strstr(fixture.message, what))
        fail_msg("\"%s\" does not name %s", fixture.message, what);
}

static void sizes_are_read_off_the_shapes(void **state)
{
    (void)state;
    struct tower tower;
    size_t count;
    make_vit(12); /* two digits: block 10 sorts before block 2 */
    if (!plan(&tower, &count))
        fail_msg("%s", fixture.message);
    assert_false(tower.is_resnet);
    assert_int_equal(tower.width, 128);
    assert_int_equal(tower.layers, 12);
    assert_int_equal(tower.heads, 2);
    assert_int_equal(tower.patch_size, 8);
    assert_int_equal(tower.mlp_width, 96);
    assert_int_equal(tower.feature_size, 32);
    assert_int_equal(tower.grid, 3);
    assert_int_equal(count, 3 + 4 + 12 * 16 + 1);

    make_resnet();
    if (!plan(&tower, &count))
        fail_msg("%s", fixture.message);
    assert_true(tower.is_resnet);
    assert_int_equal(tower.width, 8);
    assert_int_equal(tower.heads, 4);
    assert_int_equal(tower.feature_size, 24);
    assert_int_equal(tower.grid, 2);
    assert_int_equal(tower.layers, 5);
    assert_memory_equal(tower.blocks, ((uint32_t[]){1, 2, 1, 1}), sizeof tower.blocks);
    assert_int_equal(count, 2 * (3 + 5 * 3 + 4) + 1 + 8);
}

static void both_towers_are_the_same_under_all_names(void **state)
{
    (void)state;
    void (*const makers[])(void) = {make_openai_pair, make_open_clip_pair, make_transformers_pair};
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        struct tower tower;
        size_t count;
        makers[i]();
        if (!plan(&tower, &count))
            fail_msg("%s", fixture.message);
        assert_int_equal(tower.width, 128);
        assert_int_equal(tower.layers, 2);
        assert_int_equal(tower.mlp_width, 96);
        assert_int_equal(tower.grid, 3);
        assert_int_equal(text_sizes.width, 64);
        assert_int_equal(text_sizes.heads, 1);
        assert_int_equal(text_sizes.layers, 2);
        assert_int_equal(text_sizes.mlp_width, 80);
        assert_int_equal(text_sizes.token_count, 100);
        assert_int_equal(text_sizes.context_length, 7);
        assert_int_equal(count, 3 + 4 + 2 * 16 + 1 + 2 + 2 * 16 + 2 + 1);
        for (size_t at = 0; at < fixture.checkpoint.count; at++)
            assert_true(fixture.entries[at].used);
    }
}

/* What may be absent, and its absence understood. */
static bool is_optional(const char *name)
{
    return strncmp(name, "vis", 3) == 0 && (strstr(name, "positional_embedding") != NULL ||
                                            strstr(name, "position_embedding") != NULL);
}

static void check_each_is_needed(void (*make)(void))
{
    make();
    size_t count = fixture.checkpoint.count;
    for (size_t i = 0; i < count; i++) {
        char name[96];
        make();
        snprintf(name, sizeof name, "%s", fixture.entries[i].name);
        memmove(&fixture.entries[i], &fixture.entries[i + 1],
                (count - i - 1) * sizeof fixture.entries[0]);
        fixture.checkpoint.count--;
        struct tower tower;
        if (!is_optional(name)) {
            expect_failure(name);
            assert_non_null(strstr(fixture.message, "is missing"));
        } else if (!plan(&tower, NULL) || tower.grid != 0) {
            fail_msg("without %s: %s", name, fixture.message);
        }
    }
}

static bool ends_in(const char *name, const char *end)
{
    const size_t length = strlen(name), size = strlen(end);
    return length >= size && strcmp(name + length - size, end) == 0;
}

/* The feature's size stands in one place of a ViT alone, and any will do; so do the numbers of
 * tokens and of their positions. */
static bool is_free(const char *name, unsigned dimension)
{
    if (dimension == 1)
        return strcmp(name, "visual.proj") == 0 &&
               !checkpoint_find(&fixture.checkpoint, "text_projection") &&
               !checkpoint_find(&fixture.checkpoint, "text.text_projection");
    return dimension == 0 && strncmp(name, "vis", 3) != 0 &&
           (ends_in(name, "token_embedding.weight") || ends_in(name, "positional_embedding") ||
            ends_in(name, "position_embedding.weight"));
}

/* Any dimension one larger: no two shapes agree by accident. */
static void check_each_shape(void (*make)(void))
{
    make();
    for (size_t i = 0; i < fixture.checkpoint.count; i++) {
        struct tensor *tensor = fixture.entries[i].value->tensor;
        for (unsigned d = 0; d < tensor->dimensions; d++) {
            if (is_free(fixture.entries[i].name, d))
                continue;
            tensor->shape[d]++;
            expect_failure("expected");
            tensor->shape[d]--;
        }
        tensor->dimensions++;
        expect_failure(fixture.entries[i].name);
        tensor->dimensions--;
        tensor->type = ELEMENT_I64;
        expect_failure(fixture.entries[i].name);
        tensor->type = ELEMENT_F32;
        tensor->count = 0;
        expect_failure(fixture.entries[i].name);
        tensor->count = 1;
    }
    struct tower tower;
    assert_true(plan(&tower, NULL)); /* nothing was left changed */
}

static void make_two_layers(void)
{
    make_vit(2);
}

static void each_tensor_is_needed(void **state)
{
    (void)state;
    check_each_is_needed(make_two_layers);
    check_each_is_needed(make_resnet);
    check_each_is_needed(make_openai_pair);
    check_each_is_needed(make_open_clip_pair);
    check_each_is_needed(make_transformers_pair);
}

static void each_shape_is_checked(void **state)
{
    (void)state;
    check_each_shape(make_two_layers);
    check_each_shape(make_resnet);
    check_each_shape(make_openai_pair);
    check_each_shape(make_open_clip_pair);
    check_each_shape(make_transformers_pair);
}

static void towers_that_cannot_be_are_refused(void **state)
{
    (void)state;
    start();
    expect_failure("no image tower");
    make_two_layers();
    put("visual.layer1.0.conv1.weight", 4, 8, 8, 1, 1);
    finish();
    expect_failure("of a ViT and of a ResNet");

    make_two_layers();
    fixture.values[0].tensor->shape[0] = 96; /* conv1 */
    expect_failure("64");
    make_two_layers();
    fixture.values[0].tensor->shape[0] = UINT64_C(1) << 40;
    expect_failure("the width");
    make_two_layers();
    put("visual.transformer.resblocks.999.ln_1.weight", 1, 128);
    finish();
    expect_failure("the number of blocks");
    make_two_layers();
    fixture.values[0].kind = VALUE_DICT;
    expect_failure("visual.conv1.weight is a dict");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read_off_the_shapes),
        cmocka_unit_test(both_towers_are_the_same_under_all_names),
        cmocka_unit_test(each_tensor_is_needed),
        cmocka_unit_test(each_shape_is_checked),
        cmocka_unit_test(towers_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
