/*
 * trainer.c - see trainer.h.
 */
#include "trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"

void trainer_create(struct trainer *trainer, const struct recipe *recipe, struct student *student,
                    struct adamw *optimiser)
{
    const uint32_t images = student->tower->batch, size = student->tower->shape.feature;
    *trainer = (struct trainer){.recipe = recipe,
                                .student = student,
                                .optimiser = optimiser,
                                .features = reallocate(NULL, (size_t)images * size, sizeof(float)),
                                .feature_gradients =
                                    reallocate(NULL, (size_t)images * size, sizeof(float))};
    alignment_create(&trainer->alignment, images, student->texts, size);
}

void trainer_free(struct trainer *trainer)
{
    alignment_free(&trainer->alignment);
    free(trainer->features);
    free(trainer->feature_gradients);
    *trainer = (struct trainer){0};
}

void trainer_centre(struct trainer *trainer, const struct batch *batch)
{
    struct tower *tower = trainer->student->tower;
    const struct tower_parameter *bias = tower_find(tower, "attnpool.c_proj.bias");
    const size_t size = tower->shape.feature;
    tower->operations->forward(tower, batch->pixels, trainer->features, true);
    if (tower->shape.kind == TRAIN_VIT) {
        tower_centre_vit(tower);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        double sum = 0;
        for (size_t image = 0; image < tower->batch; image++)
            sum += trainer->features[image * size + i];
        bias->values[i] -= (float)(sum / tower->batch);
    }
}

double learning_rate_at(const struct recipe *recipe, uint64_t step)
{
    const double done = (double)step, warm_up = (double)recipe->warm_up;
    if (step < recipe->warm_up)
        return recipe->learning_rate * (done + 1) / warm_up;
    const double rest = fmax((double)recipe->steps - warm_up, 1);
    const double share = fmin((done - warm_up) / rest, 1);
    return recipe->learning_rate * 0.5 * (1 + cos(3.141592653589793 * share));
}

static double auxiliary_weight(const struct recipe *recipe, uint64_t step)
{
    const double until = recipe->loss.auxiliary_until * (double)recipe->steps;
    return until > 0 ? recipe->loss.auxiliary * fmax(0, 1 - (double)step / until) : 0;
}

/* The losses of the features, and their gradients by the features, the prompts and the head. */
static void find_losses(struct trainer *trainer, const struct batch *batch, struct losses *losses)
{
    const struct recipe *recipe = trainer->recipe;
    struct student *student = trainer->student;
    struct alignment *alignment = &trainer->alignment;
    *losses = (struct losses){0};
    alignment_forward(alignment, trainer->features, student->prompts);
    ranking_losses(alignment, batch, &recipe->loss, losses);
    score_losses(alignment, batch, &recipe->loss, recipe->logit_scale, losses);
    alignment_backward(alignment, trainer->feature_gradients,
                       student->prompts_learn ? student->prompt_gradients : NULL);
    auxiliary_loss(&student->head, batch, trainer->features,
                   auxiliary_weight(recipe, trainer->step), trainer->feature_gradients, losses);
}

void trainer_step(struct trainer *trainer, const struct batch *batch, struct step_report *report)
{
    const struct recipe *recipe = trainer->recipe;
    struct student *student = trainer->student;
    struct tower *tower = student->tower;
    tower->operations->forward(tower, batch->pixels, trainer->features, true);
    find_losses(trainer, batch, &report->losses);
    tower->operations->backward(tower, trainer->feature_gradients);
    report->gradient_norm = student_clip(student, recipe->gradient_limit);
    report->learning_rate = learning_rate_at(recipe, trainer->step);
    report->finite = isfinite(report->losses.total) && isfinite(report->gradient_norm);
    if (!report->finite)
        return;
    adamw_step(trainer->optimiser, report->learning_rate);
    if (recipe->average > 0)
        student_average(student, recipe->average, trainer->step);
    trainer->step++;
}
