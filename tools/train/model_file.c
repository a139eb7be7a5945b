/*
 * model_file.c - keys to a shape, tensors to parameters.  The file is mapped; what is read is
 * copied.
 */
#include "model_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/builtin.h"
#include "../../lib/gguf.h"
#include "../../lib/map_file.h"
#include "../checkpoint/problem.h"
#include "model_tensors.h"

#define LOGIT_SCALE 100 /* of all released CLIP models: where a file does not tell */
#define HEAD_SIZE   64  /* likewise */
#define MOST_TEXTS  1024
#define MOST_SIZE   16384

struct model_bytes {
    const void *data;
    size_t size;
    bool mapped; /* else it is the program's own */
    struct gguf gguf;
};

/* ----------------------------------------------------------------------------------------- keys */

struct reader {
    const struct gguf *gguf;
    char *message;
    bool failed;
};

static uint32_t read_size(struct reader *reader, const char *key, bool required, uint32_t value)
{
    struct message message = {reader->message, QC_MESSAGE_SIZE};
    if (reader->failed)
        return value;
    if (gguf_get_u32(reader->gguf, key, required, &value, &message) != QC_OK)
        reader->failed = true;
    else if (value < 1 || value > MOST_SIZE)
        reader->failed = !problem(reader->message, "%.200s: key %s is %lu, expected 1 to %d",
                                  reader->gguf->origin, key, (unsigned long)value, MOST_SIZE);
    return value;
}

static float read_factor(struct reader *reader, const char *key, float value)
{
    struct message message = {reader->message, QC_MESSAGE_SIZE};
    if (!reader->failed && gguf_get_f32(reader->gguf, key, false, &value, &message) != QC_OK)
        reader->failed = true;
    if (!reader->failed && !(value > 0 && value < 1e6f))
        reader->failed = !problem(reader->message, "%.200s: key %s is %g, expected above 0",
                                  reader->gguf->origin, key, (double)value);
    return value;
}

/* "" where there is none. */
static struct gguf_text read_text(struct reader *reader, const char *key)
{
    struct message message = {reader->message, QC_MESSAGE_SIZE};
    struct gguf_text text = {"", 0};
    if (!reader->failed && gguf_get_text(reader->gguf, key, false, &text, &message) != QC_OK)
        reader->failed = true;
    return text;
}

static bool text_is(struct gguf_text text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.bytes, word, text.size) == 0;
}

static void refuse_to_train(struct reader *reader, const char *why)
{
    if (!reader->failed)
        reader->failed =
            !problem(reader->message, "%.200s cannot be trained: %s", reader->gguf->origin, why);
}

/* What is trained is converted as any checkpoint, whose names do not tell another head size. */
static void read_heads(struct reader *reader, struct tower_shape *shape, uint32_t channels)
{
    shape->heads = read_size(reader, KEY_HEADS, false, channels / HEAD_SIZE);
    if (shape->heads * HEAD_SIZE != channels)
        refuse_to_train(reader, "its attention has heads of another size than 64");
}

static void read_vit(struct reader *reader, struct tower_shape *shape)
{
    struct message message = {reader->message, QC_MESSAGE_SIZE};
    shape->kind = TRAIN_VIT;
    shape->layers = read_size(reader, KEY_LAYERS, true, 0);
    shape->patch = read_size(reader, KEY_PATCH_SIZE, true, 0);
    read_heads(reader, shape, shape->width);
    if (read_size(reader, KEY_MLP_WIDTH, true, 0) != 4 * shape->width)
        refuse_to_train(reader, "its MLP is not four times as wide as its tokens");
    if (fabsf(read_factor(reader, KEY_EPSILON, 1e-5f) - 1e-5f) > 1e-9f)
        refuse_to_train(reader, "the epsilon of its LayerNorms is not 0.00001");
    if (!reader->failed &&
        gguf_get_bool(reader->gguf, KEY_USE_GELU, false, &shape->exact_gelu, &message) != QC_OK)
        reader->failed = true;
}

static void read_resnet(struct reader *reader, struct tower_shape *shape)
{
    struct message message = {reader->message, QC_MESSAGE_SIZE};
    shape->kind = TRAIN_RESNET;
    shape->folded = true;
    read_heads(reader, shape, 32 * shape->width);
    if (!reader->failed &&
        gguf_get_u32s(reader->gguf, KEY_STAGE_BLOCKS, true, shape->blocks, 4, &message) != QC_OK)
        reader->failed = true;
}

/* Positions a side, of a model that takes them. */
static uint32_t read_grid(struct reader *reader, const struct tower_shape *shape)
{
    const char *name =
        shape->kind == TRAIN_VIT ? "v.position_embd.weight" : "v.attn_pool.position_embd.weight";
    const struct gguf_tensor *tensor = gguf_find_tensor(reader->gguf, name);
    const struct gguf_text positions = read_text(reader, KEY_POSITIONS);
    if (reader->failed || !tensor || text_is(positions, "none"))
        return 0;
    if (text_is(positions, "flat"))
        refuse_to_train(reader,
                        "its positions are `flat'; convert it with --positions=none or grid");
    const double grid = sqrt((double)tensor->shape[1] - 1);
    if (tensor->dimensions != 2 || !(grid >= 1 && grid <= 1024) || grid != floor(grid))
        refuse_to_train(reader, "its positions are no square");
    return reader->failed ? 0 : (uint32_t)grid;
}

static void read_shape(struct reader *reader, struct tower_shape *shape)
{
    const struct gguf_text tower = read_text(reader, KEY_TOWER);
    shape->width = read_size(reader, KEY_WIDTH, true, 0);
    shape->feature = read_size(reader, KEY_PROJECTION, true, 0);
    if (!reader->failed && text_is(tower, "resnet"))
        read_resnet(reader, shape);
    else
        read_vit(reader, shape);
    if (gguf_find_value(reader->gguf, KEY_PACKED))
        refuse_to_train(reader, "its weights are packed; convert the checkpoint without --packed");
    if (gguf_find_value(reader->gguf, KEY_LOW_LEVEL))
        refuse_to_train(reader, "GRepQ's scores have a second part, which does not learn");
    shape->grid = read_grid(reader, shape);
}

/* ----------------------------------------------------------------------------- opening, closing */

static void read_prompts(struct reader *reader, struct model_file *file)
{
    static const char name[] = "qualiclip.prompts";
    const struct gguf_tensor *tensor = gguf_find_tensor(reader->gguf, name);
    const struct gguf_text readout = read_text(reader, KEY_READOUT);
    if (reader->failed || !tensor)
        return;
    if (readout.size && !text_is(readout, "pairs"))
        refuse_to_train(reader, "its prompts are not pairs of opposites");
    else if (tensor->dimensions != 2 || tensor->shape[1] < 2 || tensor->shape[1] % 2 ||
             tensor->shape[1] > MOST_TEXTS)
        refuse_to_train(reader, "its prompts are not 2 to 1024, in pairs");
    if (reader->failed)
        return;
    file->texts = (uint32_t)tensor->shape[1];
    const size_t count = (size_t)file->texts * file->shape.feature;
    file->prompts = malloc(count * sizeof *file->prompts);
    reader->failed = !(file->prompts ||
                       problem(reader->message, "%.200s: out of memory", reader->gguf->origin)) ||
                     !model_numbers(reader->gguf, name, count, file->prompts, reader->message);
}

static bool read_all(struct model_file *file, char *message)
{
    struct reader reader = {file->gguf, message, false};
    read_shape(&reader, &file->shape);
    read_prompts(&reader, file);
    file->logit_scale = read_factor(&reader, KEY_LOGIT_SCALE, LOGIT_SCALE) /
                        read_factor(&reader, KEY_TEMPERATURE, 1);
    return !reader.failed;
}

static void unmap_bytes(const struct model_bytes *bytes)
{
    if (bytes->mapped)
        unmap_file(bytes->data, bytes->size);
}

static bool map_bytes(struct model_bytes *bytes, const char *path, char *message)
{
    struct message sentence = {message, QC_MESSAGE_SIZE};
    const char *origin = path ? origin_of(path) : "the built-in model";
    bytes->mapped = path != NULL;
    if (!path)
        bytes->data = builtin_model(&bytes->size);
    else if (map_file(&bytes->data, &bytes->size, path, &sentence) != QC_OK)
        return false;
    if (!bytes->data)
        return problem(message, "there is no built-in model in this build");
    if (gguf_parse(&bytes->gguf, bytes->data, bytes->size, origin, &sentence) == QC_OK)
        return true;
    unmap_bytes(bytes);
    return false;
}

struct model_file *model_file_open(const char *path, char *message)
{
    struct model_file *file = calloc(1, sizeof *file);
    struct model_bytes *bytes = calloc(1, sizeof *bytes);
    if (!file || !bytes || !map_bytes(bytes, path, message)) {
        if (!file || !bytes)
            problem(message, "%.200s: out of memory", path ? path : "the built-in model");
        free(bytes);
        free(file);
        return NULL;
    }
    file->bytes = bytes;
    file->gguf = &bytes->gguf;
    if (read_all(file, message))
        return file;
    model_file_close(file);
    return NULL;
}

void model_file_close(struct model_file *file)
{
    if (!file)
        return;
    gguf_free(&file->bytes->gguf);
    unmap_bytes(file->bytes);
    free(file->bytes);
    free(file->prompts);
    free(file);
}
