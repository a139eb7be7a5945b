/*
 * seeds_checkpoints.c - CLIP's towers as pickles and archives, plain ones and TorchScript's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "archive.h"
#include "convert_file.h"
#include "fuzz.h"
#include "seeds_state_dict.h"
#include "seeds.h"
#include "storages.h"
#include "stored_zip.h"

#include <cmocka.h>

enum { WIDTH = 64, FEATURE = 4, TOKENS = 520 };

#define TENSOR(...)                                                                                \
    (sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)), (uint32_t[])                           \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* ------------------------------------------------------------------------------------- towers */

static void add_pair(struct state_dict *dict, const char *stem, uint32_t outputs, uint32_t inputs)
{
    char name[128];
    snprintf(name, sizeof name, "%.100s.weight", stem);
    if (inputs)
        state_dict_tensor(dict, name, TENSOR(outputs, inputs));
    else
        state_dict_tensor(dict, name, TENSOR(outputs));
    snprintf(name, sizeof name, "%.100s.bias", stem);
    state_dict_tensor(dict, name, TENSOR(outputs));
}

static void add_block(struct state_dict *dict, const char *stem)
{
    char name[128];
    snprintf(name, sizeof name, "%.40s.resblocks.0.attn.in_proj_weight", stem);
    state_dict_tensor(dict, name, TENSOR(3 * WIDTH, WIDTH));
    snprintf(name, sizeof name, "%.40s.resblocks.0.attn.in_proj_bias", stem);
    state_dict_tensor(dict, name, TENSOR(3 * WIDTH));
    snprintf(name, sizeof name, "%.40s.resblocks.0.attn.out_proj", stem);
    add_pair(dict, name, WIDTH, WIDTH);
    for (int i = 1; i <= 2; i++) {
        snprintf(name, sizeof name, "%.40s.resblocks.0.ln_%d", stem, i);
        add_pair(dict, name, WIDTH, 0);
    }
    snprintf(name, sizeof name, "%.40s.resblocks.0.mlp.c_fc", stem);
    add_pair(dict, name, 2, WIDTH);
    snprintf(name, sizeof name, "%.40s.resblocks.0.mlp.c_proj", stem);
    add_pair(dict, name, WIDTH, 2);
}

static void add_vit(struct state_dict *dict)
{
    state_dict_tensor(dict, "visual.conv1.weight", TENSOR(WIDTH, 3, 1, 1));
    state_dict_tensor(dict, "visual.class_embedding", TENSOR(WIDTH));
    state_dict_tensor(dict, "visual.positional_embedding", TENSOR(2, WIDTH));
    add_pair(dict, "visual.ln_pre", WIDTH, 0);
    add_block(dict, "visual.transformer");
    add_pair(dict, "visual.ln_post", WIDTH, 0);
    state_dict_tensor(dict, "visual.proj", TENSOR(WIDTH, FEATURE));
    state_dict_tensor(dict, "prompts_features", TENSOR(2, FEATURE));
    state_dict_tensor(dict, "logit_scale", 0, NULL);
    state_dict_tensor(dict, "prompt_learner.ctx", TENSOR(2, WIDTH));
}

static void add_text(struct state_dict *dict)
{
    state_dict_tensor(dict, "token_embedding.weight", TENSOR(TOKENS, WIDTH));
    state_dict_tensor(dict, "positional_embedding", TENSOR(4, WIDTH));
    add_block(dict, "transformer");
    add_pair(dict, "ln_final", WIDTH, 0);
    state_dict_tensor(dict, "text_projection", TENSOR(WIDTH, FEATURE));
}

static void add_convolution(struct state_dict *dict, const char *convolution, const char *norm,
                            const uint32_t shape[3])
{
    char name[128];
    snprintf(name, sizeof name, "visual.%.80s.weight", convolution);
    state_dict_tensor(dict, name, TENSOR(shape[0], shape[1], shape[2], shape[2]));
    snprintf(name, sizeof name, "visual.%.80s", norm);
    add_pair(dict, name, shape[0], 0);
    snprintf(name, sizeof name, "visual.%.80s.running_mean", norm);
    state_dict_tensor(dict, name, TENSOR(shape[0]));
    snprintf(name, sizeof name, "visual.%.80s.running_var", norm);
    state_dict_tensor(dict, name, TENSOR(shape[0]));
}

static void add_resnet(struct state_dict *dict)
{
    static const char *const pool[] = {"q_proj", "k_proj", "v_proj"};
    char convolution[64], norm[64];
    const uint32_t stem[][3] = {{1, 3, 3}, {1, 1, 3}, {2, 1, 3}};
    for (int i = 0; i < 3; i++) {
        snprintf(convolution, sizeof convolution, "conv%d", i + 1);
        snprintf(norm, sizeof norm, "bn%d", i + 1);
        add_convolution(dict, convolution, norm, stem[i]);
    }
    for (uint32_t stage = 1, planes = 2, inputs = 2; stage <= 4; stage++, planes *= 2) {
        const uint32_t shapes[][3] = {{planes, inputs, 1},
                                      {planes, planes, 3},
                                      {4 * planes, planes, 1},
                                      {4 * planes, inputs, 1}};
        for (int i = 0; i < 4; i++) {
            snprintf(convolution, sizeof convolution,
                     i < 3 ? "layer%u.0.conv%d" : "layer%u.0.downsample.0", (unsigned)stage, i + 1);
            snprintf(norm, sizeof norm, i < 3 ? "layer%u.0.bn%d" : "layer%u.0.downsample.1",
                     (unsigned)stage, i + 1);
            add_convolution(dict, convolution, norm, shapes[i]);
        }
        inputs = 4 * planes;
    }
    for (int i = 0; i < 3; i++) {
        snprintf(convolution, sizeof convolution, "visual.attnpool.%s", pool[i]);
        add_pair(dict, convolution, WIDTH, WIDTH);
    }
    add_pair(dict, "visual.attnpool.c_proj", FEATURE, WIDTH);
    state_dict_tensor(dict, "visual.attnpool.positional_embedding", TENSOR(2, WIDTH));
}

/* -------------------------------------------------------------------------------------- files */

enum parts { VIT = 1, TEXT = 2, RESNET = 4 };

static void write_dict(struct state_dict *dict, unsigned parts)
{
    state_dict_begin(dict);
    if (parts & VIT)
        add_vit(dict);
    if (parts & TEXT)
        add_text(dict);
    if (parts & RESNET)
        add_resnet(dict);
    state_dict_end(dict);
}

/* What is to be converted must be, or all that is made of it is refused for the same reason. */
static void require_conversion(const char *path)
{
    char message[QC_MESSAGE_SIZE];
    if (!convert_file(path, 0, message)) {
        fprintf(stderr, "%s\n", message);
        exit(1);
    }
}

static void make_pickle(struct state_dict dict, unsigned parts, const char *name)
{
    size_t size;
    char path[256];
    dict.storage = "5";
    dict.elements = 1024;
    write_dict(&dict, parts);
    uint8_t *archive = archive_of_pickle(dict.seed.bytes, dict.seed.size, &size);
    require_conversion(scratch_file(name, archive, size, path));
    free(archive);
    seed_write(&dict.seed, dict.modules ? "torchscript" : "pickle", name);
}

static void make_archive(struct state_dict dict, unsigned parts, const char *name,
                         const char *byte_order)
{
    static const uint8_t numbers[64 * 4] = {0, 0, 0x80, 0x3F, 0, 0, 0, 0x3F};
    struct seed seed = {0};
    dict.storage = "0";
    dict.elements = 64;
    write_dict(&dict, parts);
    const struct stored_entry entries[] = {{"a/data.pkl", dict.seed.bytes, dict.seed.size},
                                           {"a/data/0", numbers, sizeof numbers},
                                           {"a/version", "3\n", 2},
                                           {"a/byteorder", byte_order, strlen(byte_order)}};
    size_t size;
    char path[256];
    uint8_t *archive = stored_zip(entries, 4, &size);
    require_conversion(scratch_file(name, archive, size, path));
    seed_add(&seed, archive, size);
    free(archive);
    free(dict.seed.bytes);
    seed_write(&seed, "archive", name);
}

static void make_deflated_archive(void)
{
    static const uint8_t zeros[256];
    struct state_dict dict = {.storage = "0", .elements = 64};
    char path[256];
    write_dict(&dict, VIT);
    scratch_path("deflated", path);
    archive_add(path, "a/data.pkl", dict.seed.bytes, dict.seed.size, 1);
    archive_add(path, "a/data/0", zeros, sizeof zeros, 1);
    require_conversion(path);
    free(dict.seed.bytes);
    seed_copy("archive", path);
}

struct golden_pickle {
    const char *target;
    char name[64];
};

/* What PyTorch wrote, without the numbers. */
static int write_golden_pickle(void *context, const char *name, unsigned char **bytes, size_t *size)
{
    const size_t length = strlen(name), ending = strlen("/data.pkl");
    if (length > ending && strcmp(name + length - ending, "/data.pkl") == 0) {
        const struct golden_pickle *golden = context;
        struct seed seed = {0};
        seed_add(&seed, *bytes, *size);
        seed_write(&seed, golden->target, golden->name);
    }
    return 0;
}

/* One that holds itself; the newer instructions of protocol 4. */
static void make_odd_pickles(void)
{
    struct seed seed = {0};
    seed_literal(&seed, "\x80\2}q\0(");
    seed_string(&seed, "self");
    seed_literal(&seed, "h\0u.");
    seed_write(&seed, "pickle", "cyclic");
    seed_literal(&seed, "\x80\4\x95\x30\0\0\0\0\0\0\0");
    seed_literal(&seed, "\x8c\x0b"
                        "collections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94(");
    seed_literal(&seed, "\x8c\1aK\1\x8c\1bM\1\2\x8c\1cG?\xf0\0\0\0\0\0\0\x8c\1d\x8a\2\1\2\x8c\1e");
    seed_literal(&seed, "\x88\x85\x8c\1fC\1z]\x94"
                        "K\1au}\x8c\1gNsb.");
    seed_write(&seed, "pickle", "protocol-4");
}

/* A module that holds itself, and lists of every type. */
static void make_odd_modules(void)
{
    struct seed seed = {0};
    seed_literal(&seed, "\x80\2c__torch__\nM\n)\x81q\0}(X\1\0\0\0ah\0ub.");
    seed_write(&seed, "torchscript", "cyclic");
    seed_literal(&seed, "\x80\2c__torch__.a.b\nM\n)\x81}(X\1\0\0\0a"
                        "ctorch.jit._pickle\nbuild_intlist\n](K\1K\2e\x85R"
                        "X\1\0\0\0bctorch.jit._pickle\nrestore_type_tag\n}X\1\0\0\0t\x86R"
                        "X\1\0\0\0cc__torch__\nN\n)\x81X\1\0\0\0d\x88X\1\0\0\0eNub.");
    seed_write(&seed, "torchscript", "lists");
}

static void copy_golden_pickle(const char *target, const char *file)
{
    char path[256], emptied[256];
    struct golden_pickle golden = {.target = target};
    snprintf(golden.name, sizeof golden.name, "pytorch-%.40s", file);
    snprintf(path, sizeof path, "test/golden/checkpoints/%.80s", file);
    archive_copy(path, scratch_path("emptied", emptied), write_golden_pickle, &golden);
}

void make_checkpoint_seeds(void)
{
    static const char *const whole[] = {"calls_eval.pth", "calls_system.pth", "expanded.pth",
                                        "legacy.pth"};
    static const char *const pickles[] = {"calls_eval.pth", "expanded.pth", "tiny.pth",
                                          "vit.pth",        "vit_half.pth", "vit_views.pth"};
    const struct state_dict plain = {0}, modules = {.modules = true},
                            nested = {.wrapper = "state_dict"};
    char path[256];
    make_pickle(plain, VIT, "vit");
    make_pickle(plain, VIT | TEXT, "vit-text");
    make_pickle(plain, RESNET, "resnet");
    make_pickle(nested, VIT, "nested");
    make_pickle(modules, VIT | TEXT, "vit-text");
    make_pickle(modules, RESNET, "resnet");
    make_archive(plain, VIT, "little", "little");
    make_archive(plain, RESNET, "resnet", "little");
    make_archive(nested, VIT, "big", "big");
    make_archive(modules, VIT, "modules", "little");
    make_deflated_archive();
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        snprintf(path, sizeof path, "test/golden/checkpoints/%s", whole[i]);
        seed_copy("archive", path);
    }
    for (size_t i = 0; i < sizeof pickles / sizeof pickles[0]; i++)
        copy_golden_pickle("pickle", pickles[i]);
    copy_golden_pickle("torchscript", "traced_vit.pt");
    copy_golden_pickle("torchscript", "scripted_resnet.pt");
    make_odd_pickles();
    make_odd_modules();
}
