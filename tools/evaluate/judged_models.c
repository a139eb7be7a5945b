/*
 * judged_models.c - the public interface of the library, and nothing else of it.
 */
#include "judged_models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diagnostics.h"
#include "../memory.h"

static const char *path_name(const struct judged_model *model)
{
    return model->path ? model->path : "built-in model";
}

/* The file's name without its folder and .gguf. */
static void set_name(struct judged_model *model)
{
    if (!model->path) {
        snprintf(model->name, sizeof model->name, "built-in");
        return;
    }
    const char *slash = strrchr(model->path, '/');
    const char *base = slash && slash[1] ? slash + 1 : model->path;
    const char *ending = strrchr(base, '.');
    const bool known = ending && ending != base && strcmp(ending, ".gguf") == 0;
    const size_t length = known ? (size_t)(ending - base) : strlen(base);
    snprintf(model->name, sizeof model->name, "%.*s", (int)(length < 40 ? length : 40),
             printable(base).text);
}

/* Two of the same name are told apart by letters. */
static void tell_apart(struct judged_models *models)
{
    if (models->count < 2 || strcmp(models->items[0].name, models->items[1].name) != 0)
        return;
    for (size_t i = 0; i < models->count; i++) {
        char *name = models->items[i].name;
        const size_t length = strlen(name);
        snprintf(name + length, sizeof models->items[i].name - length, " (%c)", (char)('A' + i));
    }
}

static bool open_one(struct judged_model *model, size_t workers)
{
    char message[QC_MESSAGE_SIZE] = "";
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = message;
    options.message_size = sizeof message;
    const qc_status status = qc_model_open(&model->model, model->path, &options);
    if (status != QC_OK) {
        complain_about(path_name(model), message[0] ? message : qc_status_string(status));
        return false;
    }
    qc_model_describe(model->model, &model->info);
    set_name(model);
    model->scorers = reallocate(NULL, workers, sizeof *model->scorers);
    memset(model->scorers, 0, workers * sizeof *model->scorers);
    return true;
}

static qc_scorer *make_scorer(const struct judged_models *models, const struct judged_model *model,
                              char *message)
{
    qc_scorer *scorer;
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = options.max_height = models->side;
    options.max_batch = models->batch;
    options.message = message;
    options.message_size = QC_MESSAGE_SIZE;
    const qc_status status = qc_scorer_create(&scorer, model->model, &options);
    if (status != QC_OK && !message[0])
        snprintf(message, QC_MESSAGE_SIZE, "%s", qc_status_string(status));
    return scorer;
}

/* A model that cannot score, or not images of this size, is found before the work begins. */
static bool prepare(struct judged_models *models, struct judged_model *model)
{
    char message[QC_MESSAGE_SIZE] = "";
    if (models->side < model->info.minimum_size) {
        complain("%s: needs images of %u pixels a side or more: give --size", path_name(model),
                 (unsigned)model->info.minimum_size);
        return false;
    }
    model->scorers[0] = make_scorer(models, model, message);
    if (!model->scorers[0]) {
        complain_about(path_name(model), message);
        return false;
    }
    if (qc_scorer_pair_name(model->scorers[0], 0))
        return true;
    complain_about(path_name(model), "has no prompts to compare with: it can embed, but not score");
    return false;
}

bool judged_models_open(struct judged_models *models)
{
    for (size_t i = 0; i < models->count; i++) {
        if (!open_one(&models->items[i], models->workers) || !prepare(models, &models->items[i])) {
            judged_models_close(models);
            return false;
        }
    }
    tell_apart(models);
    return true;
}

void judged_models_close(struct judged_models *models)
{
    for (size_t i = 0; i < models->count; i++) {
        struct judged_model *model = &models->items[i];
        for (size_t j = 0; model->scorers && j < models->workers; j++)
            qc_scorer_destroy(model->scorers[j]);
        free(model->scorers);
        qc_model_close(model->model);
        model->scorers = NULL;
        model->model = NULL;
    }
}

bool judged_models_score(struct judged_models *models, size_t worker, size_t model,
                         const uint8_t *images, size_t count, double *scores, char *message)
{
    qc_scorer **scorer = &models->items[model].scorers[worker];
    qc_image *views = reallocate(NULL, count, sizeof *views);
    qc_result *results = reallocate(NULL, count, sizeof *results);
    const size_t size = (size_t)3 * models->side * models->side;
    if (!*scorer)
        *scorer = make_scorer(models, &models->items[model], message);
    bool good = *scorer != NULL;
    for (size_t i = 0; i < count; i++)
        qc_image_init(&views[i], QC_PIXEL_RGB, models->side, models->side, images + i * size);
    if (good && qc_score_batch(*scorer, views, count, results) != QC_OK) {
        snprintf(message, QC_MESSAGE_SIZE, "%s", qc_scorer_message(*scorer));
        good = false;
    }
    for (size_t i = 0; i < count && good; i++) {
        const qc_result *result = &results[i];
        const double least = (double)result->score_minimum, most = (double)result->score_maximum;
        scores[i] = ((double)result->score - least) / (most - least);
    }
    free(views);
    free(results);
    return good;
}
