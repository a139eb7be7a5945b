/*
 * ranking_losses.c - L_cons, L_pos and L_neg of the paper, and a ranking between photos.
 */
#include <math.h>

#include "losses.h"

const char *const loss_term_names[loss_term_count] = {
    "consistency", "positive", "negative", "across", "calibration", "auxiliary", "teacher", "tokens"};

double rank_margin(const struct loss_recipe *recipe, double difference)
{
    return recipe->margin_grows ? recipe->rank_margin * sqrt(difference) : recipe->rank_margin;
}

static size_t image_at(uint32_t photo, uint32_t crop, uint32_t stage)
{
    return ((size_t)photo * CROPS + crop) * STAGES + stage;
}

/* Two cosines of which one shall exceed the other. */
struct comparison {
    size_t greater, less;
    double margin;
};

/* A hinge; its value and its gradient, times `weight` (0: the value alone). */
static double compare(struct alignment *alignment, struct comparison pair, double weight)
{
    const double *cosines = alignment->cosines;
    const double lacking = pair.margin - (cosines[pair.greater] - cosines[pair.less]);
    if (!(lacking > 0))
        return 0;
    alignment->gradients[pair.greater] -= weight;
    alignment->gradients[pair.less] += weight;
    return lacking;
}

/* ------------------------------------------------------------------------------- consistency */

/* Whether the crops of a stage can agree: what changes places may have missed one of them. */
static bool are_alike(const struct batch *batch, uint32_t photo, uint32_t stage)
{
    return batch->labels[image_at(photo, 0, stage)].badness ==
           batch->labels[image_at(photo, 1, stage)].badness;
}

static double consistency(struct alignment *alignment, const struct batch *batch,
                          const struct loss_recipe *recipe)
{
    const uint32_t texts = alignment->texts;
    double sum = 0;
    size_t count = 0;
    for (uint32_t photo = 0; photo < batch->photos; photo++)
        for (uint32_t stage = 0; stage < STAGES; stage++)
            count += are_alike(batch, photo, stage) ? texts : 0;
    for (uint32_t photo = 0; photo < batch->photos; photo++)
        for (uint32_t stage = 0; stage < STAGES; stage++)
            for (uint32_t text = 0; are_alike(batch, photo, stage) && text < texts; text++) {
                const size_t one = image_at(photo, 0, stage) * texts + text;
                const size_t other = image_at(photo, 1, stage) * texts + text;
                const double apart = alignment->cosines[one] - alignment->cosines[other];
                const double excess = fabs(apart) - recipe->consistency_margin;
                if (!(excess > 0))
                    continue;
                const double weight = copysign(recipe->consistency / (double)count, apart);
                sum += excess;
                alignment->gradients[one] += weight;
                alignment->gradients[other] -= weight;
            }
    return count ? sum / (double)count : 0;
}

/* ------------------------------------------------------------------------------ within a photo */

/* The margin between two stages of a crop; 0: they are not compared. */
static double stage_margin(const struct image_label *labels, uint32_t one, uint32_t other,
                           const struct loss_recipe *recipe)
{
    const double difference = fabs((double)labels[other].badness - labels[one].badness);
    if (!(difference > 0))
        return 0;
    return rank_margin(recipe, difference) * (one ? 1 : recipe->pristine_margin) *
           (labels->base_badness > 0 ? 0.5 : 1);
}

/* Calls for each two stages of each crop; returns the sum of their hinges, or counts them. */
static double rank_stages(struct alignment *alignment, const struct batch *batch,
                          const struct loss_recipe *recipe, unsigned negative, double weight,
                          size_t *count)
{
    const uint32_t texts = alignment->texts;
    double sum = 0;
    for (uint32_t i = 0; i < batch->photos * CROPS; i++) {
        const size_t image = (size_t)i * STAGES;
        const struct image_label *labels = batch->labels + image;
        for (uint32_t one = 0; one < STAGES; one++)
            for (uint32_t other = one + 1; other < STAGES; other++) {
                const double margin = stage_margin(labels, one, other, recipe);
                if (!(margin > 0))
                    continue;
                const bool in_order = labels[one].badness < labels[other].badness;
                const uint32_t better = in_order ? one : other, worse = in_order ? other : one;
                const uint32_t greater = negative ? worse : better;
                const uint32_t less = negative ? better : worse;
                if (count) {
                    *count += texts / 2;
                    continue;
                }
                for (uint32_t text = negative; text < texts; text += 2)
                    sum += compare(alignment,
                                   (struct comparison){(image + greater) * texts + text,
                                                       (image + less) * texts + text, margin},
                                   weight);
            }
    }
    return sum;
}

static double within(struct alignment *alignment, const struct batch *batch,
                     const struct loss_recipe *recipe, unsigned negative, double weight)
{
    size_t count = 0;
    rank_stages(alignment, batch, recipe, negative, 0, &count);
    if (!count)
        return 0;
    return rank_stages(alignment, batch, recipe, negative, weight / (double)count, NULL) /
           (double)count;
}

/* ------------------------------------------------------------------------------ between photos */

/* How far an image lies on the positive side: the mean over pairs of the cosines' difference. */
static double side(const struct alignment *alignment, size_t image)
{
    double sum = 0;
    for (uint32_t text = 0; text < alignment->texts; text += 2)
        sum += alignment->cosines[image * alignment->texts + text] -
               alignment->cosines[image * alignment->texts + text + 1];
    return sum * 2 / alignment->texts;
}

static void push_side(struct alignment *alignment, size_t image, double gradient)
{
    for (uint32_t text = 0; text < alignment->texts; text++)
        alignment->gradients[image * alignment->texts + text] +=
            (text % 2 ? -2 : 2) * gradient / alignment->texts;
}

static double across(struct alignment *alignment, const struct batch *batch,
                     const struct loss_recipe *recipe)
{
    const struct image_label *labels = batch->labels;
    double sum = 0;
    size_t count = 0;
    for (unsigned counting = 1; counting <= 1; counting--)
        for (size_t good = 0; good < batch->images; good++)
            for (size_t bad = 0; bad < batch->images; bad++) {
                const double worse =
                    whole_badness(recipe, &labels[bad]) - whole_badness(recipe, &labels[good]);
                if (labels[good].photo == labels[bad].photo || !(worse >= recipe->across_from) ||
                    !(worse > 0))
                    continue;
                if (counting) {
                    count++;
                    continue;
                }
                const double lacking =
                    rank_margin(recipe, worse) - (side(alignment, good) - side(alignment, bad));
                if (!(lacking > 0))
                    continue;
                sum += lacking;
                push_side(alignment, good, -recipe->across / (double)count);
                push_side(alignment, bad, recipe->across / (double)count);
            }
    return count ? sum / (double)count : 0;
}

void ranking_losses(struct alignment *alignment, const struct batch *batch,
                    const struct loss_recipe *recipe, struct losses *losses)
{
    const double terms[] = {
        recipe->consistency > 0 ? consistency(alignment, batch, recipe) : 0,
        recipe->positive > 0 ? within(alignment, batch, recipe, 0, recipe->positive) : 0,
        recipe->negative > 0 ? within(alignment, batch, recipe, 1, recipe->negative) : 0,
        recipe->across > 0 ? across(alignment, batch, recipe) : 0};
    const double weights[] = {recipe->consistency, recipe->positive, recipe->negative,
                              recipe->across};
    for (int term = 0; term < 4; term++) {
        losses->terms[LOSS_CONSISTENCY + term] = terms[term];
        losses->total += weights[term] * terms[term];
    }
}
