/*
 * recipe.c - who has the last word: the model file, a profile that was asked for by its name, and
 * then each single setting.  Computes nothing; what it settles is told in one line of every result.
 */
#include "recipe.h"

#include "c_text.h"
#include "format.h"
#include "model.h"
#include "prompts.h"
#include "text.h"

/* ------------------------------------------------------------------------------------ profiles */

static qc_status unknown_profile(const char *name, struct message *message)
{
    char known[256] = "";
    for (size_t i = 0, used = 0; profile_at(i) && used < sizeof known; i++)
        used += format_text(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                            profile_at(i)->name);
    return fail(message, QC_ERROR_ARGUMENT, "profile is \"%.60s\", expected one of %s", name,
                known);
}

/* Whether the profile's prompts can be had without those that the model stores. */
static qc_status check_prompts(const struct profile *profile, const struct qc_model *model,
                               struct message *message)
{
    if (prompts_are_learned(profile->prompts))
        return fail(message, QC_ERROR_UNSUPPORTED,
                    "the prompts of profile %s were learned: convert a checkpoint that has them "
                    "(convert --profile=%s --context=FILE)",
                    profile->name, profile->name);
    if (!model->has_text)
        return fail(message, QC_ERROR_UNSUPPORTED,
                    "the model %s has neither the prompts of profile %s nor a text tower to encode "
                    "them: convert its checkpoint again with --profile=%s",
                    model->info.name, profile->name, profile->name);
    return QC_OK;
}

/* The factor on the cosines under another profile than the file's. */
static float logit_scale_of(const struct profile *profile, const struct profile *own,
                            const struct recipe *recipe)
{
    if (profile == own)
        return recipe->logit_scale;
    if (profile->logit_scale > 0)
        return profile->logit_scale;
    /* The checkpoint's own is not in the file of a profile that fixes it; all released have 100. */
    return own && own->logit_scale > 0 ? 100 : recipe->logit_scale;
}

static qc_status check_low_level(const struct profile *profile, const struct qc_model *model,
                                 struct message *message)
{
    if (!profile->low_level || model->has_low_level)
        return QC_OK;
    return fail(message, QC_ERROR_UNSUPPORTED,
                "the model %s has no low-level part, which profile %s needs: convert its "
                "checkpoint with --profile=%s --low-level=FILE --pristine=DIRECTORY",
                model->info.name, profile->name, profile->name);
}

/* The profile's settings, but not its prompts. */
static void apply_settings(struct recipe *recipe, const struct profile *profile,
                           const struct qc_model *model)
{
    recipe->logit_scale = logit_scale_of(profile, profile_find(recipe->profile), recipe);
    recipe->profile = profile->name;
    recipe->readout = profile->readout;
    recipe->temperature = profile->temperature;
    recipe->size_rule = profile->size;
    recipe->size_pixels = 0;
    recipe->positions =
        profile->positions && model->info.has_positions ? QC_POSITIONS_GRID : QC_POSITIONS_NONE;
    recipe->minimum = profile->minimum;
    recipe->maximum = profile->maximum;
    recipe->low_level = profile->low_level;
}

static qc_status apply_profile(struct recipe *recipe, const struct profile *profile,
                               const struct qc_model *model, bool needs_prompts,
                               struct message *message)
{
    const bool has_prompts =
        recipe->text_count > 0 && recipe->readout == profile->readout &&
        (recipe->prompts == profile->prompts || profile_find(recipe->profile) == profile);
    qc_status status = check_low_level(profile, model, message);
    if (status)
        return status;
    apply_settings(recipe, profile, model);
    if (has_prompts) {
        if (recipe->readout == QC_READOUT_LEVELS)
            recipe->maximum = (float)recipe->output_count;
        return QC_OK;
    }
    recipe->source = PROMPTS_OF_PROFILE;
    recipe->prompts = profile->prompts;
    recipe->text_count = prompt_count(profile->prompts);
    recipe->output_count = prompt_output_count(profile->prompts);
    return needs_prompts && recipe->text_count ? check_prompts(profile, model, message) : QC_OK;
}

/* ------------------------------------------------------------------------------------- prompts */

/* The caller's prompts alone make the score: what another profile adds to its own is left out. */
static void become_custom(struct recipe *recipe)
{
    recipe->profile = PROFILE_CUSTOM;
    if (recipe->low_level)
        recipe->maximum--;
    recipe->low_level = false;
}

/* The caller's prompts: pairs, or under the profile "clip" single texts. */
static qc_status apply_prompts(struct recipe *recipe, const qc_scorer_options *options,
                               struct message *message)
{
    const qc_prompt_pair *first = &options->prompts[0];
    const bool pairs = first->negative || first->negative_feature;
    if (!options->profile && recipe->readout == QC_READOUT_TEXTS && pairs)
        recipe->readout = QC_READOUT_PAIRS;
    if (recipe->readout == QC_READOUT_LEVELS)
        return fail(message, QC_ERROR_ARGUMENT,
                    "the profile %s scores by quality levels: it takes no other prompts",
                    recipe->profile);
    if (recipe->readout == QC_READOUT_TEXTS && pairs)
        return fail(message, QC_ERROR_ARGUMENT,
                    "prompts[0] is a pair, but the profile %s compares with single texts",
                    recipe->profile);
    const bool texts = recipe->readout == QC_READOUT_TEXTS;
    if (!texts && !options->profile)
        become_custom(recipe);
    recipe->source = PROMPTS_OF_CALLER;
    recipe->prompts = PROMPTS_ANY;
    recipe->output_count = options->prompt_count;
    recipe->text_count = texts ? options->prompt_count : 2 * options->prompt_count;
    return QC_OK;
}

/* ------------------------------------------------------------------------------ single settings */

static qc_status apply_positions(struct recipe *recipe, const struct qc_model *model,
                                 qc_positions positions, struct message *message)
{
    if (positions < QC_POSITIONS_MODEL || positions > QC_POSITIONS_FLAT)
        return fail(message, QC_ERROR_ARGUMENT, "positions is %d, expected a qc_positions",
                    (int)positions);
    if (positions == QC_POSITIONS_MODEL)
        return QC_OK;
    if (positions != QC_POSITIONS_NONE && !model->info.has_positions)
        return fail(message, QC_ERROR_ARGUMENT,
                    "positions is %s, but the model %s has no positional embeddings: use none",
                    positions_text(positions), model->info.name);
    recipe->positions = positions;
    return QC_OK;
}

static qc_status apply_size(struct recipe *recipe, const qc_scorer_options *options,
                            struct message *message)
{
    if (options->size_rule < QC_SIZE_MODEL || options->size_rule > QC_SIZE_TILES)
        return fail(message, QC_ERROR_ARGUMENT, "size_rule is %d, expected a qc_size_rule",
                    (int)options->size_rule);
    const bool has_pixels =
        options->size_rule == QC_SIZE_CROP || options->size_rule == QC_SIZE_LONG;
    if (options->size_pixels && !has_pixels)
        return fail(message, QC_ERROR_ARGUMENT,
                    "size_pixels is %u, but size_rule is neither QC_SIZE_CROP nor QC_SIZE_LONG",
                    (unsigned)options->size_pixels);
    if (options->size_rule == QC_SIZE_LONG && !options->size_pixels)
        return fail(message, QC_ERROR_ARGUMENT,
                    "size_pixels is 0, expected the long side's pixels");
    if (options->size_rule == QC_SIZE_MODEL)
        return QC_OK;
    if (recipe->low_level && options->size_rule != QC_SIZE_NATIVE)
        return fail(message, QC_ERROR_ARGUMENT,
                    "size_rule is not native, but profile %s looks at patches of the image at its "
                    "own size",
                    recipe->profile);
    recipe->size_rule = options->size_rule;
    recipe->size_pixels = options->size_pixels;
    return QC_OK;
}

qc_status recipe_resolve(struct recipe *recipe, const struct qc_model *model,
                         const qc_scorer_options *options, struct message *message)
{
    const struct profile *profile = options->profile ? profile_find(options->profile) : NULL;
    *recipe = model->recipe;
    if (options->profile && !profile)
        return unknown_profile(options->profile, message);
    qc_status status = prompts_check_count(options, message);
    if (!status && profile)
        status = apply_profile(recipe, profile, model, !options->prompt_count, message);
    if (!status && options->prompt_count)
        status = apply_prompts(recipe, options, message);
    if (!status && options->temperature > 0)
        recipe->temperature = options->temperature;
    if (!status)
        status = apply_positions(recipe, model, options->positions, message);
    if (!status)
        status = apply_size(recipe, options, message);
    if (!status && recipe->size_rule == QC_SIZE_CROP && !recipe->size_pixels)
        recipe->size_pixels = 224;
    return status;
}

/* --------------------------------------------------------------------------------------- words */

void size_rule_text(qc_size_rule rule, uint32_t pixels, char text[SIZE_RULE_TEXT])
{
    switch (rule) {
    case QC_SIZE_CROP: format_text(text, SIZE_RULE_TEXT, "crop%u", (unsigned)pixels); break;
    case QC_SIZE_LONG: format_text(text, SIZE_RULE_TEXT, "long=%u", (unsigned)pixels); break;
    case QC_SIZE_TILES: format_text(text, SIZE_RULE_TEXT, "tiles"); break;
    case QC_SIZE_MODEL:
    case QC_SIZE_NATIVE: format_text(text, SIZE_RULE_TEXT, "native"); break;
    }
}

/* Digits alone, from 1 to 65535. */
static bool parse_pixels(const char *text, uint32_t *pixels)
{
    uint32_t number = 0;
    for (const char *at = text; *at; at++) {
        if (*at < '0' || *at > '9' || number > 6553)
            return false;
        number = 10 * number + (uint32_t)(*at - '0');
    }
    *pixels = number;
    return number > 0 && number <= 65535;
}

bool size_rule_parse(const char *text, qc_size_rule *rule, uint32_t *pixels)
{
    *pixels = 0;
    const char *crop = text_after(text, "crop"), *longest = text_after(text, "long=");
    if (same_text(text, "native"))
        *rule = QC_SIZE_NATIVE;
    else if (same_text(text, "tiles"))
        *rule = QC_SIZE_TILES;
    else if (crop && parse_pixels(crop, pixels))
        *rule = QC_SIZE_CROP;
    else if (longest && parse_pixels(longest, pixels))
        *rule = QC_SIZE_LONG;
    else
        return false;
    return true;
}

const char *positions_text(qc_positions positions)
{
    return positions == QC_POSITIONS_GRID   ? "grid"
           : positions == QC_POSITIONS_FLAT ? "flat"
                                            : "none";
}

void recipe_describe(const struct recipe *recipe, const qc_scorer_options *options,
                     size_t feature_size, char *text)
{
    static const char *const backgrounds[] = {"", " background=black", " background=white"};
    char size[SIZE_RULE_TEXT], prompts[PROMPTS_HASH_SIZE] = "model";
    size_rule_text(recipe->size_rule, recipe->size_pixels, size);
    if (recipe->source == PROMPTS_OF_PROFILE)
        format_text(prompts, sizeof prompts, "profile");
    else if (recipe->source == PROMPTS_OF_CALLER)
        prompts_hash(options, feature_size, prompts);
    format_text(text, QC_RECIPE_SIZE,
                "%.40s size=%s positions=%s scale=%.9g temperature=%.9g prompts=%s%s",
                *recipe->profile ? recipe->profile : "unnamed", size,
                positions_text(recipe->positions), (double)recipe->logit_scale,
                (double)recipe->temperature, prompts, backgrounds[options->background]);
}
