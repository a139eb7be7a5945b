/*
 * config_transformers.c - config.json and preprocessor_config.json as transformers writes them.
 *
 * Newer versions leave out what equals the default of their configuration classes, so that what is
 * absent is told as well: 12 and 8 heads, QuickGELU.
 */
#include "config_fields.h"

#include <string.h>

static void read_activation(struct fields *fields, const char *field,
                            enum told_activation *activation)
{
    const cJSON *item = field_find(fields, field);
    const char *name = item ? cJSON_GetStringValue(item) : "quick_gelu";
    if (name && strcmp(name, "quick_gelu") == 0)
        *activation = ACTIVATION_TOLD_QUICK_GELU;
    else if (name && strcmp(name, "gelu") == 0)
        *activation = ACTIVATION_TOLD_GELU;
    else
        fields_fail(fields, field, "\"quick_gelu\" or \"gelu\"");
}

static void read_vision(struct fields *fields, struct told_tower *tower)
{
    field_size(fields, "vision_config.hidden_size", &tower->width);
    field_size(fields, "vision_config.intermediate_size", &tower->mlp_width);
    field_size(fields, "vision_config.num_hidden_layers", &tower->layers);
    field_size(fields, "vision_config.patch_size", &tower->patch_size);
    field_size(fields, "vision_config.image_size", &tower->image_size);
    field_size_or(fields, "vision_config.num_attention_heads", 12,
                  "vision_config.num_attention_heads (absent)", &tower->heads);
    field_must_be(fields, "vision_config.num_channels", "3");
    tower->epsilon = 1e-5;
    field_number(fields, "vision_config.layer_norm_eps", 0, 0.1, &tower->epsilon);
    read_activation(fields, "vision_config.hidden_act", &tower->activation);
}

static void read_text(struct fields *fields, struct told_tower *tower)
{
    field_size(fields, "text_config.hidden_size", &tower->width);
    field_size(fields, "text_config.intermediate_size", &tower->mlp_width);
    field_size(fields, "text_config.num_hidden_layers", &tower->layers);
    field_size(fields, "text_config.vocab_size", &tower->token_count);
    field_size(fields, "text_config.max_position_embeddings", &tower->context_length);
    field_size_or(fields, "text_config.num_attention_heads", 8,
                  "text_config.num_attention_heads (absent)", &tower->heads);
    tower->epsilon = 1e-5;
    field_number(fields, "text_config.layer_norm_eps", 0, 0.1, &tower->epsilon);
    read_activation(fields, "text_config.hidden_act", &tower->activation);
}

/* NAME_dict, which some files have too, is what transformers prefers. */
static struct fields section(struct fields *root, const char *name, const char *preferred)
{
    struct fields fields = fields_within(root, preferred);
    return fields.object ? fields : fields_within(root, name);
}

void read_transformers_config(struct fields *root, struct published_config *config)
{
    const char *type = cJSON_GetStringValue(field_find(root, "model_type"));
    const bool vision_alone = type && strcmp(type, "clip_vision_model") == 0;
    if (field_find(root, "model_type") && !vision_alone && (!type || strcmp(type, "clip") != 0))
        fields_fail(root, "model_type", "\"clip\" or \"clip_vision_model\"");
    struct fields vision = section(root, "vision_config", "vision_config_dict");
    struct fields text = section(root, "text_config", "text_config_dict");
    if (vision_alone && !vision.object)
        vision.object = root->object;
    if (!vision.object)
        fields_fail(root, "vision_config", "an object");
    read_vision(&vision, &config->vision);
    if (text.object)
        read_text(&text, &config->text);
    field_size(root, "projection_dim", &config->feature_size);
}

bool read_preprocessor_config(struct fields *root, struct published_config *config)
{
    bool mean = false, deviation = false;
    field_must_be(root, "do_normalize", "true");
    field_channels(root, "image_mean", false, config->mean, &mean);
    field_channels(root, "image_std", true, config->deviation, &deviation);
    if (mean && !deviation)
        fields_fail(root, "image_std", "three numbers, as there is an image_mean");
    if (deviation && !mean)
        fields_fail(root, "image_mean", "three numbers, as there is an image_std");
    return mean && deviation;
}
