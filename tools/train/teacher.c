/*
 * teacher.c - by the public library, as anyone would ask a model: images of 8 bits in, scores and
 * unit features out.  Where cells are wanted, too, teacher_tower.c is asked instead.
 */
#include "teacher.h"

#include <stdlib.h>
#include <string.h>

#include "../memory.h"
#include "pixels.h"
#include "problem.h"
#include "qualiclip.h"
#include "teacher_tower.h"

struct teacher {
    struct teacher_tower *tower; /* NULL: the rest is asked */
    qc_model *model;
    uint32_t crop, feature, workers;
    double least, range; /* of its scores */
    qc_scorer **scorers; /* one for each worker */
    unsigned char **images;
};

const char *teacher_path(const char *name)
{
    return strcmp(name, "built-in") == 0 ? NULL : name;
}

static bool open_scorers(struct teacher *teacher, char *message)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = options.max_height = teacher->crop;
    options.message = message;
    options.message_size = QC_MESSAGE_SIZE;
    for (uint32_t i = 0; i < teacher->workers; i++) {
        teacher->images[i] = allocate(3 * (size_t)teacher->crop * teacher->crop);
        if (qc_scorer_create(&teacher->scorers[i], teacher->model, &options) != QC_OK)
            return false;
        options.prompts_of = teacher->scorers[0];
    }
    return true;
}

static bool look_at_model(struct teacher *teacher, const char *path, uint32_t feature,
                          char *message)
{
    qc_model_info info;
    qc_model_describe(teacher->model, &info);
    teacher->feature = info.feature_size == feature ? feature : 0;
    teacher->least = (double)info.score_minimum;
    teacher->range = (double)info.score_maximum - teacher->least;
    if (!info.pair_count)
        return problem(message, "%.200s: has no prompts: it cannot score, and not teach", path);
    if (info.minimum_size > teacher->crop)
        return problem(message, "%.200s: needs images of %u pixels a side: give --crop=%u", path,
                       (unsigned)info.minimum_size, (unsigned)info.minimum_size);
    return true;
}

static bool open_tower(struct teacher *teacher, const struct teacher_order *order, char *message)
{
    teacher->feature = order->feature;
    teacher->tower = teacher_tower_open(order->name, order->crop, order->workers, message);
    if (teacher->tower && order->photos)
        teacher_tower_centre(teacher->tower, order->photos, order->recipe, order->of_features);
    return teacher->tower != NULL;
}

static bool open_model(struct teacher *teacher, const struct teacher_order *order, char *message)
{
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = message;
    options.message_size = QC_MESSAGE_SIZE;
    teacher->scorers = calloc(order->workers, sizeof(qc_scorer *));
    teacher->images = calloc(order->workers, sizeof(unsigned char *));
    return teacher->scorers && teacher->images &&
           qc_model_open(&teacher->model, teacher_path(order->name), &options) == QC_OK &&
           look_at_model(teacher, order->name, order->feature, message) &&
           open_scorers(teacher, message);
}

struct teacher *teacher_open(const struct teacher_order *order, char *message)
{
    struct teacher *teacher = allocate(sizeof *teacher);
    *teacher = (struct teacher){.crop = order->crop, .workers = order->workers};
    if ((order->cells ? open_tower : open_model)(teacher, order, message))
        return teacher;
    teacher_close(teacher);
    return NULL;
}

void teacher_close(struct teacher *teacher)
{
    if (!teacher)
        return;
    for (uint32_t i = 0; i < teacher->workers; i++) {
        if (teacher->scorers)
            qc_scorer_destroy(teacher->scorers[i]);
        if (teacher->images)
            free(teacher->images[i]);
    }
    teacher_tower_close(teacher->tower);
    qc_model_close(teacher->model);
    free(teacher->scorers);
    free(teacher->images);
    free(teacher);
}

bool teacher_has_features(const struct teacher *teacher)
{
    return teacher->feature != 0;
}

uint32_t teacher_cells(const struct teacher *teacher)
{
    return teacher->tower ? teacher_tower_cells(teacher->tower) : 0;
}

void teacher_judge(void *context, uint32_t worker, struct batch *batch)
{
    const struct teacher *teacher = context;
    if (teacher->tower) {
        teacher_tower_judge(teacher->tower, worker, batch);
        return;
    }
    qc_scorer *scorer = teacher->scorers[worker];
    const size_t values = 3 * (size_t)teacher->crop * teacher->crop;
    const struct batch_share *share = &batch->share;
    for (uint32_t i = share->first_image; i < share->first_image + share->images; i++) {
        qc_image image;
        qc_result result;
        pixels_to_bytes(batch->pixels + (i - share->first_image) * values, values / 3,
                        teacher->images[worker]);
        qc_image_init(&image, QC_PIXEL_RGB, teacher->crop, teacher->crop, teacher->images[worker]);
        const bool scored = qc_score(scorer, &image, &result) == QC_OK;
        batch->lesson.scores[i] =
            scored ? (float)(((double)result.score - teacher->least) / teacher->range) : 0.5f;
        if (!batch->lesson.features)
            continue;
        float *feature = batch->lesson.features + (size_t)i * teacher->feature;
        if (qc_embed(scorer, &image, feature) != QC_OK)
            memset(feature, 0, teacher->feature * sizeof *feature);
    }
}
