/*
 * published_model.c - see published_model.h.
 */
#include "published_model.h"

#include <stdarg.h>
#include <string.h>

#include "checksums.h"
#include "fuzz.h"
#include "storages.h"

enum { HEADER_MAX = 16384, W = PUBLISHED_WIDTH, F = PUBLISHED_FEATURE };

struct header {
    char *text;
    size_t size, element, end; /* of the text, of a number, of the data so far */
    const char *type;
};

/* Of `rows` by `columns`, or of `rows`. */
static void add(struct header *header, const char *name, size_t rows, size_t columns)
{
    char shape[32];
    const size_t begin = header->end;
    header->end += rows * (columns ? columns : 1) * header->element;
    if (columns)
        snprintf(shape, sizeof shape, "%zu,%zu", rows, columns);
    else
        snprintf(shape, sizeof shape, "%zu", rows);
    header->size += (size_t)snprintf(header->text + header->size, HEADER_MAX - header->size,
                                     "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],"
                                     "\"data_offsets\":[%zu,%zu]}",
                                     header->size > 1 ? "," : "", name, header->type, shape, begin,
                                     header->end);
    PROMISE(header->size + 1 < HEADER_MAX);
}

/* NAME.weight and NAME.bias. */
static void add_layer(struct header *header, const char *name, size_t outputs, size_t inputs)
{
    char whole[128];
    snprintf(whole, sizeof whole, "%.100s.weight", name);
    add(header, whole, outputs, inputs);
    snprintf(whole, sizeof whole, "%.100s.bias", name);
    add(header, whole, outputs, 0);
}

struct layer {
    const char *name;
    size_t outputs, inputs;
};

static void add_block(struct header *header, bool is_open_clip, const char *stem)
{
    static const struct layer transformers[] = {
        {"self_attn.q_proj", W, W},    {"self_attn.k_proj", W, W},    {"self_attn.v_proj", W, W},
        {"self_attn.out_proj", W, W},  {"layer_norm1", W, 0},         {"layer_norm2", W, 0},
        {"mlp.fc1", PUBLISHED_MLP, W}, {"mlp.fc2", W, PUBLISHED_MLP}, {NULL, 0, 0}};
    static const struct layer open_clip[] = {{"attn.out_proj", W, W},
                                             {"ln_1", W, 0},
                                             {"ln_2", W, 0},
                                             {"mlp.c_fc", PUBLISHED_MLP, W},
                                             {"mlp.c_proj", W, PUBLISHED_MLP},
                                             {NULL, 0, 0}};
    char name[128];
    for (const struct layer *layer = is_open_clip ? open_clip : transformers; layer->name;
         layer++) {
        snprintf(name, sizeof name, "%.60s.0.%s", stem, layer->name);
        add_layer(header, name, layer->outputs, layer->inputs);
    }
    if (!is_open_clip)
        return;
    snprintf(name, sizeof name, "%.60s.0.attn.in_proj_weight", stem);
    add(header, name, 3 * (size_t)W, W);
    snprintf(name, sizeof name, "%.60s.0.attn.in_proj_bias", stem);
    add(header, name, 3 * (size_t)W, 0);
}

/* The only tensor of four dimensions. */
static void add_patches(struct header *header, const char *name)
{
    const size_t begin = header->end;
    header->end += 3 * (size_t)W * PUBLISHED_PATCH * PUBLISHED_PATCH * header->element;
    header->size += (size_t)snprintf(header->text + header->size, HEADER_MAX - header->size,
                                     "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%d,3,%d,%d],"
                                     "\"data_offsets\":[%zu,%zu]}",
                                     header->size > 1 ? "," : "", name, header->type, W,
                                     PUBLISHED_PATCH, PUBLISHED_PATCH, begin, header->end);
}

static void add_image_tower(struct header *header, bool is_open_clip)
{
    add_patches(header, is_open_clip ? "visual.conv1.weight"
                                     : "vision_model.embeddings.patch_embedding.weight");
    add(header, is_open_clip ? "visual.class_embedding" : "vision_model.embeddings.class_embedding",
        W, 0);
    add(header,
        is_open_clip ? "visual.positional_embedding"
                     : "vision_model.embeddings.position_embedding.weight",
        2, W);
    add_layer(header, is_open_clip ? "visual.ln_pre" : "vision_model.pre_layrnorm", W, 0);
    add_block(header, is_open_clip,
              is_open_clip ? "visual.transformer.resblocks" : "vision_model.encoder.layers");
    add_layer(header, is_open_clip ? "visual.ln_post" : "vision_model.post_layernorm", W, 0);
    if (is_open_clip)
        add(header, "visual.proj", W, F);
    else
        add(header, "visual_projection.weight", F, W);
}

static void add_text_tower(struct header *header, bool is_open_clip)
{
    add(header,
        is_open_clip ? "text.token_embedding.weight"
                     : "text_model.embeddings.token_embedding.weight",
        PUBLISHED_TOKENS, W);
    add(header,
        is_open_clip ? "text.positional_embedding"
                     : "text_model.embeddings.position_embedding.weight",
        PUBLISHED_CONTEXT, W);
    add_block(header, is_open_clip,
              is_open_clip ? "text.transformer.resblocks" : "text_model.encoder.layers");
    add_layer(header, is_open_clip ? "text.ln_final" : "text_model.final_layer_norm", W, 0);
    if (is_open_clip)
        add(header, "text.text_projection", W, F);
    else
        add(header, "text_projection.weight", F, W);
}

char *published_header(const struct published_model *model, size_t *data_size)
{
    struct header header = {.text = test_memory(HEADER_MAX), .size = 1, .type = model->type};
    header.element = strcmp(model->type, "F32") == 0 ? 4 : 2;
    strcpy(header.text, "{");
    if (model->has_image)
        add_image_tower(&header, model->is_open_clip);
    if (model->has_text)
        add_text_tower(&header, model->is_open_clip);
    strcpy(header.text + header.size, "}");
    *data_size = header.end;
    return header.text;
}

uint8_t *safetensors_of(const void *header, size_t header_size, size_t data_size, size_t *size)
{
    *size = 8 + header_size + data_size;
    uint8_t *file = test_memory(*size);
    store_little(file, 4, (uint32_t)header_size);
    store_little(file + 4, 4, 0);
    memcpy(file + 8, header, header_size);
    fill_numbers(file + 8 + header_size, data_size);
    return file;
}
