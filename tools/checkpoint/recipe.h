/*
 * recipe.h - the scoring recipes that are known by name: what a checkpoint does not say of itself.
 */
#ifndef QUALICLIP_RECIPE_H
#define QUALICLIP_RECIPE_H

#include <stdbool.h>
#include <stddef.h>

struct recipe {
    const char *profile;
    float temperature;
    bool uses_positions;
    size_t pair_count;              /* of the names below; 0: this profile names none */
    const char *const *pair_names;
};

/*
 * The recipe of a profile; of NULL: "qualiclip" for a checkpoint with prompts, else "clip".  A name
 * that is not known is a label: the default's recipe under that name.
 */
struct recipe find_recipe(const char *profile, bool has_prompts);

#endif
