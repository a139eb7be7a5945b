/*
 * eval_labels.c - `qualiclip eval --mos`: reads or computes scores, reads labels, and prints how
 * well they agree.
 */
#include "eval_labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../commands.h"
#include "../diagnostics.h"
#include "../machine.h"
#include "../memory.h"
#include "agreement_report.h"
#include "eval_request.h"
#include "evaluation_output.h"
#include "folder_scores.h"

/* Scores the images with a model (NULL: the built-in one), as an exit status. */
static int compute(const struct eval_request *request, const char *model, struct scores *scores)
{
    char *arguments[128], name[] = "eval", option[] = "-m", recursive[] = "-r", end[] = "--";
    char threads[32];
    int count = 0;
    arguments[count++] = name;
    snprintf(threads, sizeof threads, "--threads=%lu", (unsigned long)request->threads);
    arguments[count++] = threads;
    for (size_t i = 0; i < request->scoring_count; i++)
        arguments[count++] = request->scoring[i];
    char *path = model ? copy_string(model) : NULL;
    if (path) {
        arguments[count++] = option;
        arguments[count++] = path;
    }
    arguments[count++] = recursive;
    arguments[count++] = end;
    for (size_t i = 0; i < request->image_count; i++)
        arguments[count++] = request->images[i];
    arguments[count] = NULL;
    scores->title = model ? model : "built-in model";
    const int status = folder_scores(scores, count, arguments);
    free(path);
    return status;
}

/* Files first, then models; an exit status, COMMAND_OK if there are scores of all. */
static int gather_scores(const struct eval_request *request, struct scores *models, size_t *count)
{
    char message[TABLE_MESSAGE_SIZE];
    int status = COMMAND_OK;
    for (size_t i = 0; i < request->file_count; i++) {
        if (!scores_read(&models[*count], request->files[i], &request->scores, message)) {
            complain("%s", printable(message).text);
            return COMMAND_FAILED;
        }
        models[(*count)++].title = request->files[i];
    }
    for (size_t i = 0; i < request->model_count; i++) {
        struct scores *scores = &models[(*count)++];
        const int result = compute(request, request->models[i], scores);
        if (result == COMMAND_USAGE || !scores->count)
            return result == COMMAND_OK ? COMMAND_FAILED : result;
        status = result != COMMAND_OK ? result : status;
    }
    return status;
}

/* Whether something could be compared of every model. */
static bool complain_of_nothing(const struct evaluation *evaluation)
{
    bool good = true;
    for (size_t i = 0; i < evaluation->model_count; i++) {
        if (evaluation->groups[0].agreements[i].count)
            continue;
        complain("%s: no image has both a score and an opinion; --verbose names them",
                 printable(evaluation->models[i].title).text);
        good = false;
    }
    return good;
}

static int judge(struct eval_request *request, const struct labels *labels)
{
    struct scores models[evaluation_models_max];
    struct evaluation evaluation;
    char message[TABLE_MESSAGE_SIZE];
    size_t count = 0;
    memset(models, 0, sizeof models);
    int status = gather_scores(request, models, &count);
    bool complete = count == request->file_count + request->model_count;
    for (size_t i = 0; i < count; i++)
        complete = complete && (models[i].count || i < request->file_count);
    request->evaluation.bootstrap =
        (struct bootstrap){request->resamples, request->seed,
                           request->threads ? request->threads : machine_processors()};
    if (complete && !evaluate(&evaluation, labels, models, count, &request->evaluation, message)) {
        complain("%s", printable(message).text);
        status = COMMAND_FAILED;
    } else if (complete) {
        if (request->verbose)
            evaluation_complain_of_names(&evaluation);
        if (!evaluation_print(&evaluation, request->format) || !complain_of_nothing(&evaluation))
            status = COMMAND_FAILED;
        if (request->page.path &&
            !write_agreement_report(&evaluation, &request->pictures, &request->page))
            status = COMMAND_FAILED;
        evaluation_free(&evaluation);
    }
    for (size_t i = 0; i < count; i++)
        scores_free(&models[i]);
    return status;
}

int eval_labels(int argc, char **argv)
{
    struct eval_request request;
    struct labels labels;
    char message[TABLE_MESSAGE_SIZE];
    int status;
    if (eval_request_parse(&request, argc, argv, &status)) {
        json_start();
        if (labels_read(&labels, request.mos, &request.labels, message)) {
            status = judge(&request, &labels);
            labels_free(&labels);
        } else {
            complain("%s", printable(message).text);
            status = COMMAND_FAILED;
        }
    }
    eval_request_free(&request);
    return status;
}
