/*
 * held_out.c - degrades once, scores often, through the library as anyone would.
 */
#include "held_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../evaluate/correlation.h"
#include "../evaluate/degradation_summary.h"
#include "../evaluate/fit_photo.h"
#include "../memory.h"
#include "photo_reading.h"
#include "pictures.h"
#include "qualiclip.h"

enum { IMAGES = 1 + degradation_count * degradation_levels, BATCH = 8 };

static size_t image_bytes(uint32_t side)
{
    return 3 * (size_t)side * side;
}

size_t held_out_bytes(uint32_t side)
{
    return IMAGES * image_bytes(side);
}

static void to_bytes(const float *values, size_t count, unsigned char *bytes)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)(values[i] * 255 + 0.5f);
}

/* The photo, and then each type at each level. */
static void degrade_all(const struct photo *photo, uint64_t seed, unsigned char *pixels)
{
    const size_t size = image_bytes(photo->width);
    struct photo degraded = *photo;
    degraded.pixels = reallocate(NULL, size, sizeof(float));
    to_bytes(photo->pixels, size, pixels);
    for (int type = 0; type < degradation_count; type++)
        for (int level = 0; level < degradation_levels; level++) {
            memcpy(degraded.pixels, photo->pixels, size * sizeof(float));
            degrade(&degraded, (enum degradation)type, degradation_kinds[type].strength[level],
                    seed);
            to_bytes(degraded.pixels, size, pixels += size);
        }
    free(degraded.pixels);
}

/* A photo as it is judged, and all that degradations make of it. */
static bool load(const char *path, uint32_t side, uint64_t seed, unsigned char *pixels,
                 char *message)
{
    struct opened_picture opened;
    struct photo photo;
    if (!picture_open(&opened, path, true, 0, message))
        return false;
    const qc_image image = qc_picture_view(opened.picture);
    const bool fits = fit_photo(&image, side, &photo);
    if (fits) {
        degrade_all(&photo, seed, pixels);
        free(photo.pixels);
    } else {
        snprintf(message, QC_MESSAGE_SIZE, "%ux%u pixels: photos to judge by need %u a side",
                 (unsigned)image.width, (unsigned)image.height, (unsigned)side);
    }
    picture_close(&opened);
    return fits;
}

struct loading {
    struct held_out *held_out;
    const char *const *paths;
};

/* The block of a photo is that of its place in the list until those before it have moved up. */
static unsigned char *block_of(const struct held_out *held_out, size_t index)
{
    return held_out->pixels + index * held_out_bytes(held_out->side);
}

static bool load_photo(void *context, size_t index, char *message)
{
    const struct loading *loading = context;
    const struct held_out *held_out = loading->held_out;
    return load(loading->paths[index], held_out->side, 1 + index, block_of(held_out, index),
                message);
}

static void keep_photo(void *context, size_t index)
{
    struct held_out *held_out = ((const struct loading *)context)->held_out;
    if (held_out->photos < index)
        memcpy(block_of(held_out, held_out->photos), block_of(held_out, index),
               held_out_bytes(held_out->side));
    held_out->photos++;
}

void held_out_load(struct held_out *held_out, const char *const *paths, size_t count, uint32_t side,
                   uint32_t workers)
{
    *held_out = (struct held_out){.side = side};
    held_out->pixels = reallocate(NULL, count, held_out_bytes(side));
    struct loading loading = {held_out, paths};
    const struct photo_reading reading = {.paths = paths,
                                          .count = count,
                                          .workers = workers,
                                          .unit = "photos kept aside",
                                          .read = load_photo,
                                          .keep = keep_photo,
                                          .context = &loading};
    read_photos(&reading);
}

void held_out_free(struct held_out *held_out)
{
    free(held_out->pixels);
    free(held_out->teacher_scores);
    *held_out = (struct held_out){0};
}

/* ------------------------------------------------------------------------------------ judging */

/* What the evaluation makes of the scores, which lie as those of its trials. */
static void summarise(double *scores, size_t photos, struct held_out_result *result)
{
    struct degradation_trial trial = {.models = 1, .photos = photos, .scores = scores};
    struct trial_summary summary;
    for (int type = 0; type < degradation_count; type++)
        trial.tried[type] = true;
    summarize_trial(&summary, &trial, 0);
    *result = (struct held_out_result){.within = summary.mean.levels,
                                       .across = summary.across,
                                       .weakest = summary.by_weakness[0],
                                       .pristine = summary.pristine.median,
                                       .worst = summary.worst.median};
    result->weakest_within = summary.types[result->weakest].levels;
}

static bool score_all(const struct held_out *held_out, qc_scorer *scorer, double *scores,
                      char *message)
{
    const size_t count = held_out->photos * IMAGES;
    for (size_t first = 0; first < count; first += BATCH) {
        qc_image images[BATCH];
        qc_result results[BATCH];
        const size_t some = count - first < BATCH ? count - first : BATCH;
        for (size_t i = 0; i < some; i++)
            qc_image_init(&images[i], QC_PIXEL_RGB, held_out->side, held_out->side,
                          held_out->pixels + (first + i) * image_bytes(held_out->side));
        if (qc_score_batch(scorer, images, some, results) != QC_OK) {
            snprintf(message, QC_MESSAGE_SIZE, "%s", qc_scorer_message(scorer));
            return false;
        }
        for (size_t i = 0; i < some; i++)
            scores[first + i] = (double)results[i].score;
    }
    return true;
}

static bool score_with(const struct held_out *held_out, const char *model_path, uint32_t threads,
                       double *scores, char *message)
{
    qc_model *model;
    qc_scorer *scorer = NULL;
    qc_model_options options;
    qc_scorer_options scorer_options;
    qc_model_options_init(&options);
    qc_scorer_options_init(&scorer_options);
    options.message = scorer_options.message = message;
    options.message_size = scorer_options.message_size = QC_MESSAGE_SIZE;
    scorer_options.max_width = scorer_options.max_height = held_out->side;
    scorer_options.max_batch = BATCH;
    scorer_options.threads = threads;
    bool good = qc_model_open(&model, model_path, &options) == QC_OK;
    good = good && qc_scorer_create(&scorer, model, &scorer_options) == QC_OK;
    good = good && score_all(held_out, scorer, scores, message);
    qc_scorer_destroy(scorer);
    qc_model_close(model);
    return good;
}

bool held_out_ask_teacher(struct held_out *held_out, const char *model_path, uint32_t threads,
                          char *message)
{
    held_out->teacher_scores =
        reallocate(NULL, held_out->photos * IMAGES, sizeof *held_out->teacher_scores);
    return score_with(held_out, model_path, threads, held_out->teacher_scores, message);
}

bool held_out_judge(const struct held_out *held_out, const char *model_path, uint32_t threads,
                    struct held_out_result *result, char *message)
{
    const size_t count = held_out->photos * IMAGES;
    double *scores = reallocate(NULL, count, sizeof *scores);
    const bool good = score_with(held_out, model_path, threads, scores, message);
    if (good) {
        summarise(scores, held_out->photos, result);
        result->like_teacher =
            held_out->teacher_scores ? spearman(scores, held_out->teacher_scores, count) : NAN;
    }
    free(scores);
    return good;
}
