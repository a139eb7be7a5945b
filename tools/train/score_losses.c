/*
 * score_losses.c - the score itself, as the library computes it, against what it should be: the
 * badness on a scale that all photos share, or what a teacher says.
 */
#include <math.h>

#include "losses.h"

static double score_of(const struct loss_recipe *recipe, double badness)
{
    return recipe->pristine_score +
           (recipe->worst_score - recipe->pristine_score) * badness / degradation_levels;
}

double wanted_score(const struct loss_recipe *recipe, const struct image_label *label)
{
    if (label->type == degradation_count)
        return recipe->strange_score;
    return score_of(recipe, (double)label->badness) *
           score_of(recipe, (double)label->base_badness) / recipe->pristine_score;
}

double whole_badness(const struct loss_recipe *recipe, const struct image_label *label)
{
    const double range = recipe->pristine_score - recipe->worst_score;
    if (!(label->base_badness > 0))
        return (double)label->badness;
    return degradation_levels * (recipe->pristine_score - wanted_score(recipe, label)) / range;
}

static double probability(const struct alignment *alignment, size_t image, uint32_t pair,
                          double scale)
{
    const double *cosines = alignment->cosines + image * alignment->texts + 2 * pair;
    return 1 / (1 + exp(-scale * (cosines[0] - cosines[1])));
}

/*
 * How far the score is from the wanted one: the divergence of two Bernoulli distributions, which is
 * the binary cross-entropy but for a constant, and zero where they agree.
 */
static double regress(struct alignment *alignment, size_t image, double wanted, double scale,
                      double weight)
{
    const uint32_t pairs = alignment->texts / 2;
    const double least = 1e-7;
    double score = 0;
    for (uint32_t pair = 0; pair < pairs; pair++)
        score += probability(alignment, image, pair, scale) / pairs;
    score = fmin(fmax(score, least), 1 - least);
    wanted = fmin(fmax(wanted, least), 1 - least);
    const double slope = (score - wanted) / (score * (1 - score)) * weight;
    for (uint32_t pair = 0; pair < pairs; pair++) {
        const double p = probability(alignment, image, pair, scale);
        double *gradients = alignment->gradients + image * alignment->texts + 2 * pair;
        const double gradient = slope * p * (1 - p) * scale / pairs;
        gradients[0] += gradient;
        gradients[1] -= gradient;
    }
    return wanted * log(wanted / score) + (1 - wanted) * log((1 - wanted) / (1 - score));
}

/* 1 - cosine between the student's feature and the teacher's. */
static double imitate(struct alignment *alignment, size_t image, const float *teacher,
                      double weight)
{
    const size_t first = image * alignment->size;
    double cosine = 0;
    for (uint32_t i = 0; i < alignment->size; i++) {
        cosine += alignment->unit_features[first + i] * teacher[first + i];
        alignment->unit_gradients[first + i] -= weight * teacher[first + i];
    }
    return 1 - cosine;
}

void score_losses(struct alignment *alignment, const struct batch *batch,
                  const struct loss_recipe *recipe, double logit_scale, struct losses *losses)
{
    const struct lesson *lesson = &batch->lesson;
    const double share = 1.0 / batch->images;
    double calibration = 0, score = 0, feature = 0;
    for (size_t image = 0; image < batch->images; image++) {
        if (recipe->calibration > 0)
            calibration +=
                share * regress(alignment, image, wanted_score(recipe, &batch->labels[image]),
                                logit_scale, share * recipe->calibration);
        if (lesson->scores)
            score += share * regress(alignment, image, lesson->scores[image], logit_scale,
                                     share * recipe->teacher_score);
        if (lesson->features)
            feature += share *
                       imitate(alignment, image, lesson->features, share * recipe->teacher_feature);
    }
    const double teacher = recipe->teacher_score * score + recipe->teacher_feature * feature;
    losses->terms[LOSS_CALIBRATION] = calibration;
    losses->terms[LOSS_TEACHER] = teacher;
    losses->total += recipe->calibration * calibration + teacher;
}
