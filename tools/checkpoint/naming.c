/*
 * naming.c - the names, as OpenAI's, OpenCLIP's and transformers' published checkpoints have them.
 */
#include "naming.h"

#include <string.h>

static const struct block_names openai_block = {
    .stacked = "attn.in_proj",
    .attention_output = "attn.out_proj",
    .attention_norm = "ln_1",
    .mlp_norm = "ln_2",
    .mlp_input = "mlp.c_fc",
    .mlp_output = "mlp.c_proj",
};

static const struct block_names transformers_block = {
    .query = "self_attn.q_proj",
    .key = "self_attn.k_proj",
    .value = "self_attn.v_proj",
    .attention_output = "self_attn.out_proj",
    .attention_norm = "layer_norm1",
    .mlp_norm = "layer_norm2",
    .mlp_input = "mlp.fc1",
    .mlp_output = "mlp.fc2",
};

#define OPENAI_VIT                                                                                 \
    {                                                                                              \
        .patches = "visual.conv1.weight", .class_embedding = "visual.class_embedding",             \
        .positions = "visual.positional_embedding", .pre_norm = "visual.ln_pre",                   \
        .post_norm = "visual.ln_post", .blocks = "visual.transformer.resblocks.",                  \
        .projection = "visual.proj", .block = &openai_block                                        \
    }

static const char *const openai_text[] = {"transformer.",         "token_embedding.", "ln_final.",
                                          "positional_embedding", "text_projection",  NULL};
static const char *const open_clip_text[] = {"text.", NULL};
static const char *const transformers_text[] = {"text_model.", "text_projection.weight", NULL};

static const struct naming openai = {
    .title = "OpenAI's and OpenCLIP's",
    .config = CONFIG_OPEN_CLIP, /* which has the same names */
    .vit = OPENAI_VIT,
    .text = {.tokens = "token_embedding.weight",
             .positions = "positional_embedding",
             .final_norm = "ln_final",
             .blocks = "transformer.resblocks.",
             .projection = "text_projection",
             .block = &openai_block,
             .all = openai_text},
};

static const struct naming open_clip = {
    .title = "OpenCLIP's, the text tower apart",
    .is_open_clip = true,
    .config = CONFIG_OPEN_CLIP,
    .vit = OPENAI_VIT,
    .text = {.tokens = "text.token_embedding.weight",
             .positions = "text.positional_embedding",
             .final_norm = "text.ln_final",
             .blocks = "text.transformer.resblocks.",
             .projection = "text.text_projection",
             .block = &openai_block,
             .all = open_clip_text},
};

static const struct naming transformers = {
    .title = "transformers'",
    .config = CONFIG_TRANSFORMERS,
    .vit = {.patches = "vision_model.embeddings.patch_embedding.weight",
            .class_embedding = "vision_model.embeddings.class_embedding",
            .positions = "vision_model.embeddings.position_embedding.weight",
            .pre_norm = "vision_model.pre_layrnorm", /* published with this slip */
            .post_norm = "vision_model.post_layernorm",
            .blocks = "vision_model.encoder.layers.",
            .projection = "visual_projection.weight",
            .projection_is_linear = true,
            .block = &transformers_block},
    .text = {.tokens = "text_model.embeddings.token_embedding.weight",
             .positions = "text_model.embeddings.position_embedding.weight",
             .final_norm = "text_model.final_layer_norm",
             .blocks = "text_model.encoder.layers.",
             .projection = "text_projection.weight",
             .projection_is_linear = true,
             .block = &transformers_block,
             .all = transformers_text},
};

const struct naming *find_naming(const struct checkpoint *checkpoint)
{
    if (checkpoint_has_prefix(checkpoint, "vision_model.") ||
        checkpoint_has_prefix(checkpoint, "text_model."))
        return &transformers;
    return checkpoint_has_prefix(checkpoint, "text.") ? &open_clip : &openai;
}

bool is_text_name(const struct naming *naming, const char *name)
{
    for (const char *const *part = naming->text.all; *part; part++) {
        const size_t length = strlen(*part);
        const bool is_start = (*part)[length - 1] == '.';
        if (is_start ? strncmp(name, *part, length) == 0 : strcmp(name, *part) == 0)
            return true;
    }
    return false;
}

static bool ends_in(const char *name, const char *end)
{
    const size_t length = strlen(name), size = strlen(end);
    return length > size && strcmp(name + length - size, end) == 0;
}

bool is_needless_name(const char *name)
{
    static const char *const names[] = {"input_resolution", "context_length", "vocab_size",
                                        "attn_mask"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    /* BatchNorm's counter is for training alone; 0, 1, 2 ...; the mask of the text tower. */
    return ends_in(name, ".num_batches_tracked") || ends_in(name, ".position_ids") ||
           ends_in(name, ".attn_mask");
}
