/*
 * model_names.c - see model_names.h.
 */
#include "model_names.h"

#include <stdio.h>
#include <string.h>

struct renaming {
    const char *from, *to;
    enum model_layout layout;
};

/* The first renaming whose `from` begins or is the name; what follows in the name stays. */
static const struct renaming *find(const struct renaming *renamings, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        const size_t length = strlen(renamings[i].from);
        const bool is_prefix = length && renamings[i].from[length - 1] == '.';
        if (is_prefix ? strncmp(name, renamings[i].from, length) == 0
                      : strcmp(name, renamings[i].from) == 0)
            return &renamings[i];
    }
    return NULL;
}

static bool rename_in(const struct renaming *renamings, size_t count, const char *prefix,
                      const char *name, struct model_place *place)
{
    const struct renaming *renaming = find(renamings, count, name);
    if (!renaming)
        return false;
    place->layout = renaming->layout;
    snprintf(place->names[0], sizeof place->names[0], "%.24s%.24s%.12s", prefix, renaming->to,
             name + strlen(renaming->from));
    return true;
}

#define RENAME(renamings, prefix, name, place)                                                     \
    rename_in(renamings, sizeof(renamings) / sizeof *(renamings), prefix, name, place)

/* ------------------------------------------------------------------------------------------ ViT */

static const struct renaming vit_names[] = {
    {"class_embedding", "v.class_embd", LAYOUT_SAME},
    {"positional_embedding", "v.position_embd.weight", LAYOUT_SAME},
    {"proj", "visual_projection.weight", LAYOUT_TRANSPOSED},
    {"conv1.weight", "v.patch_embd.weight", LAYOUT_SAME},
    {"ln_pre.", "v.pre_ln.", LAYOUT_SAME},
    {"ln_post.", "v.post_ln.", LAYOUT_SAME},
};

static const struct renaming block_names[] = {
    {"attn.out_proj.", "attn_out.", LAYOUT_SAME},
    {"ln_1.", "ln1.", LAYOUT_SAME},
    {"ln_2.", "ln2.", LAYOUT_SAME},
    {"mlp.c_fc.", "ffn_down.", LAYOUT_SAME}, /* the first layer, in clip.cpp's naming */
    {"mlp.c_proj.", "ffn_up.", LAYOUT_SAME},
};

static bool place_packed(const char *prefix, const char *part, struct model_place *place)
{
    static const char letters[] = "qkv";
    place->layout = LAYOUT_THIRDS;
    for (int i = 0; i < 3; i++)
        snprintf(place->names[i], sizeof place->names[i], "%.24sattn_%c.%s", prefix, letters[i],
                 part);
    return true;
}

bool model_place_of_vit(const char *parameter, struct model_place *place)
{
    char prefix[24];
    unsigned block;
    int used = 0;
    if (sscanf(parameter, "transformer.resblocks.%3u.%n", &block, &used) != 1 || !used)
        return RENAME(vit_names, "", parameter, place);
    parameter += used;
    snprintf(prefix, sizeof prefix, "v.blk.%u.", block);
    if (strcmp(parameter, "attn.in_proj_weight") == 0)
        return place_packed(prefix, "weight", place);
    if (strcmp(parameter, "attn.in_proj_bias") == 0)
        return place_packed(prefix, "bias", place);
    return RENAME(block_names, prefix, parameter, place);
}

/* --------------------------------------------------------------------------------------- ResNet */

static const struct renaming pool_names[] = {
    {"attnpool.positional_embedding", "position_embd.weight", LAYOUT_SAME},
    {"attnpool.q_proj.", "attn_q.", LAYOUT_SAME},
    {"attnpool.k_proj.", "attn_k.", LAYOUT_SAME},
    {"attnpool.v_proj.", "attn_v.", LAYOUT_SAME},
    {"attnpool.c_proj.", "attn_out.", LAYOUT_SAME},
};

static const struct renaming stem_names[] = {
    {"conv1.weight", "0.weight", LAYOUT_CHANNELS_LAST},
    {"conv2.weight", "1.weight", LAYOUT_CHANNELS_LAST},
    {"conv3.weight", "2.weight", LAYOUT_CHANNELS_LAST},
    {"bn1.bias", "0.bias", LAYOUT_SAME},
    {"bn2.bias", "1.bias", LAYOUT_SAME},
    {"bn3.bias", "2.bias", LAYOUT_SAME},
};

static const struct renaming bottleneck_names[] = {
    {"conv1.weight", "conv1.weight", LAYOUT_CHANNELS_LAST},
    {"conv2.weight", "conv2.weight", LAYOUT_CHANNELS_LAST},
    {"conv3.weight", "conv3.weight", LAYOUT_CHANNELS_LAST},
    {"bn1.bias", "conv1.bias", LAYOUT_SAME},
    {"bn2.bias", "conv2.bias", LAYOUT_SAME},
    {"bn3.bias", "conv3.bias", LAYOUT_SAME},
    {"downsample.0.weight", "shortcut.weight", LAYOUT_CHANNELS_LAST},
    {"downsample.1.bias", "shortcut.bias", LAYOUT_SAME},
};

bool model_place_of_resnet(const char *parameter, struct model_place *place)
{
    char prefix[24];
    unsigned stage, block;
    int used = 0;
    if (sscanf(parameter, "layer%1u.%3u.%n", &stage, &block, &used) == 2 && used) {
        snprintf(prefix, sizeof prefix, "v.stage.%u.%u.", stage - 1, block);
        return RENAME(bottleneck_names, prefix, parameter + used, place);
    }
    return RENAME(stem_names, "v.stem.", parameter, place) ||
           RENAME(pool_names, "v.attn_pool.", parameter, place);
}
