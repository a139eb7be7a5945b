/*
 * pristine_measure.c - what a model's low-level part sees in the chosen patches: photos are read
 * again, one at a time, and nothing but running sums is kept of them.
 */
#include "pristine.h"

#include <math.h>
#include <stdlib.h>

#include "../../lib/patch_statistics.h"
#include "problem.h"

#define PATCHES_AT_ONCE 32

/* The patches from `first` on that are in the same photo, at most PATCHES_AT_ONCE. */
static size_t run_length(const struct pristine *pristine, size_t first)
{
    size_t count = 1;
    while (count < PATCHES_AT_ONCE && first + count < pristine->patch_count &&
           pristine->patches[first + count].photo == pristine->patches[first].photo)
        count++;
    return count;
}

/* Encodes `count` patches of one photo and adds what comes out. */
static bool add_features(const struct pristine *pristine, size_t first, size_t count,
                         const qc_image *image, const qc_model *model, uint32_t threads,
                         float *features, double *difference, struct patch_statistics *statistics,
                         char *message)
{
    qc_image patches[PATCHES_AT_ONCE];
    char reason[QC_MESSAGE_SIZE];
    for (size_t i = 0; i < count; i++) {
        const struct pristine_patch *place = &pristine->patches[first + i];
        if (image->width < place->x + QC_PATCH_SIDE || image->height < place->y + QC_PATCH_SIDE)
            return problem(message, "%.200s: was changed while it was read",
                           origin_of(pristine->paths[place->photo]));
        patches[i] = pristine_patch_of(image, place->x, place->y);
    }
    qc_status status =
        qc_embed_patches(model, patches, count, threads, features, reason, sizeof reason);
    if (status == QC_ERROR_UNSUPPORTED && threads > 1) /* a build without threads */
        status = qc_embed_patches(model, patches, count, 1, features, reason, sizeof reason);
    if (status != QC_OK)
        return problem(message, "%s", reason);
    for (size_t i = 0; i < count; i++)
        patch_statistics_add(statistics, features + i * statistics->size, difference);
    return true;
}

static bool add_all(const struct pristine *pristine, const qc_model *model, uint32_t threads,
                    float *features, double *difference, struct patch_statistics *statistics,
                    char *message)
{
    qc_picture *picture = NULL;
    size_t open = SIZE_MAX; /* the photo that `picture` is */
    bool good = true;
    patch_statistics_reset(statistics);
    for (size_t first = 0, count; good && first < pristine->patch_count; first += count) {
        const size_t photo = pristine->patches[first].photo;
        count = run_length(pristine, first);
        if (photo != open) {
            qc_picture_free(picture);
            picture = NULL;
            open = photo;
            good = pristine_read(&picture, pristine->paths[photo], message);
        }
        if (good) {
            const qc_image image = qc_picture_view(picture);
            good = add_features(pristine, first, count, &image, model, threads, features,
                                difference, statistics, message);
        }
    }
    qc_picture_free(picture);
    return good;
}

bool pristine_measure(const struct pristine *pristine, const qc_model *model, uint32_t threads,
                      double *mean, double *covariance, char *message)
{
    qc_model_info info;
    qc_model_describe(model, &info);
    const size_t size = info.patch_feature_size;
    struct patch_statistics statistics = {.size = size, .mean = mean, .products = covariance};
    float *features = calloc(PATCHES_AT_ONCE * (size ? size : 1), sizeof *features);
    double *difference = calloc(size ? size : 1, sizeof *difference);
    bool good = features && difference;
    if (!good)
        problem(message, "out of memory");
    good = good && add_all(pristine, model, threads, features, difference, &statistics, message);
    free(features);
    free(difference);
    for (size_t row = 0; good && row < size; row++)
        for (size_t column = 0; column <= row; column++) {
            const double element = patch_covariance(&statistics, row, column);
            covariance[row * size + column] = covariance[column * size + row] = element;
            if (!isfinite(element))
                good = problem(message, "the pristine patches' features are not finite: the "
                                        "low-level model overflows on them");
        }
    return good;
}
