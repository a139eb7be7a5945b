/*
 * held_out.c - degrades once, scores often, through the library as anyone would.
 */
#include "held_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../evaluate/correlation.h"
#include "diagnostics.h"
#include "../memory.h"
#include "photo_set.h"
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

static void to_floats(const unsigned char *bytes, size_t count, float *values)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)bytes[i] / 255;
}

static void to_bytes(const float *values, size_t count, unsigned char *bytes)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)(values[i] * 255 + 0.5f);
}

/* The centre's largest square. */
static void cut_square(const struct cached_picture *from, struct cached_picture *square)
{
    const uint32_t side = from->width < from->height ? from->width : from->height;
    const size_t left = (from->width - side) / 2, top = (from->height - side) / 2;
    *square = (struct cached_picture){side, side, allocate(image_bytes(side))};
    for (uint32_t y = 0; y < side; y++)
        memcpy(square->pixels + 3 * (size_t)side * y,
               from->pixels + 3 * ((top + y) * from->width + left), 3 * (size_t)side);
}

/* The square, and then each type at each level. */
static void degrade_all(unsigned char *pixels, uint32_t side, uint64_t seed)
{
    const size_t size = image_bytes(side);
    struct photo photo = {side, side, reallocate(NULL, size, sizeof(float))};
    for (int type = 0; type < degradation_count; type++)
        for (int level = 0; level < degradation_levels; level++) {
            to_floats(pixels, size, photo.pixels);
            degrade(&photo, (enum degradation)type, degradation_kinds[type].strength[level], seed);
            to_bytes(photo.pixels, size,
                     pixels + (1 + (size_t)type * degradation_levels + (size_t)level) * size);
        }
    free(photo.pixels);
}

void held_out_load(struct held_out *held_out, const char *const *paths, size_t count, uint32_t side)
{
    struct photo_set set;
    photo_set_load(&set, paths, count, side, SIZE_MAX);
    *held_out = (struct held_out){.photos = set.count, .side = side};
    held_out->pixels = reallocate(NULL, set.count, held_out_bytes(side));
    for (size_t i = 0; i < set.count; i++) {
        struct cached_picture square;
        struct cached_picture first = {side, side, held_out->pixels + i * held_out_bytes(side)};
        cut_square(&set.photos[i].sizes[0], &square);
        scale_down(&square, &first);
        free(square.pixels);
        degrade_all(first.pixels, side, i);
    }
    photo_set_free(&set);
}

void held_out_free(struct held_out *held_out)
{
    free(held_out->pixels);
    free(held_out->teacher_scores);
    *held_out = (struct held_out){0};
}

/* ------------------------------------------------------------------------------------ judging */

/* Spearman's; 0 where either does not vary. */
static double rank_correlation(const double *x, const double *y, size_t count)
{
    const double correlation = spearman(x, y, count);
    return isnan(correlation) ? 0 : correlation;
}

static void summarise(const double *scores, size_t photos, struct held_out_result *result)
{
    const size_t count = photos * degradation_count * degradation_levels;
    double *faults = reallocate(NULL, count, sizeof *faults);
    double *badness = reallocate(NULL, count, sizeof *badness);
    size_t at = 0;
    *result = (struct held_out_result){0};
    for (size_t photo = 0; photo < photos; photo++) {
        const double *of_photo = scores + photo * IMAGES;
        result->pristine += of_photo[0] / (double)photos;
        for (int type = 0; type < degradation_count; type++) {
            const size_t first = at;
            for (int level = 0; level < degradation_levels; level++, at++) {
                faults[at] = -of_photo[1 + type * degradation_levels + level];
                badness[at] = degradation_kinds[type].badness[level];
            }
            result->worst -= faults[at - 1] / (double)(photos * degradation_count);
            result->by_type[type] +=
                rank_correlation(faults + first, badness + first, degradation_levels) /
                (double)photos;
        }
    }
    for (int type = 0; type < degradation_count; type++)
        result->within += result->by_type[type] / degradation_count;
    result->across = rank_correlation(faults, badness, count);
    free(faults);
    free(badness);
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
        result->like_teacher = held_out->teacher_scores
                                   ? rank_correlation(scores, held_out->teacher_scores, count)
                                   : NAN;
    }
    free(scores);
    return good;
}
