/*
 * model_recipe.c - everything of a model file that is not the tower: how pixels are normalised, the
 * prompts, how cosines become a score, and where the file came from.
 */
#include "model_load.h"

#include <string.h>

#include "c_text.h"
#include "format.h"

#define PROMPTS   "qualiclip.prompts"
#define MAX_TEXTS 4096

static void load_float(struct loader *loader, const char *key, float *value)
{
    if (!loader->status)
        loader->status = gguf_get_f32(&loader->model->gguf, key, false, value, loader->message);
}

static void require_positive(struct loader *loader, const char *key, float value)
{
    if (!(value > 0))
        loader_fail(loader, QC_ERROR_FORMAT, "key %s is %g, expected a number above 0", key,
                    (double)value);
}

static void load_pixels(struct loader *loader)
{
    struct qc_model *model = loader->model;
    const struct gguf *gguf = &model->gguf;
    static const float clip_mean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
    static const float clip_std[3] = {0.26862954f, 0.26130258f, 0.27577711f};
    memcpy(model->image_mean, clip_mean, sizeof clip_mean);
    memcpy(model->image_std, clip_std, sizeof clip_std);
    if (loader->status ||
        (loader->status =
             gguf_get_f32s(gguf, KEY_IMAGE_MEAN, false, model->image_mean, 3, loader->message)) ||
        (loader->status =
             gguf_get_f32s(gguf, KEY_IMAGE_STD, false, model->image_std, 3, loader->message)))
        return;
    for (size_t i = 0; i < 3; i++)
        require_positive(loader, KEY_IMAGE_STD, model->image_std[i]);
}

static const char *load_text(struct loader *loader, const char *key)
{
    struct gguf_text text = {"", 0};
    if (!loader->status)
        loader->status = gguf_get_text(&loader->model->gguf, key, false, &text, loader->message);
    return loader_copy_text(loader, text);
}

static void load_readout(struct loader *loader, const struct profile *profile)
{
    struct recipe *recipe = &loader->model->recipe;
    struct gguf_text name = {NULL, 0};
    recipe->readout = profile ? profile->readout : QC_READOUT_PAIRS;
    if (loader->status || (loader->status = gguf_get_text(&loader->model->gguf, KEY_READOUT, false,
                                                          &name, loader->message)))
        return;
    if (!name.bytes)
        return;
    if (text_is(name, "pairs"))
        recipe->readout = QC_READOUT_PAIRS;
    else if (text_is(name, "levels"))
        recipe->readout = QC_READOUT_LEVELS;
    else if (text_is(name, "texts"))
        recipe->readout = QC_READOUT_TEXTS;
    else
        loader_fail(loader, QC_ERROR_UNSUPPORTED,
                    "key " KEY_READOUT " is \"%s\", expected \"pairs\", \"levels\" or \"texts\"",
                    gguf_label(name).text);
}

/* Names of the outputs, or NULL where the file has none. */
static const struct gguf_value *find_names(struct loader *loader)
{
    const struct gguf_value *names = gguf_find_value(&loader->model->gguf, KEY_PAIR_NAMES);
    if (names && (names->type != GGUF_ARRAY || names->array_type != GGUF_STRING))
        loader_fail(loader, QC_ERROR_FORMAT,
                    "key " KEY_PAIR_NAMES ": expected an array of strings");
    return names;
}

/* How many outputs that number of texts gives; 0: none can. */
static size_t count_outputs(qc_readout readout, uint64_t rows, const struct gguf_value *names)
{
    switch (readout) {
    case QC_READOUT_PAIRS: return rows % 2 || rows > 2 * QC_PAIRS_MAX ? 0 : (size_t)rows / 2;
    case QC_READOUT_TEXTS: return rows > QC_PAIRS_MAX ? 0 : (size_t)rows;
    case QC_READOUT_LEVELS: break;
    }
    const uint64_t levels = names ? names->count : 0;
    const bool good =
        levels >= 2 && levels <= QC_PAIRS_MAX && rows % levels == 0 && rows <= MAX_TEXTS;
    return good ? (size_t)levels : 0;
}

static void explain_rows(struct loader *loader, qc_readout readout, uint64_t rows)
{
    static const char *const expected[] = {"an even number up to 128: pairs of texts",
                                           "a multiple of the number of levels in " KEY_PAIR_NAMES
                                           ", up to 4096",
                                           "up to 64: one for each text"};
    loader_fail(loader, QC_ERROR_FORMAT, "tensor " PROMPTS " has %llu rows, expected %s",
                (unsigned long long)rows, expected[readout]);
}

/* Prompts are used as they are stored, as QualiCLIP does: of unit length, but nothing relies on it.
 */
static void load_prompts(struct loader *loader, const struct gguf_value *names)
{
    struct recipe *recipe = &loader->model->recipe;
    const struct gguf_tensor *tensor = gguf_find_tensor(&loader->model->gguf, PROMPTS);
    if (!tensor || loader->status)
        return;
    const uint64_t rows = tensor->shape[1];
    recipe->output_count = count_outputs(recipe->readout, rows, names);
    if (!recipe->output_count) {
        explain_rows(loader, recipe->readout, rows);
        return;
    }
    recipe->features =
        load_floats(loader, PROMPTS, (struct shape){{rows, loader->model->feature_size}});
    recipe->text_count = recipe->features ? (size_t)rows : 0;
}

static void load_output_names(struct loader *loader, const struct gguf_value *names)
{
    struct recipe *recipe = &loader->model->recipe;
    if (loader->status)
        return;
    if (names && names->count != recipe->output_count) {
        loader_fail(loader, QC_ERROR_FORMAT,
                    "key " KEY_PAIR_NAMES ": expected an array of %zu strings, one for each pair",
                    recipe->output_count);
        return;
    }
    char **copies = loader_allocate(loader, recipe->output_count, sizeof *copies);
    for (size_t i = 0; i < recipe->output_count && !loader->status; i++) {
        char numbered[32];
        const size_t size = format_text(numbered, sizeof numbered, "pair %zu", i + 1);
        const struct gguf_text otherwise = {numbered, size};
        copies[i] = loader_copy_text(loader, names ? gguf_string_at(names, i) : otherwise);
    }
    recipe->names = copies;
}

/* Whether the stored prompts are those of the profile: then other profiles with them need no text
 * tower. */
static bool are_prompts_of(const struct profile *profile, const struct recipe *recipe)
{
    bool same = profile && recipe->output_count == prompt_output_count(profile->prompts);
    for (size_t i = 0; same && i < recipe->output_count; i++) {
        char name[PROMPT_TEXT_SIZE];
        prompt_output_name(profile->prompts, i, name);
        same = same_text(name, recipe->names[i]);
    }
    return same;
}

static void load_scoring(struct loader *loader, const struct profile *profile)
{
    struct recipe *recipe = &loader->model->recipe;
    recipe->logit_scale = 100;
    recipe->temperature = 1;
    load_float(loader, KEY_LOGIT_SCALE, &recipe->logit_scale);
    load_float(loader, KEY_TEMPERATURE, &recipe->temperature);
    require_positive(loader, KEY_LOGIT_SCALE, recipe->logit_scale);
    require_positive(loader, KEY_TEMPERATURE, recipe->temperature);
    recipe->minimum = recipe->readout == QC_READOUT_LEVELS ? 1 : 0;
    recipe->maximum = recipe->readout == QC_READOUT_LEVELS ? (float)recipe->output_count : 1;
    recipe->low_level = profile && profile->low_level;
    if (recipe->low_level)
        recipe->maximum++;
}

static void load_position_mode(struct loader *loader)
{
    static const struct {
        const char *name;
        qc_positions positions;
    } modes[] = {
        {"none", QC_POSITIONS_NONE}, {"grid", QC_POSITIONS_GRID}, {"flat", QC_POSITIONS_FLAT}};
    struct qc_model *model = loader->model;
    qc_positions *positions = &model->recipe.positions;
    struct gguf_text mode = {NULL, 0};
    if (!loader->status)
        loader->status = gguf_get_text(&model->gguf, KEY_POSITIONS, false, &mode, loader->message);
    if (loader->status)
        return;
    *positions = model->info.has_positions ? QC_POSITIONS_GRID : QC_POSITIONS_NONE;
    if (!mode.bytes)
        return;
    *positions = QC_POSITIONS_MODEL;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (text_is(mode, modes[i].name))
            *positions = modes[i].positions;
    if (*positions == QC_POSITIONS_MODEL)
        loader_fail(loader, QC_ERROR_UNSUPPORTED,
                    "key " KEY_POSITIONS " is \"%s\", expected \"none\", \"grid\" or \"flat\"",
                    gguf_label(mode).text);
    else if (*positions != QC_POSITIONS_NONE && !model->info.has_positions)
        loader_fail(loader, QC_ERROR_FORMAT,
                    "key " KEY_POSITIONS " is \"%s\", but there are no positional embeddings",
                    gguf_label(mode).text);
}

/* "native", "tiles", "cropN", "long=N" */
static void load_size_rule(struct loader *loader)
{
    struct recipe *recipe = &loader->model->recipe;
    struct gguf_text text = {NULL, 0};
    recipe->size_rule = QC_SIZE_NATIVE;
    if (!loader->status)
        loader->status =
            gguf_get_text(&loader->model->gguf, KEY_SIZE, false, &text, loader->message);
    if (loader->status || !text.bytes)
        return;
    const struct gguf_label label = gguf_label(text);
    if (!size_rule_parse(label.text, &recipe->size_rule, &recipe->size_pixels))
        loader_fail(loader, QC_ERROR_UNSUPPORTED,
                    "key " KEY_SIZE " is \"%s\", expected \"native\", \"crop224\", \"long=N\" or "
                    "\"tiles\"",
                    label.text);
    if (recipe->low_level && recipe->size_rule != QC_SIZE_NATIVE)
        loader_fail(loader, QC_ERROR_FORMAT,
                    "key " KEY_SIZE " is \"%s\", but profile %s needs \"native\"", label.text,
                    recipe->profile);
}

static void describe(struct loader *loader)
{
    const struct recipe *recipe = &loader->model->recipe;
    qc_model_info *info = &loader->model->info;
    info->name = load_text(loader, KEY_NAME);
    info->profile = recipe->profile;
    info->license = load_text(loader, KEY_LICENSE);
    info->source = load_text(loader, KEY_SOURCE);
    info->text_source = load_text(loader, KEY_TEXT_SOURCE);
    info->context_source = load_text(loader, KEY_CONTEXT_SOURCE);
    info->converter = load_text(loader, KEY_CONVERTER);
    info->pair_count = (uint32_t)recipe->output_count;
    info->logit_scale = recipe->logit_scale;
    info->temperature = recipe->temperature;
    info->readout = recipe->readout;
    info->positions = recipe->positions;
    info->size_rule = recipe->size_rule;
    info->size_pixels = recipe->size_pixels;
    info->score_minimum = recipe->minimum;
    info->score_maximum = recipe->maximum;
}

void load_recipe(struct loader *loader)
{
    struct recipe *recipe = &loader->model->recipe;
    /* Prompts are not parameters of the tower. */
    const uint64_t parameters = loader->model->info.parameter_count;
    load_pixels(loader);
    recipe->profile = load_text(loader, KEY_PROFILE);
    const struct profile *profile = recipe->profile ? profile_find(recipe->profile) : NULL;
    const struct gguf_value *names = find_names(loader);
    load_readout(loader, profile);
    load_prompts(loader, names);
    load_output_names(loader, names);
    if (!loader->status)
        recipe->prompts = are_prompts_of(profile, recipe) ? profile->prompts : PROMPTS_ANY;
    load_scoring(loader, profile);
    load_position_mode(loader);
    load_size_rule(loader);
    describe(loader);
    loader->model->info.parameter_count = parameters;
}
