/*
 * seeds_checkpoints.c - state dicts as small pickles: tensors repeat the few numbers of one storage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "archive.h"
#include "convert_file.h"
#include "fuzz.h"
#include "seeds.h"
#include "storages.h"
#include "stored_zip.h"

#include <cmocka.h>

enum { WIDTH = 64, FEATURE = 4, TOKENS = 520 };

/* ------------------------------------------------------------------------------------ pickles */

/* The storage that all tensors of a pickle share. */
struct storage {
    const char *key;
    uint32_t elements;
};

/* Zeros inside a literal are meant; the one behind it is not. */
#define ADD(seed, literal) seed_add(seed, literal, sizeof literal - 1)

static void add_little(struct seed *seed, uint32_t number)
{
    for (int i = 0; i < 4; i++, number >>= 8)
        seed_add(seed, &(uint8_t){(uint8_t)number}, 1);
}

static void add_string(struct seed *seed, const char *text)
{
    seed_text(seed, "X");
    add_little(seed, (uint32_t)strlen(text));
    seed_text(seed, text);
}

static void add_integer(struct seed *seed, uint32_t number)
{
    seed_text(seed, "J");
    add_little(seed, number);
}

/* Remembers: 0 the function that makes tensors, 1 the storage, 2 an empty dict of hooks. */
static void begin_pickle(struct seed *seed, const struct storage *storage)
{
    seed_text(seed, "\x80\x02"
                    "ctorch._utils\n_rebuild_tensor_v2\n");
    ADD(seed, "q\0000(");
    add_string(seed, "storage");
    seed_text(seed, "ctorch\nFloatStorage\n");
    add_string(seed, storage->key);
    add_string(seed, "cpu");
    add_integer(seed, storage->elements);
    seed_text(seed, "tQq\1"
                    "0ccollections\nOrderedDict\n)Rq\2"
                    "0}(");
}

/* Without strides where the storage is too small. */
static void add_tensor(struct seed *seed, const struct storage *storage, const char *name,
                       unsigned dimensions, const uint32_t *shape)
{
    uint32_t count = 1, stride[4];
    for (unsigned i = dimensions; i-- > 0;) {
        stride[i] = count;
        count *= shape[i];
    }
    add_string(seed, name);
    ADD(seed, "h\0(h\1K\0(");
    for (unsigned i = 0; i < dimensions; i++)
        add_integer(seed, shape[i]);
    seed_text(seed, "t(");
    for (unsigned i = 0; i < dimensions; i++)
        add_integer(seed, count <= storage->elements ? stride[i] : 0);
    seed_text(seed, "t\x89h\2tR");
}

#define TENSOR(...) (sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)), (uint32_t[]){__VA_ARGS__}

/* ------------------------------------------------------------------------------------- towers */

static void add_pair(struct seed *seed, const struct storage *storage, const char *stem,
                     uint32_t outputs, uint32_t inputs)
{
    char name[128];
    snprintf(name, sizeof name, "%.100s.weight", stem);
    if (inputs)
        add_tensor(seed, storage, name, TENSOR(outputs, inputs));
    else
        add_tensor(seed, storage, name, TENSOR(outputs));
    snprintf(name, sizeof name, "%.100s.bias", stem);
    add_tensor(seed, storage, name, TENSOR(outputs));
}

static void add_block(struct seed *seed, const struct storage *storage, const char *stem)
{
    char name[128];
    snprintf(name, sizeof name, "%.40s.resblocks.0.attn.in_proj_weight", stem);
    add_tensor(seed, storage, name, TENSOR(3 * WIDTH, WIDTH));
    snprintf(name, sizeof name, "%.40s.resblocks.0.attn.in_proj_bias", stem);
    add_tensor(seed, storage, name, TENSOR(3 * WIDTH));
    snprintf(name, sizeof name, "%.40s.resblocks.0.attn.out_proj", stem);
    add_pair(seed, storage, name, WIDTH, WIDTH);
    for (int i = 1; i <= 2; i++) {
        snprintf(name, sizeof name, "%.40s.resblocks.0.ln_%d", stem, i);
        add_pair(seed, storage, name, WIDTH, 0);
    }
    snprintf(name, sizeof name, "%.40s.resblocks.0.mlp.c_fc", stem);
    add_pair(seed, storage, name, 2, WIDTH);
    snprintf(name, sizeof name, "%.40s.resblocks.0.mlp.c_proj", stem);
    add_pair(seed, storage, name, WIDTH, 2);
}

static void add_vit(struct seed *seed, const struct storage *storage)
{
    add_tensor(seed, storage, "visual.conv1.weight", TENSOR(WIDTH, 3, 1, 1));
    add_tensor(seed, storage, "visual.class_embedding", TENSOR(WIDTH));
    add_tensor(seed, storage, "visual.positional_embedding", TENSOR(2, WIDTH));
    add_pair(seed, storage, "visual.ln_pre", WIDTH, 0);
    add_block(seed, storage, "visual.transformer");
    add_pair(seed, storage, "visual.ln_post", WIDTH, 0);
    add_tensor(seed, storage, "visual.proj", TENSOR(WIDTH, FEATURE));
    add_tensor(seed, storage, "prompts_features", TENSOR(2, FEATURE));
    add_tensor(seed, storage, "logit_scale", 0, NULL);
}

static void add_text(struct seed *seed, const struct storage *storage)
{
    add_tensor(seed, storage, "token_embedding.weight", TENSOR(TOKENS, WIDTH));
    add_tensor(seed, storage, "positional_embedding", TENSOR(4, WIDTH));
    add_block(seed, storage, "transformer");
    add_pair(seed, storage, "ln_final", WIDTH, 0);
    add_tensor(seed, storage, "text_projection", TENSOR(WIDTH, FEATURE));
}

static void add_convolution(struct seed *seed, const struct storage *storage, const char *convolution,
                            const char *norm, const uint32_t shape[3])
{
    char name[128];
    snprintf(name, sizeof name, "visual.%.80s.weight", convolution);
    add_tensor(seed, storage, name, TENSOR(shape[0], shape[1], shape[2], shape[2]));
    snprintf(name, sizeof name, "visual.%.80s", norm);
    add_pair(seed, storage, name, shape[0], 0);
    snprintf(name, sizeof name, "visual.%.80s.running_mean", norm);
    add_tensor(seed, storage, name, TENSOR(shape[0]));
    snprintf(name, sizeof name, "visual.%.80s.running_var", norm);
    add_tensor(seed, storage, name, TENSOR(shape[0]));
}

static void add_resnet(struct seed *seed, const struct storage *storage)
{
    static const char *const pool[] = {"q_proj", "k_proj", "v_proj"};
    char convolution[64], norm[64];
    const uint32_t stem[][3] = {{1, 3, 3}, {1, 1, 3}, {2, 1, 3}};
    for (int i = 0; i < 3; i++) {
        snprintf(convolution, sizeof convolution, "conv%d", i + 1);
        snprintf(norm, sizeof norm, "bn%d", i + 1);
        add_convolution(seed, storage, convolution, norm, stem[i]);
    }
    for (uint32_t stage = 1, planes = 2, inputs = 2; stage <= 4; stage++, planes *= 2) {
        const uint32_t shapes[][3] = {
            {planes, inputs, 1}, {planes, planes, 3}, {4 * planes, planes, 1}, {4 * planes, inputs, 1}};
        for (int i = 0; i < 4; i++) {
            snprintf(convolution, sizeof convolution,
                     i < 3 ? "layer%u.0.conv%d" : "layer%u.0.downsample.0", (unsigned)stage, i + 1);
            snprintf(norm, sizeof norm, i < 3 ? "layer%u.0.bn%d" : "layer%u.0.downsample.1",
                     (unsigned)stage, i + 1);
            add_convolution(seed, storage, convolution, norm, shapes[i]);
        }
        inputs = 4 * planes;
    }
    for (int i = 0; i < 3; i++) {
        snprintf(convolution, sizeof convolution, "visual.attnpool.%s", pool[i]);
        add_pair(seed, storage, convolution, WIDTH, WIDTH);
    }
    add_pair(seed, storage, "visual.attnpool.c_proj", FEATURE, WIDTH);
    add_tensor(seed, storage, "visual.attnpool.positional_embedding", TENSOR(2, WIDTH));
}

/* -------------------------------------------------------------------------------------- files */

enum parts { VIT = 1, TEXT = 2, RESNET = 4, NESTED = 8 };

static struct seed pickle_of(unsigned parts, const struct storage *storage)
{
    struct seed seed = {0};
    begin_pickle(&seed, storage);
    if (parts & NESTED) {
        add_string(&seed, "state_dict");
        seed_text(&seed, "}(");
    }
    if (parts & VIT)
        add_vit(&seed, storage);
    if (parts & TEXT)
        add_text(&seed, storage);
    if (parts & RESNET)
        add_resnet(&seed, storage);
    seed_text(&seed, parts & NESTED ? "uu." : "u.");
    return seed;
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

static void make_pickle(unsigned parts, const char *name)
{
    const struct storage storage = {"5", 1024};
    struct seed seed = pickle_of(parts, &storage);
    size_t size;
    char path[256];
    uint8_t *archive = archive_of_pickle(seed.bytes, seed.size, &size);
    require_conversion(scratch_file(name, archive, size, path));
    free(archive);
    seed_write(&seed, "pickle", name);
}

static void make_archive(unsigned parts, const char *name, const char *byte_order)
{
    static const uint8_t numbers[64 * 4] = {0, 0, 0x80, 0x3F, 0, 0, 0, 0x3F};
    const struct storage storage = {"0", 64};
    struct seed pickle = pickle_of(parts, &storage), seed = {0};
    const struct stored_entry entries[] = {{"a/data.pkl", pickle.bytes, pickle.size},
                                           {"a/data/0", numbers, sizeof numbers},
                                           {"a/version", "3\n", 2},
                                           {"a/byteorder", byte_order, strlen(byte_order)}};
    size_t size;
    char path[256];
    uint8_t *archive = stored_zip(entries, 4, &size);
    require_conversion(scratch_file(name, archive, size, path));
    seed_add(&seed, archive, size);
    free(archive);
    free(pickle.bytes);
    seed_write(&seed, "archive", name);
}

static void make_deflated_archive(void)
{
    static const uint8_t zeros[256];
    const struct storage storage = {"0", 64};
    struct seed pickle = pickle_of(VIT, &storage);
    char path[256];
    scratch_path("deflated", path);
    archive_add(path, "a/data.pkl", pickle.bytes, pickle.size, 1);
    archive_add(path, "a/data/0", zeros, sizeof zeros, 1);
    require_conversion(path);
    free(pickle.bytes);
    seed_copy("archive", path);
}

/* What PyTorch wrote, without the numbers. */
static int write_golden_pickle(void *context, const char *name, unsigned char **bytes, size_t *size)
{
    const size_t length = strlen(name), ending = strlen("/data.pkl");
    if (length > ending && strcmp(name + length - ending, "/data.pkl") == 0) {
        struct seed seed = {0};
        seed_add(&seed, *bytes, *size);
        seed_write(&seed, "pickle", context);
    }
    return 0;
}

/* One that holds itself; the newer instructions of protocol 4. */
static void make_odd_pickles(void)
{
    struct seed seed = {0};
    ADD(&seed, "\x80\2}q\0(");
    add_string(&seed, "self");
    ADD(&seed, "h\0u.");
    seed_write(&seed, "pickle", "cyclic");
    ADD(&seed, "\x80\4\x95\x30\0\0\0\0\0\0\0");
    ADD(&seed, "\x8c\x0b" "collections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94(");
    ADD(&seed, "\x8c\1aK\1\x8c\1bM\1\2\x8c\1cG?\xf0\0\0\0\0\0\0\x8c\1d\x8a\2\1\2\x8c\1e");
    ADD(&seed, "\x88\x85\x8c\1fC\1z]\x94" "K\1au}\x8c\1gNsb.");
    seed_write(&seed, "pickle", "protocol-4");
}

void make_checkpoint_seeds(void)
{
    static const char *const small[] = {"calls_eval", "calls_system", "expanded", "legacy"};
    static const char *const golden[] = {"calls_eval", "expanded", "tiny",
                                         "vit",        "vit_half", "vit_views"};
    char path[256], target[256], name[64];
    make_pickle(VIT, "vit");
    make_pickle(VIT | TEXT, "vit-text");
    make_pickle(VIT | NESTED, "nested");
    make_pickle(RESNET, "resnet");
    make_archive(VIT, "little", "little");
    make_archive(VIT | NESTED, "big", "big");
    make_archive(RESNET, "resnet", "little");
    make_deflated_archive();
    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {
        snprintf(path, sizeof path, "test/golden/checkpoints/%s.pth", small[i]);
        seed_copy("archive", path);
    }
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        snprintf(path, sizeof path, "test/golden/checkpoints/%s.pth", golden[i]);
        snprintf(name, sizeof name, "pytorch-%s", golden[i]);
        archive_copy(path, scratch_path("emptied", target), write_golden_pickle, name);
    }
    make_odd_pickles();
}
