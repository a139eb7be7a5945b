/*
 * seeds_published.c - safetensors files and the JSON files that are published beside them.
 */
#include <stdbool.h>
#include <string.h>

#include "convert_file.h"
#include "fuzz.h"
#include "published_model.h"
#include "seeds.h"

static void make_safetensors(const char *name, struct published_model model, bool whole)
{
    struct seed seed = {0};
    size_t data_size, size;
    char *header = published_header(&model, &data_size);
    if (whole) {
        uint8_t *file = safetensors_of(header, strlen(header), data_size, &size);
        seed_add(&seed, file, size);
        free(file);
    } else {
        seed_text(&seed, header);
    }
    free(header);
    seed_write(&seed, "safetensors", name);
}

static void make_metadata(void)
{
    struct seed seed = {0};
    seed_text(&seed, "{\"__metadata__\":{\"format\":\"pt\"},"
                     "\"a\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,2]},"
                     "\"b\":{\"dtype\":\"I64\",\"shape\":[2,0],\"data_offsets\":[2,2]},"
                     "\"c\":{\"dtype\":\"BOOL\",\"shape\":[1,1,1,1,3],\"data_offsets\":[2,5]}}  ");
    seed_write(&seed, "safetensors", "metadata");
}

/* A file of shards, all of whose tensors are where they are said to be. */
static void add_assignments(struct seed *seed, struct published_model model, const char *file)
{
    size_t data_size;
    char *header = published_header(&model, &data_size);
    for (char *at = header, *end; (at = strstr(at, "\"")); at = strchr(end, '}') + 1) {
        end = strchr(at + 1, '"');
        if (seed->bytes[seed->size - 1] != '{')
            seed_text(seed, ",");
        seed_add(seed, at, (size_t)(end + 1 - at));
        seed_text(seed, ":\"");
        seed_text(seed, file);
        seed_text(seed, "\"");
    }
    free(header);
}

static void make_index(void)
{
    const struct published_model image = {false, true, false, "F32"},
                                 text = {false, false, true, "F32"};
    struct seed seed = {0};
    seed_text(&seed, "i{\"metadata\":{\"total_size\":1},\"weight_map\":{");
    add_assignments(&seed, image, "image.safetensors");
    add_assignments(&seed, text, "text.safetensors");
    seed_text(&seed, "}}");
    seed_write(&seed, "config", "index");
}

static void make_configs(void)
{
    struct seed seed = {0};
    char text[2048];
    snprintf(
        text, sizeof text,
        "c{\"model_type\":\"clip\",\"projection_dim\":%d,\"vision_config\":{\"hidden_size\":%d,"
        "\"patch_size\":%d,\"image_size\":%d,\"num_channels\":3,\"hidden_act\":\"gelu\","
        "\"layer_norm_eps\":1e-05,\"num_attention_heads\":2,\"num_hidden_layers\":1,"
        "\"intermediate_size\":%d},\"text_config\":{\"hidden_size\":%d,\"vocab_size\":%d,"
        "\"max_position_embeddings\":%d,\"hidden_act\":\"gelu\",\"num_attention_heads\":1,"
        "\"num_hidden_layers\":1,\"intermediate_size\":%d}}",
        PUBLISHED_FEATURE, PUBLISHED_WIDTH, PUBLISHED_PATCH, PUBLISHED_PATCH, PUBLISHED_MLP,
        PUBLISHED_WIDTH, PUBLISHED_TOKENS, PUBLISHED_CONTEXT, PUBLISHED_MLP);
    seed_text(&seed, text);
    seed_write(&seed, "config", "transformers");
    snprintf(text, sizeof text,
             "o{\"model_cfg\":{\"embed_dim\":%d,\"quick_gelu\":true,\"vision_cfg\":{\"image_size\":"
             "[%d,%d],\"patch_size\":%d,\"width\":%d,\"layers\":1,\"head_width\":2,\"mlp_ratio\":"
             "2.0,\"norm_kwargs\":{\"eps\":0.001}},\"text_cfg\":{\"context_length\":%d,"
             "\"vocab_size\":%d,\"width\":%d,\"heads\":1,\"layers\":1,\"mlp_ratio\":2}},"
             "\"preprocess_cfg\":{\"mean\":[0.5,0.45,0.4],\"std\":[0.3,0.25,0.5]}}",
             PUBLISHED_FEATURE, PUBLISHED_PATCH, PUBLISHED_PATCH, PUBLISHED_PATCH, PUBLISHED_WIDTH,
             PUBLISHED_CONTEXT, PUBLISHED_TOKENS, PUBLISHED_WIDTH);
    seed_text(&seed, text);
    seed_write(&seed, "config", "open-clip");
    seed_text(&seed, "p{\"do_normalize\":true,\"image_mean\":[0.5,0.4,0.3],"
                     "\"image_std\":[0.2,0.3,0.25]}");
    seed_write(&seed, "config", "pixels");
}

void make_published_seeds(void)
{
    const struct published_model plain = {false, true, false, "F32"},
                                 whole = {false, true, true, "F16"},
                                 open_clip = {true, true, true, "BF16"};
    make_safetensors("transformers", plain, false);
    make_safetensors("transformers-text", whole, false);
    make_safetensors("open-clip", open_clip, false);
    make_safetensors("file", plain, true);
    make_metadata();
    make_index();
    make_configs();
}
