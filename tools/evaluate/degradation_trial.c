/*
 * degradation_trial.c - a piece of work is a photo and one type: five images, or the pristine one.
 *
 * Pieces of a photo follow each other, and a worker keeps the last photo it has loaded.  The images
 * are rounded to 8 bits, as files are.
 */
#include "degradation_trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fit_photo.h"
#include "in_order.h"
#include "../memory.h"

enum { images_of_photo = 1 + degradation_count * degradation_levels };

static double *score_place(const struct degradation_trial *trial, size_t model, size_t photo,
                           enum degradation type, size_t step)
{
    const size_t image = step == 0 ? 0 : 1 + (size_t)type * degradation_levels + step - 1;
    return &trial->scores[(model * trial->photos + photo) * images_of_photo + image];
}

void degradation_trial_open(struct degradation_trial *trial, size_t models, size_t photos)
{
    *trial = (struct degradation_trial){.models = models, .photos = photos};
    const size_t count = models * photos;
    trial->scores = reallocate(NULL, count, images_of_photo * sizeof *trial->scores);
    for (size_t i = 0; i < count * images_of_photo; i++)
        trial->scores[i] = NAN;
}

void degradation_trial_close(struct degradation_trial *trial)
{
    free(trial->scores);
    *trial = (struct degradation_trial){0};
}

size_t degradation_trial_types(const struct degradation_trial *trial)
{
    size_t types = 0;
    for (size_t i = 0; i < degradation_count; i++)
        types += trial->tried[i];
    return types;
}

size_t degradation_trial_images(const struct degradation_trial *trial, size_t photos)
{
    return photos * (1 + degradation_trial_types(trial) * degradation_levels);
}

double degradation_trial_score(const struct degradation_trial *trial, size_t model, size_t photo,
                               enum degradation type, size_t step)
{
    return *score_place(trial, model, photo, type, step);
}

size_t degradation_trial_scored(const struct degradation_trial *trial)
{
    size_t count = 0;
    for (size_t photo = 0; photo < trial->photos; photo++)
        count += !isnan(degradation_trial_score(trial, 0, photo, DEGRADE_GAUSSIAN_BLUR, 0));
    return count;
}

/* ----------------------------------------------------------------------------------- the work */

struct worker {
    struct photo photo, spoilt;
    size_t loaded; /* which photo `photo` is */
    bool usable;   /* ... and whether it could be loaded */
    uint8_t *images;
};

struct run {
    struct degradation_trial *trial;
    const struct trial_setup *setup;
    const struct trial_world *world;
    enum degradation types[degradation_count];
    size_t pieces_of_photo;
    struct worker *workers;
    char **failures; /* of each piece; NULL: none */
    size_t images;
    bool complete;
};

static void note(struct run *run, size_t piece, const char *message)
{
    if (!run->failures[piece])
        run->failures[piece] = copy_string(message);
}

static void forget_photo(struct worker *worker)
{
    free(worker->photo.pixels);
    worker->photo.pixels = NULL;
}

/* Loads the piece's photo unless it is there; of a photo's pieces the first one complains. */
static bool have_photo(struct run *run, struct worker *worker, size_t piece)
{
    const size_t photo = piece / run->pieces_of_photo;
    char message[QC_MESSAGE_SIZE] = "";
    if (worker->loaded != photo) {
        forget_photo(worker);
        worker->loaded = photo;
        worker->usable = run->world->load(run->world->context, photo, &worker->photo, message);
        if (!worker->usable && piece % run->pieces_of_photo == 0)
            note(run, piece, message);
    }
    return worker->usable;
}

/* Five levels of one type, one after the other in `images`. */
static bool make_series(struct run *run, struct worker *worker, size_t photo, enum degradation type,
                        char *message)
{
    const size_t size = (size_t)3 * worker->photo.width * worker->photo.height;
    const struct degradation_kind *kind = &degradation_kinds[type];
    for (size_t level = 0; level < degradation_levels; level++) {
        memcpy(worker->spoilt.pixels, worker->photo.pixels, size * sizeof(float));
        if (!degrade(&worker->spoilt, type, kind->strength[level], run->setup->seed + photo)) {
            snprintf(message, QC_MESSAGE_SIZE, "%s of level %zu failed", kind->name, level + 1);
            return false;
        }
        photo_to_bytes(&worker->spoilt, worker->images + level * size);
    }
    return true;
}

static void score_piece(void *context, size_t number, size_t piece)
{
    struct run *run = context;
    struct worker *worker = &run->workers[number];
    const size_t photo = piece / run->pieces_of_photo, part = piece % run->pieces_of_photo;
    const enum degradation type = part ? run->types[part - 1] : DEGRADE_GAUSSIAN_BLUR;
    const size_t count = part ? degradation_levels : 1;
    char message[QC_MESSAGE_SIZE] = "";
    if (!have_photo(run, worker, piece))
        return;
    if (part == 0)
        photo_to_bytes(&worker->photo, worker->images);
    else if (!make_series(run, worker, photo, type, message)) {
        note(run, piece, message);
        return;
    }
    for (size_t model = 0; model < run->trial->models; model++) {
        double *scores = score_place(run->trial, model, photo, type, part ? 1 : 0);
        if (run->world->score(run->world->context, number, model, worker->images, count, scores,
                              message))
            continue;
        note(run, piece, message);
        for (size_t i = 0; i < count; i++)
            scores[i] = NAN;
    }
}

static bool take_piece(void *context, size_t piece)
{
    struct run *run = context;
    const struct trial_world *world = run->world;
    if (run->failures[piece]) {
        world->failed(world->context, piece / run->pieces_of_photo, run->failures[piece]);
        run->complete = false;
    }
    run->images += piece % run->pieces_of_photo ? degradation_levels : 1;
    world->progress(world->context, run->images);
    return true;
}

static void open_workers(struct run *run)
{
    const size_t size = (size_t)3 * run->setup->side * run->setup->side;
    run->workers = reallocate(NULL, run->setup->workers, sizeof *run->workers);
    for (size_t i = 0; i < run->setup->workers; i++)
        run->workers[i] = (struct worker){
            .spoilt = {run->setup->side, run->setup->side, reallocate(NULL, size, sizeof(float))},
            .loaded = SIZE_MAX,
            .images = reallocate(NULL, size, degradation_levels)};
}

bool degradation_trial_run(struct degradation_trial *trial, const struct trial_setup *setup,
                           const struct trial_world *world)
{
    struct run run = {.trial = trial, .setup = setup, .world = world, .complete = true};
    size_t types = 0;
    for (size_t i = 0; i < degradation_count; i++)
        if (trial->tried[i])
            run.types[types++] = (enum degradation)i;
    run.pieces_of_photo = 1 + types;
    const size_t pieces = trial->photos * run.pieces_of_photo;
    run.failures = reallocate(NULL, pieces, sizeof *run.failures);
    memset(run.failures, 0, pieces * sizeof *run.failures);
    open_workers(&run);
    const struct ordered_work work = {.count = pieces,
                                      .workers = setup->workers,
                                      .ahead = 4 * setup->workers,
                                      .work = score_piece,
                                      .take = take_piece,
                                      .context = &run};
    run_in_order(&work);
    for (size_t i = 0; i < setup->workers; i++) {
        forget_photo(&run.workers[i]);
        free(run.workers[i].spoilt.pixels);
        free(run.workers[i].images);
    }
    for (size_t i = 0; i < pieces; i++)
        free(run.failures[i]);
    free(run.failures);
    free(run.workers);
    return run.complete;
}
