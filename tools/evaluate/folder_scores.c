/*
 * folder_scores.c - each image in one of the lanes, its score kept until all are there.
 */
#include "folder_scores.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../commands.h"
#include "../diagnostics.h"
#include "../image_run.h"
#include "../memory.h"
#include "../pictures.h"

/* Results that wait to be taken in order. */
struct results {
    qc_result *items; /* image i's is items[i % room] */
    size_t room;
    struct scores *scores;
};

static void score_image(struct image_run *run, size_t lane, const struct input *input,
                        qc_result *result)
{
    struct opened_picture opened;
    char message[QC_MESSAGE_SIZE] = "";
    memset(result, 0, sizeof *result);
    if (input->error || !picture_open(&opened, input->path, false, run->scaled_for, message)) {
        result->status = QC_ERROR_IO;
        snprintf(result->message, sizeof result->message, "%s",
                 input->error ? input->error : message);
        return;
    }
    lanes_score_picture(&run->lanes, lane, opened.picture, result);
    picture_tidy(result->message, input->path);
    picture_close(&opened);
}

static void score_images(struct image_run *run, void *context, size_t lane, size_t first,
                         size_t count)
{
    const struct results *results = context;
    for (size_t i = first; i < first + count; i++)
        score_image(run, lane, &run->inputs.items[i], &results->items[i % results->room]);
}

static bool keep_score(struct image_run *run, void *context, size_t index)
{
    struct results *results = context;
    const qc_result *result = &results->items[index % results->room];
    const char *path = run->inputs.items[index].path;
    if (result->status != QC_OK)
        image_run_failed(run, path, result->message);
    scores_add(results->scores, path, result->status == QC_OK ? (double)result->score : NAN);
    return true;
}

int folder_scores(struct scores *scores, int count, char **arguments)
{
    static const struct image_command command = {"eval", "", "", true};
    struct image_run run;
    optind = 1;
    if (!image_run_open(&run, &command, count, arguments))
        return run.status;
    if (run.films.any) {
        complain("films have no labels: name folders of photos");
        run.status = COMMAND_FAILED;
        return image_run_close(&run);
    }
    const size_t room = image_run_room(&run) * run.lanes.batch;
    struct results results = {reallocate(NULL, room, sizeof *results.items), room, scores};
    const struct image_work work = {image_run_room(&run), score_images, keep_score, &results};
    image_run_each(&run, &work);
    free(results.items);
    return image_run_close(&run);
}
