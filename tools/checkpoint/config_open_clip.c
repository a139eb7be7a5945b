/*
 * config_open_clip.c - open_clip_config.json: model_cfg and preprocess_cfg.
 *
 * Without `quick_gelu` an OpenCLIP model has the exact GELU.  Settings of towers that are not read,
 * and that leave the tensors' names and shapes as they are, must have their ordinary values.
 */
#include "config_fields.h"

#include <string.h>

static void read_layers(struct fields *fields, const char *field, struct told_tower *tower)
{
    static const char *const names[] = {
        "model_cfg.vision_cfg.layers (stage 1)", "model_cfg.vision_cfg.layers (stage 2)",
        "model_cfg.vision_cfg.layers (stage 3)", "model_cfg.vision_cfg.layers (stage 4)"};
    const cJSON *item = field_find(fields, field);
    if (*fields->failed || !cJSON_IsArray(item)) {
        field_size(fields, field, &tower->layers);
        return;
    }
    unsigned count = 0;
    const cJSON *stage;
    cJSON_ArrayForEach(stage, item)
    {
        uint64_t number;
        if (count == 4 || !json_integer(stage, &number))
            break;
        tower->blocks[count] = (struct told){names[count], number};
        count++;
    }
    if (count != 4 || stage)
        fields_fail(fields, field, "a number, or four");
}

static void read_image_size(struct fields *fields, const char *field, struct told *told)
{
    const cJSON *item = field_find(fields, field);
    uint64_t height, width;
    if (*fields->failed || !cJSON_IsArray(item)) {
        field_size(fields, field, told);
        return;
    }
    if (cJSON_GetArraySize(item) != 2 || !json_integer(item->child, &height) ||
        !json_integer(item->child->next, &width) || height != width || !height)
        fields_fail(fields, field, "a number, or two that are equal");
    else
        *told = (struct told){field, height};
}

static void read_mlp(struct fields *fields, const char *field, const char *product,
                     struct told_tower *tower)
{
    double ratio = 4;
    field_number(fields, field, 0, 256, &ratio);
    if (!*fields->failed && tower->width.field)
        tower->mlp_width = (struct told){product, (uint64_t)((double)tower->width.number * ratio)};
}

/* {"eps": 1e-6} */
static void read_norm(struct fields *fields, const char *name, struct told_tower *tower)
{
    struct fields settings = fields_within(fields, name);
    tower->epsilon = 1e-5;
    field_number(&settings, "norm_kwargs.eps", 0, 0.1, &tower->epsilon);
}

static void read_vision(struct fields *fields, struct told_tower *tower)
{
    const cJSON *model = field_find(fields, "timm_model_name");
    if (cJSON_IsString(model) && model->valuestring[0])
        fields_fail(fields, "timm_model_name",
                    "null: image towers of timm are not read, CLIP's own ViT and ModifiedResNet "
                    "are");
    field_size(fields, "model_cfg.vision_cfg.width", &tower->width);
    read_layers(fields, "model_cfg.vision_cfg.layers", tower);
    field_size(fields, "model_cfg.vision_cfg.patch_size", &tower->patch_size);
    read_image_size(fields, "model_cfg.vision_cfg.image_size", &tower->image_size);
    field_size_or(fields, "model_cfg.vision_cfg.head_width", 64,
                  "model_cfg.vision_cfg.head_width (absent)", &tower->head_size);
    read_mlp(fields, "model_cfg.vision_cfg.mlp_ratio", "model_cfg.vision_cfg.width * mlp_ratio",
             tower);
    read_norm(fields, "norm_kwargs", tower);
    field_must_be(fields, "model_cfg.vision_cfg.global_average_pool", "false");
    field_must_be(fields, "model_cfg.vision_cfg.attentional_pool", "false");
    field_must_be(fields, "model_cfg.vision_cfg.pool_type", "\"tok\"");
    field_must_be(fields, "model_cfg.vision_cfg.final_ln_after_pool", "false");
    field_must_be(fields, "model_cfg.vision_cfg.no_ln_pre", "false");
    field_must_be(fields, "model_cfg.vision_cfg.pos_embed_type", "\"learnable\"");
    field_must_be(fields, "model_cfg.vision_cfg.act_kwargs", "{}");
}

static void read_text(struct fields *fields, struct told_tower *tower)
{
    field_size(fields, "model_cfg.text_cfg.width", &tower->width);
    field_size(fields, "model_cfg.text_cfg.layers", &tower->layers);
    field_size(fields, "model_cfg.text_cfg.vocab_size", &tower->token_count);
    field_size(fields, "model_cfg.text_cfg.context_length", &tower->context_length);
    field_size_or(fields, "model_cfg.text_cfg.heads", 8, "model_cfg.text_cfg.heads (absent)",
                  &tower->heads);
    read_mlp(fields, "model_cfg.text_cfg.mlp_ratio", "model_cfg.text_cfg.width * mlp_ratio", tower);
    read_norm(fields, "norm_kwargs", tower);
    field_must_be(fields, "model_cfg.text_cfg.pool_type", "\"argmax\"");
    field_must_be(fields, "model_cfg.text_cfg.no_causal_mask", "false");
    field_must_be(fields, "model_cfg.text_cfg.embed_cls", "false");
    field_must_be(fields, "model_cfg.text_cfg.act_kwargs", "{}");
}

static void read_activation(struct fields *model, struct published_config *config)
{
    const cJSON *quick = field_find(model, "model_cfg.quick_gelu");
    if (quick && !cJSON_IsBool(quick))
        fields_fail(model, "model_cfg.quick_gelu", "true or false");
    config->vision.activation = config->text.activation =
        cJSON_IsTrue(quick) ? ACTIVATION_TOLD_QUICK_GELU : ACTIVATION_TOLD_GELU;
}

static void read_pixels(struct fields *root, struct published_config *config)
{
    struct fields pixels = fields_within(root, "preprocess_cfg");
    bool mean = false, deviation = false;
    field_channels(&pixels, "preprocess_cfg.mean", false, config->mean, &mean);
    field_channels(&pixels, "preprocess_cfg.std", true, config->deviation, &deviation);
    if (mean != deviation)
        fields_fail(&pixels, mean ? "preprocess_cfg.std" : "preprocess_cfg.mean",
                    "three numbers, as the other is there");
    if (mean && deviation)
        config->pixels_path = config->path;
}

void read_open_clip_config(struct fields *root, struct published_config *config)
{
    struct fields model = fields_within(root, "model_cfg");
    if (!model.object)
        fields_fail(&model, "model_cfg", "an object");
    struct fields vision = fields_within(&model, "vision_cfg");
    struct fields text = fields_within(&model, "text_cfg");
    field_size(&model, "model_cfg.embed_dim", &config->feature_size);
    read_activation(&model, config);
    read_vision(&vision, &config->vision);
    /* A text tower of another library has other names; it cannot be kept, but need not be. */
    if (text.object && !field_find(&text, "hf_model_name"))
        read_text(&text, &config->text);
    read_pixels(root, config);
}
