/*
 * recipe.c - the recipes that were tried.  docs/training.md tells where each number comes from.
 */
#include "recipe.h"

#include <string.h>

#include "problem.h"

#define FIELD(name, kind, member, least, most, meaning)                                            \
    {                                                                                              \
        name, kind, offsetof(struct recipe, member), least, most, meaning, false                   \
    }
#define LATE_FIELD(name, kind, member, least, most, meaning)                                       \
    {                                                                                              \
        name, kind, offsetof(struct recipe, member), least, most, meaning, true                    \
    }

const struct recipe_field recipe_fields[] = {
    FIELD("photos-a-step", RECIPE_COUNT, batch.photos, 1, 4096,
          "photos of a step; each gives 2 crops at 6 levels"),
    FIELD("crop", RECIPE_COUNT, batch.crop, 32, 1024, "pixels a side of a crop"),
    FIELD("strange", RECIPE_COUNT, batch.strange, 0, 4096,
          "flat colours and noise a step, which shall score low"),
    FIELD("between", RECIPE_SWITCH, batch.between, 0, 1, "levels between the five ones, too"),
    FIELD("detail", RECIPE_SWITCH, batch.choose_detail, 0, 1, "choose crops for detail"),
    FIELD("without-regard", RECIPE_NUMBER, batch.without_regard, 0, 1,
          "share of noise, compression and tone crops that is not"),
    FIELD("whole", RECIPE_NUMBER, batch.whole, 0, 1, "share of crops of nearly whole photos"),
    FIELD("stored", RECIPE_NUMBER, batch.stored, 0, 1,
          "share of series stored as JPEG of quality 80 to 97"),
    FIELD("compound", RECIPE_NUMBER, batch.compound, 0, 1,
          "share of series of photos that are degraded already"),
    FIELD("consistency", RECIPE_NUMBER, loss.consistency, 0, 1e6, "weight of L_cons"),
    FIELD("positive", RECIPE_NUMBER, loss.positive, 0, 1e6, "weight of L_pos"),
    FIELD("negative", RECIPE_NUMBER, loss.negative, 0, 1e6, "weight of L_neg"),
    FIELD("consistency-margin", RECIPE_NUMBER, loss.consistency_margin, 0, 2, "m_cons"),
    FIELD("rank-margin", RECIPE_NUMBER, loss.rank_margin, 0, 2, "m_rank"),
    FIELD("margin-grows", RECIPE_SWITCH, loss.margin_grows, 0, 1,
          "m_rank times the root of the levels' difference"),
    FIELD("pristine-margin", RECIPE_NUMBER, loss.pristine_margin, 0, 100,
          "the margin to the pristine crop, in m_rank; 0: not ranked"),
    FIELD("across", RECIPE_NUMBER, loss.across, 0, 1e6, "weight of the ranking between photos"),
    FIELD("across-from", RECIPE_NUMBER, loss.across_from, 0, 5, "levels apart for that"),
    FIELD("calibration", RECIPE_NUMBER, loss.calibration, 0, 1e6,
          "weight of the score's regression on the level"),
    FIELD("pristine-score", RECIPE_NUMBER, loss.pristine_score, 0, 1,
          "the score of a pristine photo"),
    FIELD("worst-score", RECIPE_NUMBER, loss.worst_score, 0, 1, "... of level 5"),
    FIELD("strange-score", RECIPE_NUMBER, loss.strange_score, 0, 1, "... of what is no photo"),
    FIELD("auxiliary", RECIPE_NUMBER, loss.auxiliary, 0, 1e6,
          "weight of naming type and level, at the start"),
    FIELD("auxiliary-until", RECIPE_NUMBER, loss.auxiliary_until, 0, 1,
          "share of the steps over which that fades"),
    FIELD("teacher-score", RECIPE_NUMBER, loss.teacher_score, 0, 1e6,
          "weight of the teacher's scores"),
    FIELD("teacher-feature", RECIPE_NUMBER, loss.teacher_feature, 0, 1e6,
          "... of its features, if of the student's size"),
    LATE_FIELD("teacher-tokens", RECIPE_NUMBER, loss.teacher_tokens, 0, 1e6,
               "... of its map's cells, for the patches of a ViT"),
    FIELD("steps", RECIPE_BIG_COUNT, steps, 1, 1e12, "steps in all"),
    FIELD("warm-up", RECIPE_BIG_COUNT, warm_up, 0, 1e12, "steps until the full rate"),
    FIELD("learning-rate", RECIPE_NUMBER, learning_rate, 0, 1, "AdamW's, falling as a cosine"),
    FIELD("weight-decay", RECIPE_NUMBER, weight_decay, 0, 1, "AdamW's"),
    FIELD("gradient-limit", RECIPE_NUMBER, gradient_limit, 0, 1e30,
          "the largest norm of the gradients; 0: none"),
    FIELD("average", RECIPE_NUMBER, average, 0, 1,
          "decay of the weights' running mean; 0: the last weights"),
    FIELD("logit-scale", RECIPE_NUMBER, logit_scale, 1e-3, 1e4, "of the model that is made"),
    FIELD("seed", RECIPE_BIG_COUNT, batch.seed, 0, 9007199254740992.0, "of all that is random"),
};
const size_t recipe_field_count = sizeof recipe_fields / sizeof *recipe_fields;

double recipe_get(const struct recipe *recipe, const struct recipe_field *field)
{
    const void *at = (const char *)recipe + field->offset;
    switch (field->kind) {
    case RECIPE_COUNT: return *(const uint32_t *)at;
    case RECIPE_BIG_COUNT: return (double)*(const uint64_t *)at;
    case RECIPE_SWITCH: return *(const bool *)at;
    default: return *(const double *)at;
    }
}

void recipe_set(struct recipe *recipe, const struct recipe_field *field, double value)
{
    void *at = (char *)recipe + field->offset;
    switch (field->kind) {
    case RECIPE_COUNT: *(uint32_t *)at = (uint32_t)value; break;
    case RECIPE_BIG_COUNT: *(uint64_t *)at = (uint64_t)value; break;
    case RECIPE_SWITCH: *(bool *)at = value > 0; break;
    default: *(double *)at = value;
    }
}

static size_t count_fields(bool late)
{
    size_t count = 0;
    for (size_t i = 0; i < recipe_field_count; i++)
        count += recipe_fields[i].late == late;
    return count;
}

size_t recipe_words(void)
{
    return recipe_field_count + degradation_count;
}

size_t recipe_words_of_before(void)
{
    return count_fields(false) + degradation_count;
}

static uint64_t *record_fields(const struct recipe *recipe, bool late, uint64_t *words)
{
    for (size_t i = 0; i < recipe_field_count; i++) {
        const double value = recipe_get(recipe, &recipe_fields[i]);
        if (recipe_fields[i].late == late)
            memcpy(words++, &value, sizeof value);
    }
    return words;
}

bool recipe_allows(const struct recipe_field *field, double value)
{
    return value >= field->least && value <= field->most &&
           (field->kind == RECIPE_NUMBER || value <= (double)(uint64_t)value);
}

/* The words behind them; NULL and why not in `message`. */
static const uint64_t *recall_fields(struct recipe *recipe, bool late, const uint64_t *words,
                                     char *message)
{
    for (size_t i = 0; i < recipe_field_count; i++) {
        const struct recipe_field *field = &recipe_fields[i];
        double value;
        if (field->late != late)
            continue;
        memcpy(&value, words++, sizeof value);
        if (!recipe_allows(field, value)) {
            problem(message, "%s is %.17g, expected a%s number from %g to %g", field->name, value,
                    field->kind == RECIPE_NUMBER ? "" : " whole", field->least, field->most);
            return NULL;
        }
        recipe_set(recipe, field, value);
    }
    return words;
}

void recipe_record(const struct recipe *recipe, uint64_t *words)
{
    words = record_fields(recipe, false, words);
    memcpy(words, recipe->batch.type_weights, sizeof recipe->batch.type_weights);
    record_fields(recipe, true, words + degradation_count);
}

bool recipe_recall(struct recipe *recipe, const uint64_t *words, char *message)
{
    words = recall_fields(recipe, false, words, message);
    if (!words)
        return false;
    memcpy(recipe->batch.type_weights, words, sizeof recipe->batch.type_weights);
    for (int type = 0; type < degradation_count; type++) {
        const double weight = recipe->batch.type_weights[type];
        if (!(weight >= 0 && weight <= RECIPE_TYPE_WEIGHT_MOST))
            return problem(message, "the weight of %s is %g, expected a number from 0 to %g",
                           degradation_kinds[type].name, weight, RECIPE_TYPE_WEIGHT_MOST);
    }
    return recall_fields(recipe, true, words + degradation_count, message) != NULL;
}

/* Types that a small tower learns late are drawn more often. */
static const struct {
    enum degradation type;
    double weight;
} slow_types[] = {
    {DEGRADE_NON_ECCENTRICITY_PATCH, 2.5},
    {DEGRADE_DARKEN, 2},
    {DEGRADE_MEAN_SHIFT, 2},
    {DEGRADE_BRIGHTEN, 2},
    {DEGRADE_LINEAR_CONTRAST, 1.5},
    {DEGRADE_SATURATION_HSV, 1.5},
    {DEGRADE_COLOR_SHIFT, 1.5},
};

static void weigh_evenly(struct batch_recipe *batch)
{
    for (int type = 0; type < degradation_count; type++)
        batch->type_weights[type] = degradation_available(type) ? 1 : 0;
}

void recipe_from_scratch(struct recipe *recipe)
{
    *recipe = (struct recipe){
        .batch = {.photos = 8,
                  .crop = 96,
                  .strange = 2,
                  .between = true,
                  .choose_detail = true,
                  .without_regard = 0.3,
                  .stored = 0.2,
                  .compound = 0.2,
                  .whole = 0.3},
        .loss = {.consistency = 1,
                 .positive = 1,
                 .negative = 1,
                 .consistency_margin = 0.02,
                 .rank_margin = 0.1,
                 .margin_grows = true,
                 .pristine_margin = 0.5,
                 .across = 0.3,
                 .across_from = 3,
                 .calibration = 0.5,
                 .pristine_score = 0.92,
                 .worst_score = 0.08,
                 .strange_score = 0.05,
                 .auxiliary = 1,
                 .auxiliary_until = 0.75},
        .steps = 6000,
        .warm_up = 100,
        .learning_rate = 2e-3,
        .weight_decay = 1e-2,
        .gradient_limit = 5,
        .average = 0.999,
        .logit_scale = 4,
    };
    weigh_evenly(&recipe->batch);
    for (size_t i = 0; i < sizeof slow_types / sizeof *slow_types; i++)
        recipe->batch.type_weights[slow_types[i].type] *= slow_types[i].weight;
}

void recipe_fine_tune(struct recipe *recipe)
{
    *recipe = (struct recipe){
        .batch = {.photos = 16, .crop = 224},
        .loss = {.consistency = 1,
                 .positive = 1,
                 .negative = 1,
                 .consistency_margin = 2.5e-3,
                 .rank_margin = 6.75e-2,
                 .pristine_score = 0.92,
                 .worst_score = 0.08,
                 .strange_score = 0.05,
                 .across_from = 3,
                 .auxiliary_until = 0.75},
        .learning_rate = 1e-9,
        .weight_decay = 1e-2,
        .gradient_limit = 5,
    };
    weigh_evenly(&recipe->batch);
}

void recipe_distil(struct recipe *recipe)
{
    recipe->loss.teacher_score = 2;
    recipe->loss.teacher_feature = 1;
    recipe->loss.teacher_tokens = TOKENS_IF_THEY_FIT;
    recipe->loss.calibration = 0;
    recipe->loss.across = 0;
    recipe->loss.consistency *= 0.2;
    recipe->loss.positive *= 0.2;
    recipe->loss.negative *= 0.2;
    recipe->loss.auxiliary *= 0.2;
}

void recipe_inherit(struct recipe *recipe)
{
    recipe->learning_rate = 5e-4;
    recipe->loss.auxiliary = 0;
}

void recipe_settle_tokens(struct recipe *recipe, bool fit)
{
    if (recipe->loss.teacher_tokens < 0)
        recipe->loss.teacher_tokens = fit ? 1 : 0;
}
