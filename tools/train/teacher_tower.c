/*
 * teacher_tower.c - see teacher_tower.h.
 *
 * A batch goes through the tower in groups, as many images at a time as one photo gives.  Which
 * ones follows from the batch alone, so that any number of workers gives the same bits.
 */
#include "teacher_tower.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"
#include "model_file.h"
#include "problem.h"
#include "qualiclip.h"
#include "teacher.h"

enum { GROUP = CROPS * STAGES, BATCHES_TO_CENTRE = 8 };

/* What is taken off unit vectors, and what the rest is divided by; NULL: nothing is. */
struct centre {
    double *mean, deviation;
};

struct teacher_tower {
    uint32_t crop, workers, feature, texts, cells;
    float *prompts; /* texts x feature, of unit length */
    double logit_scale;
    float *cell_weight, *cell_bias;
    struct centre cells_centre, features_centre;
    struct tower **towers; /* of each worker, and room for what one says of a group: */
    float **features, **cell_features;
};

/* ----------------------------------------------------------------------------------------- fit */

static bool is_square_of_cells(const struct tower_shape *student, uint32_t crop)
{
    return crop % TEACHER_CELL == 0 && TEACHER_CELL % student->patch == 0;
}

static bool model_fits(const qc_model_info *info, const struct tower_shape *student, uint32_t crop,
                       char *message)
{
    if (info->tower != QC_TOWER_RESNET)
        return problem(message, "--teacher-tokens: the teacher is no ResNet, which has a map");
    if (info->feature_size != student->feature)
        return problem(message,
                       "--teacher-tokens: the teacher's features have %u numbers, the student's "
                       "%u",
                       (unsigned)info->feature_size, (unsigned)student->feature);
    if (info->size_rule != QC_SIZE_NATIVE)
        return problem(message, "--teacher-tokens: the teacher looks at photos in another size");
    if (info->positions != QC_POSITIONS_NONE && info->image_size != crop)
        return problem(message,
                       "--teacher-tokens: the teacher's positions are for %u pixels a side: give "
                       "--crop=%u",
                       (unsigned)info->image_size, (unsigned)info->image_size);
    return true;
}

/* What the library knows of the model, and whether its numbers can be read. */
static bool file_fits(const char *name, const struct tower_shape *student, uint32_t crop,
                      char *message)
{
    qc_model *model;
    qc_model_info info;
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = message;
    options.message_size = QC_MESSAGE_SIZE;
    if (qc_model_open(&model, teacher_path(name), &options) != QC_OK)
        return false;
    qc_model_describe(model, &info);
    const bool fits = model_fits(&info, student, crop, message);
    qc_model_close(model);
    struct model_file *file = fits ? model_file_open(teacher_path(name), message) : NULL;
    const bool scores = file && (file->texts || problem(message, "%.200s: has no prompts", name));
    model_file_close(file);
    return scores;
}

bool teacher_tower_fits(const char *name, const struct tower_shape *student, uint32_t crop,
                        char *message)
{
    if (student->kind != TRAIN_VIT)
        return problem(message, "--teacher-tokens: the student is no ViT, which has patches");
    if (!is_square_of_cells(student, crop))
        return problem(message,
                       "--teacher-tokens: patches of %u pixels do not fill the teacher's cells of "
                       "%d on crops of %u: both sizes must fit into each other (--crop=%u)",
                       (unsigned)student->patch, TEACHER_CELL, (unsigned)crop,
                       (unsigned)(crop + TEACHER_CELL - 1) / TEACHER_CELL * TEACHER_CELL);
    return file_fits(name, student, crop, message);
}

/* ------------------------------------------------------------------------------------- opening */

static void take_room(struct teacher_tower *teacher, const struct model_file *file)
{
    const size_t size = teacher->feature, cells = teacher->cells;
    teacher->prompts = reallocate(NULL, teacher->texts * size, sizeof(float));
    memcpy(teacher->prompts, file->prompts, teacher->texts * size * sizeof(float));
    teacher->cell_weight = reallocate(NULL, size * 32 * file->shape.width, sizeof(float));
    teacher->cell_bias = reallocate(NULL, size, sizeof(float));
    for (uint32_t i = 0; i < teacher->workers; i++) {
        teacher->features[i] = reallocate(NULL, GROUP * size, sizeof(float));
        teacher->cell_features[i] = reallocate(NULL, GROUP * cells * size, sizeof(float));
    }
}

static bool fill(struct teacher_tower *teacher, const struct model_file *file, char *message)
{
    for (uint32_t i = 0; i < teacher->workers; i++) {
        teacher->towers[i] =
            tower_create(&file->shape, GROUP, teacher->crop, teacher->crop, 1, message);
        if (!teacher->towers[i] || !model_file_fill(file, teacher->towers[i], message))
            return false;
    }
    tower_resnet_cell_weights(teacher->towers[0], teacher->cell_weight, teacher->cell_bias);
    return true;
}

struct teacher_tower *teacher_tower_open(const char *name, uint32_t crop, uint32_t workers,
                                         char *message)
{
    struct model_file *file = model_file_open(teacher_path(name), message);
    if (!file)
        return NULL;
    const uint32_t side = crop / TEACHER_CELL;
    struct teacher_tower *teacher = allocate(sizeof *teacher);
    *teacher = (struct teacher_tower){.crop = crop,
                                      .workers = workers,
                                      .feature = file->shape.feature,
                                      .texts = file->texts,
                                      .cells = side * side,
                                      .logit_scale = (double)file->logit_scale,
                                      .towers = calloc(workers, sizeof(struct tower *)),
                                      .features = calloc(workers, sizeof(float *)),
                                      .cell_features = calloc(workers, sizeof(float *))};
    bool good = teacher->towers && teacher->features && teacher->cell_features;
    if (good)
        take_room(teacher, file);
    else
        problem(message, "out of memory");
    good = good && fill(teacher, file, message);
    model_file_close(file);
    if (good)
        return teacher;
    teacher_tower_close(teacher);
    return NULL;
}

void teacher_tower_close(struct teacher_tower *teacher)
{
    if (!teacher)
        return;
    for (uint32_t i = 0; i < teacher->workers; i++) {
        if (teacher->towers)
            tower_destroy(teacher->towers[i]);
        if (teacher->features)
            free(teacher->features[i]);
        if (teacher->cell_features)
            free(teacher->cell_features[i]);
    }
    free(teacher->towers);
    free(teacher->features);
    free(teacher->cell_features);
    free(teacher->prompts);
    free(teacher->cell_weight);
    free(teacher->cell_bias);
    free(teacher->cells_centre.mean);
    free(teacher->features_centre.mean);
    free(teacher);
}

uint32_t teacher_tower_cells(const struct teacher_tower *teacher)
{
    return teacher->cells;
}

/* ------------------------------------------------------------------------------------- judging */

static void make_unit(const float *row, size_t size, float *unit)
{
    double squares = 0;
    for (size_t i = 0; i < size; i++)
        squares += (double)row[i] * (double)row[i];
    const double length = fmax(sqrt(squares), 1e-12);
    for (size_t i = 0; i < size; i++)
        unit[i] = (float)((double)row[i] / length);
}

static void centre(float *unit, size_t size, const struct centre *centre)
{
    for (size_t i = 0; centre->mean && i < size; i++)
        unit[i] = (float)(((double)unit[i] - centre->mean[i]) / centre->deviation);
}

/* As the library does it: the mean over the pairs of the positive text's probability. */
static float score_of(const struct teacher_tower *teacher, const float *feature)
{
    const size_t size = teacher->feature;
    double sum = 0;
    for (uint32_t text = 0; text < teacher->texts; text += 2) {
        const float *positive = teacher->prompts + text * size, *negative = positive + size;
        double difference = 0;
        for (size_t i = 0; i < size; i++)
            difference += (double)feature[i] * ((double)positive[i] - (double)negative[i]);
        sum += 1 / (1 + exp(-teacher->logit_scale * difference));
    }
    return (float)(2 * sum / teacher->texts);
}

/* Image `i` of a group is image `first` + i of the share. */
static void keep_group(const struct teacher_tower *teacher, uint32_t worker, uint32_t first,
                       struct batch *batch)
{
    const size_t size = teacher->feature, cells = teacher->cells;
    for (uint32_t i = 0; i < GROUP; i++) {
        const size_t image = batch->share.first_image + first + i;
        float *feature = batch->lesson.features + image * size;
        make_unit(teacher->features[worker] + i * size, size, feature);
        batch->lesson.scores[image] = score_of(teacher, feature);
        centre(feature, size, &teacher->features_centre);
    }
    for (size_t i = 0; i < GROUP * cells; i++) {
        float *cell = batch->lesson.cells + (first * cells + i) * size;
        make_unit(teacher->cell_features[worker] + i * size, size, cell);
        centre(cell, size, &teacher->cells_centre);
    }
}

void teacher_tower_judge(const struct teacher_tower *teacher, uint32_t worker, struct batch *batch)
{
    struct tower *tower = teacher->towers[worker];
    const size_t values = 3 * (size_t)teacher->crop * teacher->crop;
    const uint32_t images = batch->share.images; /* a photo's at least: a group */
    for (uint32_t first = 0; first < images; first += GROUP) {
        /* The last group is as large as the others, and some of its images come again. */
        const uint32_t from = first + GROUP <= images ? first : images - GROUP;
        tower->operations->forward(tower, batch->pixels + from * values, teacher->features[worker],
                                   false);
        tower_resnet_cell_features(tower, teacher->cell_weight, teacher->cell_bias,
                                   teacher->cell_features[worker]);
        keep_group(teacher, worker, from, batch);
    }
}

/* --------------------------------------------------------------------------------------- centre */

/* Sums of unit vectors of many batches. */
struct sums {
    double *values;
    size_t rows;
};

static void add_rows(struct sums *sums, const float *rows, size_t count, size_t size)
{
    for (size_t i = 0; i < count * size; i++)
        sums->values[i % size] += (double)rows[i];
    sums->rows += count;
}

/* The sums become the mean.  Of unit vectors the mean square of what is left is 1 - its square. */
static struct centre find_centre(const struct sums *sums, size_t size)
{
    double squares = 0;
    for (size_t i = 0; i < size; i++) {
        sums->values[i] /= (double)sums->rows;
        squares += sums->values[i] * sums->values[i];
    }
    return (struct centre){sums->values, sqrt(fmax(1 - squares, 1e-6))};
}

static struct sums zero_sums(size_t size)
{
    struct sums sums = {reallocate(NULL, size, sizeof(double)), 0};
    memset(sums.values, 0, size * sizeof(double));
    return sums;
}

/* All processes look at whole batches, and so have the same mean without a word. */
void teacher_tower_centre(struct teacher_tower *teacher, const struct photo_set *photos,
                          const struct batch_recipe *recipe, bool of_features)
{
    const size_t size = teacher->feature;
    struct sums cells = zero_sums(size), features = zero_sums(size);
    struct batch batch;
    batch_create(&batch, recipe, batch_share_of(recipe, 0, 1));
    batch_add_lesson(&batch, teacher->feature, teacher->cells);
    for (uint64_t index = 0; index < BATCHES_TO_CENTRE; index++) {
        batch_make(&batch, photos, recipe, index);
        teacher_tower_judge(teacher, 0, &batch);
        add_rows(&cells, batch.lesson.cells, (size_t)batch.images * teacher->cells, size);
        add_rows(&features, batch.lesson.features, batch.images, size);
    }
    teacher->cells_centre = find_centre(&cells, size);
    if (of_features)
        teacher->features_centre = find_centre(&features, size);
    else
        free(features.values);
    batch_free(&batch);
}
