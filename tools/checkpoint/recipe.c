/*
 * recipe.c - a table.  Temperatures and prompts as published with QualiCLIP, CLIP-IQA and pyiqa.
 */
#include "recipe.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const qualiclip_pairs[] = {
    "Good photo./Bad photo.",
    "Sharp image./Blurry image.",
    "Sharp edges./Blurry edges.",
    "High-resolution image./Low-resolution image.",
    "Noise-free image./Noisy image.",
    "High-quality image./Low-quality image.",
    "Good picture./Bad picture.",
};

static const char *const clip_iqa_pairs[] = {"Good photo./Bad photo."};

static const char *const clip_iqa_pyiqa_pairs[] = {
    "Good image/bad image",
    "Sharp image/blurry image",
    "sharp edges/blurry edges",
    "High resolution image/low resolution image",
    "Noise-free image/noisy image",
};

static const struct recipe recipes[] = {
    {"qualiclip", 1, false, COUNT(qualiclip_pairs), qualiclip_pairs},
    {"clip", 1, true, 0, NULL},
    {"qualiclip-pyiqa", 2, false, COUNT(qualiclip_pairs), qualiclip_pairs},
    {"qualiclip+", 2, false, 0, NULL},
    {"clip-iqa", 1, false, COUNT(clip_iqa_pairs), clip_iqa_pairs},
    {"clip-iqa-pyiqa", 1, false, COUNT(clip_iqa_pyiqa_pairs), clip_iqa_pyiqa_pairs},
    {"clip-iqa+", 1, false, 0, NULL},
};

struct recipe find_recipe(const char *profile, bool has_prompts)
{
    struct recipe recipe = recipes[has_prompts ? 0 : 1];
    if (!profile)
        return recipe;
    for (size_t i = 0; i < COUNT(recipes); i++)
        if (strcmp(profile, recipes[i].profile) == 0)
            return recipes[i];
    recipe.profile = profile;
    recipe.pair_count = 0;
    return recipe;
}
