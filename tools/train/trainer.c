/*
 * trainer.c - see trainer.h.
 */
#include "trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"
#include "ranks.h"

void trainer_create(struct trainer *trainer, const struct recipe *recipe, struct student *student,
                    struct adamw *optimiser)
{
    const uint32_t images = batch_images(&recipe->batch), size = student->tower->shape.feature;
    *trainer = (struct trainer){.recipe = recipe,
                                .student = student,
                                .optimiser = optimiser,
                                .features = reallocate(NULL, (size_t)images * size, sizeof(float)),
                                .feature_gradients =
                                    reallocate(NULL, (size_t)images * size, sizeof(float)),
                                .image_counts = reallocate(NULL, rank_count(), sizeof(size_t))};
    batch_create(&trainer->whole, &recipe->batch, (struct batch_share){0});
    for (uint32_t rank = 0; rank < rank_count(); rank++)
        trainer->image_counts[rank] = batch_share_of(&recipe->batch, rank, rank_count()).images;
    alignment_create(&trainer->alignment, images, student->texts, size);
}

void trainer_free(struct trainer *trainer)
{
    alignment_free(&trainer->alignment);
    batch_free(&trainer->whole);
    free(trainer->features);
    free(trainer->feature_gradients);
    free(trainer->image_counts);
    *trainer = (struct trainer){0};
}

/* ---------------------------------------------------------------------------- several processes */

/* What each process has of so many bytes an image goes to all of them. */
static void gather(const struct trainer *trainer, void *all, size_t bytes)
{
    size_t sizes[TOWER_PEERS_MAX];
    for (uint32_t rank = 0; rank < rank_count(); rank++)
        sizes[rank] = trainer->image_counts[rank] * bytes;
    ranks_gather(all, sizes);
}

/* The features of the whole batch, of which each process computes its share. */
static void find_features(struct trainer *trainer, const struct batch *batch)
{
    struct tower *tower = trainer->student->tower;
    const size_t size = tower->shape.feature;
    tower->operations->forward(tower, batch->pixels,
                               trainer->features + batch->share.first_image * size, true);
    gather(trainer, trainer->features, size * sizeof(float));
}

/* The batch with labels and lessons of all images. */
static const struct batch *whole_batch(struct trainer *trainer, const struct batch *batch)
{
    struct batch *whole = &trainer->whole;
    const size_t size = trainer->student->tower->shape.feature;
    if (rank_count() == 1)
        return batch;
    memcpy(whole->labels, batch->labels, batch->images * sizeof *whole->labels);
    gather(trainer, whole->labels, sizeof *whole->labels);
    if (batch->lesson.scores && !whole->lesson.scores)
        batch_add_lesson(whole, batch->lesson.features ? (uint32_t)size : 0, 0);
    if (batch->lesson.scores) {
        memcpy(whole->lesson.scores, batch->lesson.scores, batch->images * sizeof(float));
        gather(trainer, whole->lesson.scores, sizeof(float));
    }
    if (batch->lesson.features) {
        memcpy(whole->lesson.features, batch->lesson.features,
               batch->images * size * sizeof(float));
        gather(trainer, whole->lesson.features, size * sizeof(float));
    }
    return whole;
}

static void sum_gradients(struct tower *tower)
{
    for (size_t i = 0; i < tower->parameter_count; i++)
        if (tower->parameters[i].gradient)
            ranks_sum(tower->parameters[i].gradient, tower->parameters[i].count);
}

/* --------------------------------------------------------------------------------------- steps */

void trainer_centre(struct trainer *trainer, const struct batch *batch)
{
    struct tower *tower = trainer->student->tower;
    const struct tower_parameter *bias = tower_find(tower, "attnpool.c_proj.bias");
    const size_t size = tower->shape.feature;
    find_features(trainer, batch);
    if (!bias) {
        tower_centre_vit(tower);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        double sum = 0;
        for (size_t image = 0; image < batch->images; image++)
            sum += trainer->features[image * size + i];
        bias->values[i] -= (float)(sum / batch->images);
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

/* Each process has the cells and the patches of its own images. */
static void find_token_loss(const struct trainer *trainer, const struct batch *batch,
                            struct losses *losses)
{
    const double weight = trainer->recipe->loss.teacher_tokens;
    if (!batch->lesson.cells)
        return;
    float sum = (float)token_loss(trainer->student->tower, batch, weight);
    ranks_sum(&sum, 1);
    losses->terms[LOSS_TOKENS] = (double)sum;
    losses->total += weight * (double)sum;
}

void trainer_step(struct trainer *trainer, const struct batch *batch, struct step_report *report)
{
    const struct recipe *recipe = trainer->recipe;
    struct student *student = trainer->student;
    struct tower *tower = student->tower;
    find_features(trainer, batch);
    find_losses(trainer, whole_batch(trainer, batch), &report->losses);
    find_token_loss(trainer, batch, &report->losses);
    tower->operations->backward(tower, trainer->feature_gradients +
                                           (size_t)batch->share.first_image * tower->shape.feature);
    sum_gradients(tower);
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
