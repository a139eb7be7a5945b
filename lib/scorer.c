/*
 * scorer.c - the public scorer: checks what the caller hands in, plans one block of memory, sends
 * images through the model's tower and fills in results.  Nothing is allocated after create.
 */
#include <math.h>
#include <string.h>

#include "cost.h"
#include "log.h"
#include "low_level.h"
#include "map_file.h"
#include "model.h"
#include "options.h"
#include "prompts.h"
#include "score.h"
#include "scorer.h"
#include "tower.h"
#include "views.h"

#define THREADS_MAX 1024
#define BATCH_MAX   65536

struct qc_scorer {
    const qc_model *model;
    struct tower_limits limits; /* of the caller's images */
    qc_background background;
    struct recipe recipe;
    char *recipe_line; /* QC_RECIPE_SIZE bytes */
    struct views views;
    struct layers layers;
    union {
        struct vit_workspace vit;
        struct resnet_workspace resnet;
    };
    struct low_level_workspace low_level; /* planned where the recipe has that part */
    struct pixel_table *pixels;
    struct row_stream *rows; /* of the image in hand, if it is decoded on its way; else NULL */
    qc_image *seen;          /* the views that the tower is given at once ... */
    float *features;         /* ... and what it makes of them */
    size_t *batch_index;     /* of the batch, the images that can be scored */
    double *logits;          /* of one image */
    void *allocated;         /* the block, if it is ours to free */
    char message[QC_MESSAGE_SIZE];
};

/* -------------------------------------------------------------------------------------- options */

void qc_scorer_options_init(qc_scorer_options *options)
{
    *options = (qc_scorer_options){.size = sizeof *options,
                                   .max_width = 2048,
                                   .max_height = 2048,
                                   .max_batch = 1,
                                   .threads = 1};
}

static struct size_rule rule_of(const struct recipe *recipe)
{
    return (struct size_rule){recipe->size_rule, recipe->size_pixels};
}

/* Checks all options and settles the recipe. */
static qc_status check_options(struct recipe *recipe, const qc_model *model,
                               const qc_scorer_options *options, struct message *message)
{
    qc_status status = recipe_resolve(recipe, model, options, message);
    if (status == QC_OK)
        status = prompts_check(recipe, model, options, message);
    const struct size_rule rule = rule_of(recipe);
    if (status == QC_OK)
        status = size_rule_check(&rule, model->info.minimum_size, message);
    if (status != QC_OK)
        return status;
    uint32_t smallest = size_rule_least(&rule, model->info.minimum_size);
    if (options->max_width < smallest || options->max_height < smallest ||
        options->max_width > IMAGE_SIDE_MAX || options->max_height > IMAGE_SIDE_MAX)
        return fail(message, QC_ERROR_ARGUMENT,
                    "max_width x max_height is %u x %u, expected sides from %u (the smallest that "
                    "can be scored) to %u",
                    (unsigned)options->max_width, (unsigned)options->max_height, (unsigned)smallest,
                    (unsigned)IMAGE_SIDE_MAX);
    if (options->max_batch < 1 || options->max_batch > BATCH_MAX)
        return fail(message, QC_ERROR_ARGUMENT, "max_batch is %u, expected 1 to %d",
                    (unsigned)options->max_batch, BATCH_MAX);
    if (options->threads < 1 || options->threads > THREADS_MAX)
        return fail(message, QC_ERROR_ARGUMENT, "threads is %u, expected 1 to %d",
                    (unsigned)options->threads, THREADS_MAX);
    if (options->background != QC_BACKGROUND_DROP && options->background != QC_BACKGROUND_BLACK &&
        options->background != QC_BACKGROUND_WHITE)
        return fail(message, QC_ERROR_ARGUMENT, "background is %d, expected a qc_background",
                    (int)options->background);
    if (!(options->temperature >= 0) || isinf(options->temperature))
        return fail(message, QC_ERROR_ARGUMENT,
                    "temperature is %g, expected a positive number, or 0 for the model's own",
                    (double)options->temperature);
    return QC_OK;
}

/* ------------------------------------------------------------------------------------- planning */

/* What convolutions find beside an image: as many zeros as the widest of them has channels. */
static size_t zeros_needed(const qc_model *model, const struct recipe *recipe)
{
    size_t tower = model->tower == QC_TOWER_RESNET ? resnet_zeros(&model->resnet) : 0;
    return larger(tower, recipe->low_level ? low_level_zeros(&model->low_level) : 0);
}

/* Lays out everything a scorer has, itself first; over a counting arena nothing is written to it.
 */
static struct qc_scorer *plan(const qc_model *model, const qc_scorer_options *options,
                              const struct recipe *recipe, struct arena *arena)
{
    struct qc_scorer counted, *in_place = arena_take(arena, 1, sizeof *in_place);
    struct qc_scorer *scorer = in_place ? in_place : &counted;
    memset(scorer, 0, sizeof *scorer);
    scorer->model = model;
    scorer->limits =
        (struct tower_limits){options->max_width, options->max_height, options->max_batch};
    scorer->background = options->background;
    scorer->recipe = *recipe;

    prompts_plan(&scorer->recipe, model, options, arena);
    scorer->recipe_line = arena_take(arena, QC_RECIPE_SIZE, 1);
    scorer->logits = arena_take(arena, recipe->text_count, sizeof *scorer->logits);
    scorer->pixels = arena_take(arena, 1, sizeof *scorer->pixels);
    scorer->batch_index = arena_take(arena, options->max_batch, sizeof(size_t));

    const struct size_rule rule = rule_of(recipe);
    const struct tower_limits limits = size_rule_limits(&rule, &scorer->limits);
    scorer->seen = arena_take(arena, limits.batch, sizeof *scorer->seen);
    scorer->features = arena_take(arena, limits.batch * model->feature_size, sizeof(float));

    struct layers *layers = &scorer->layers;
    layers->kernels = model->kernels;
    layers->threads = threads_plan(arena, options);
    views_plan(&scorer->views, &rule, &scorer->limits, arena, &layers->scratch_size);
    if (model->tower == QC_TOWER_VIT) {
        vit_plan(&scorer->vit, &model->vit, model->kernels, &limits, options->threads, arena,
                 &layers->scratch_size);
    } else {
        resnet_plan(&scorer->resnet, &model->resnet, model->kernels, &limits, arena,
                    &layers->scratch_size);
    }
    if (recipe->low_level)
        low_level_plan(&scorer->low_level, &model->low_level, model->kernels, arena,
                       &layers->scratch_size);
    layers->zeros = arena_take(arena, zeros_needed(model, recipe), sizeof(float));
    layers->scratch_size =
        (layers->scratch_size + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
    layers->scratch = arena_take(arena, options->threads, layers->scratch_size);
    return in_place;
}

size_t qc_scorer_memory(const qc_model *model, const qc_scorer_options *given)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    struct recipe recipe;
    if (!model || !take_options(&options, sizeof options, given) ||
        check_options(&recipe, model, &options, NULL) != QC_OK)
        return 0;
    struct arena arena = {0};
    plan(model, &options, &recipe, &arena);
    return arena.overflow ? 0 : arena.used;
}

/* The block that the scorer will live in: the caller's, or ours. */
static qc_status provide_block(const qc_scorer_options *options, size_t size, void **block,
                               struct message *message)
{
    if (options->memory_limit && size > options->memory_limit)
        return fail(message, QC_ERROR_MEMORY,
                    "a scorer for %u x %u pixels, batch %u, needs %zu bytes, memory_limit is %zu",
                    (unsigned)options->max_width, (unsigned)options->max_height,
                    (unsigned)options->max_batch, size, options->memory_limit);
    *block = options->memory;
    if (!*block) {
        *block = heap_take(size);
        if (*block)
            prefer_large_pages(*block, size);
        return *block ? QC_OK
                      : fail(message, QC_ERROR_MEMORY,
                             "a scorer for %u x %u pixels, batch %u, needs %zu bytes, which the "
                             "system does not have",
                             (unsigned)options->max_width, (unsigned)options->max_height,
                             (unsigned)options->max_batch, size);
    }
    if ((uintptr_t)*block % ARENA_ALIGNMENT)
        return fail(message, QC_ERROR_ARGUMENT,
                    "memory is at %p, expected an address aligned to %d", *block, ARENA_ALIGNMENT);
    if (options->memory_size < size)
        return fail(message, QC_ERROR_MEMORY, "memory_size is %zu, expected at least %zu",
                    options->memory_size, size);
    return QC_OK;
}

static qc_status provide_prompts(struct qc_scorer *scorer, const qc_scorer_options *options,
                                 struct message *message)
{
    const struct qc_scorer *other = options->prompts_of;
    if (!other)
        return prompts_fill(&scorer->recipe, scorer->model, options, message);
    if (other->model == scorer->model &&
        prompts_copy(&scorer->recipe, &other->recipe, scorer->model->feature_size))
        return QC_OK;
    return fail(message, QC_ERROR_ARGUMENT,
                "prompts_of is a scorer of another model or of other prompts");
}

static void tell_created(const struct qc_scorer *scorer, const qc_scorer_options *options,
                         size_t size)
{
    const struct listener listener = {options->log, options->log_context};
    const struct recipe *recipe = &scorer->recipe;
    log_tell(&listener, QC_LOG_INFO, "recipe %s", scorer->recipe_line);
    if (recipe->source == PROMPTS_OF_PROFILE && recipe->text_count && !options->prompts_of)
        log_tell(&listener, QC_LOG_INFO, "the model's text tower encoded %zu prompts of profile %s",
                 recipe->text_count, recipe->profile);
    log_tell(&listener, QC_LOG_INFO,
             "a scorer for images up to %u x %u, batches of %u, %u threads%s: %zu bytes of %s",
             (unsigned)options->max_width, (unsigned)options->max_height,
             (unsigned)options->max_batch, (unsigned)options->threads,
             options->parallel_for ? " of the caller's" : "", size,
             options->memory ? "the caller's" : "the heap");
}

qc_status qc_scorer_create(qc_scorer **scorer, const qc_model *model,
                           const qc_scorer_options *given)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    if (scorer)
        *scorer = NULL;
    if (!take_options(&options, sizeof options, given))
        return QC_ERROR_ARGUMENT;
    struct message message = {options.message, options.message_size};
    if (!scorer)
        return fail(&message, QC_ERROR_ARGUMENT, "scorer is NULL");
    if (!model)
        return fail(&message, QC_ERROR_ARGUMENT, "model is NULL");
    struct recipe recipe;
    qc_status status = check_options(&recipe, model, &options, &message);
    if (status != QC_OK)
        return status;

    struct arena arena = {0};
    plan(model, &options, &recipe, &arena);
    if (arena.overflow)
        return fail(&message, QC_ERROR_MEMORY,
                    "a scorer for %u x %u pixels, batch %u, is larger than the address space",
                    (unsigned)options.max_width, (unsigned)options.max_height,
                    (unsigned)options.max_batch);
    void *block = NULL;
    status = provide_block(&options, arena.used, &block, &message);
    if (status != QC_OK)
        return status;

    arena = (struct arena){.base = block};
    struct qc_scorer *made = plan(model, &options, &recipe, &arena);
    made->allocated = options.memory ? NULL : block;
    pixel_table_fill(made->pixels, model->image_mean, model->image_std);
    memset((float *)made->layers.zeros, 0, zeros_needed(model, &recipe) * sizeof(float));
    recipe_describe(&made->recipe, &options, model->feature_size, made->recipe_line);
    status = provide_prompts(made, &options, &message);
    if (status == QC_OK)
        status = threads_start(made->layers.threads, &options, &message);
    if (status != QC_OK) {
        heap_give_back(made->allocated);
        return status;
    }
    tell_created(made, &options, arena.used);
    *scorer = made;
    return QC_OK;
}

void qc_scorer_destroy(qc_scorer *scorer)
{
    if (!scorer)
        return;
    threads_stop(scorer->layers.threads);
    if (scorer->allocated) /* else the heap is not even asked to free nothing */
        heap_give_back(scorer->allocated);
}

const char *qc_scorer_pair_name(const qc_scorer *scorer, uint32_t index)
{
    return scorer && index < scorer->recipe.output_count ? scorer->recipe.names[index] : NULL;
}

const char *qc_scorer_message(const qc_scorer *scorer)
{
    return scorer ? scorer->message : "scorer is NULL";
}

/* ------------------------------------------------------------------------------------- encoding */

static qc_status check_fits(const struct qc_scorer *scorer, const qc_image *image,
                            struct message *message)
{
    qc_status status = image_check(image, message);
    if (status != QC_OK)
        return status;
    uint32_t width, height;
    status = views_size(&scorer->views.rule, image, scorer->model->info.minimum_size, &width,
                        &height, message);
    if (status != QC_OK)
        return status;
    const struct tower_limits *limits = &scorer->limits;
    bool upright = image->width <= limits->width && image->height <= limits->height;
    bool turned = image->width <= limits->height && image->height <= limits->width;
    if (!upright && !turned)
        return fail(message, QC_ERROR_TOO_LARGE,
                    "the image has %u x %u pixels, the scorer was made for up to %zu x %zu",
                    (unsigned)image->width, (unsigned)image->height, limits->width, limits->height);
    return QC_OK;
}

/* Features of scorer->seen[0 ... count) into scorer->features. */
static void encode_seen(struct qc_scorer *scorer, size_t count)
{
    const qc_model *model = scorer->model;
    struct tower_input input = {.images = scorer->seen,
                                .count = count,
                                .pixels = scorer->pixels,
                                .background = scorer->background,
                                .positions = scorer->recipe.positions,
                                .rows = scorer->rows};
    if (model->tower == QC_TOWER_VIT)
        vit_forward(&model->vit, &scorer->vit, &scorer->layers, &input, scorer->features);
    else
        resnet_forward(&model->resnet, &scorer->resnet, &scorer->layers, &input, scorer->features);
}

/* As many images as the tower is given at once: all of a batch, but their crops image by image. */
static size_t images_at_once(const struct qc_scorer *scorer)
{
    return size_rule_views(&scorer->views.rule) > 1 ? 1 : scorer->limits.batch;
}

/*
 * Encodes the images of these numbers, at most images_at_once().  Returns how many views there were
 * in all: their features are in scorer->features, unless the call is cancelled.
 */
static size_t encode(struct qc_scorer *scorer, const qc_image *images, const size_t *numbers,
                     size_t count)
{
    size_t views = 0;
    for (size_t i = 0; i < count; i++)
        views += views_make(&scorer->views, &scorer->layers, scorer->background,
                            &images[numbers[i]], i, scorer->seen + views);
    if (scorer->rows)
        scorer->rows->image = scorer->seen;
    encode_seen(scorer, views);
    return views;
}

/* Brings the features of an image's views to unit length, if they were computed. */
static qc_status normalise(const struct qc_scorer *scorer, float *features, size_t views,
                           struct message *message)
{
    if (threads_cancelled(scorer->layers.threads))
        return fail(message, QC_CANCELLED, "cancelled by the caller");
    if (scorer->rows && scorer->rows->status != QC_OK)
        return scorer->rows->status; /* it has its message */
    bool good = true;
    for (size_t i = 0; i < views; i++)
        good =
            unit_length(features + i * scorer->model->feature_size, scorer->model->feature_size) &&
            good;
    return good ? QC_OK
                : fail(message, QC_ERROR_NUMERIC,
                       "the image's feature is zero or not finite: the model %s overflows on it",
                       scorer->model->info.name);
}

qc_status qc_embed(qc_scorer *scorer, const qc_image *image, float *feature)
{
    if (!scorer || !feature)
        return QC_ERROR_ARGUMENT;
    struct message message = {scorer->message, sizeof scorer->message};
    scorer->message[0] = 0;
    const size_t size = scorer->model->feature_size, first = 0;
    memset(feature, 0, size * sizeof *feature);
    qc_status status = check_fits(scorer, image, &message);
    if (status != QC_OK)
        return status;
    threads_begin(scorer->layers.threads);
    size_t views = encode(scorer, image, &first, 1);
    threads_end(scorer->layers.threads);
    status = normalise(scorer, scorer->features, views, &message);
    if (status == QC_OK && views > 1) {
        sum_of_views(scorer->features, views, size);
        status = normalise(scorer, scorer->features, 1, &message);
    }
    if (status == QC_OK)
        memcpy(feature, scorer->features, size * sizeof *feature);
    return status;
}

/* ----------------------------------------------------------------------------------------- cost */

uint64_t qc_scorer_cost(const qc_scorer *scorer, uint32_t width, uint32_t height)
{
    const uint8_t none = 0; /* no pixel is looked at */
    qc_image image;
    if (!scorer || !qc_image_init(&image, QC_PIXEL_GREY, width, height, &none) ||
        check_fits(scorer, &image, NULL) != QC_OK)
        return 0;
    const qc_model *model = scorer->model;
    const bool low_level = scorer->recipe.low_level;
    uint32_t seen_width, seen_height;
    if ((low_level && low_level_check(&image, NULL) != QC_OK) ||
        views_size(&scorer->views.rule, &image, model->info.minimum_size, &seen_width, &seen_height,
                   NULL) != QC_OK)
        return 0;
    const uint64_t view = model->tower == QC_TOWER_VIT
                              ? vit_cost(&model->vit, seen_width, seen_height)
                              : resnet_cost(&model->resnet, seen_width, seen_height);
    return view * views_count(&scorer->views.rule, &image) +
           (low_level ? low_level_cost(&model->low_level, width, height) : 0);
}

/* -------------------------------------------------------------------------------------- scoring */

/* GRepQ's second half, added to the score. */
static qc_status add_low_level(struct qc_scorer *scorer, const qc_image *image, qc_result *result,
                               struct message *message)
{
    qc_status status =
        low_level_score(&scorer->model->low_level, &scorer->low_level, &scorer->layers, image,
                        scorer->background, &result->low_level, message);
    result->score += result->low_level;
    return status;
}

/* Reads out `views` features of an image; `seen` is one of its views. */
static void fill_result(struct qc_scorer *scorer, const qc_image *seen, float *features,
                        size_t views, qc_result *result)
{
    struct message message = {result->message, sizeof result->message};
    const qc_model *model = scorer->model;
    result->status = normalise(scorer, features, views, &message);
    if (result->status != QC_OK)
        return;
    const struct recipe *recipe = &scorer->recipe;
    result->score =
        read_score(recipe, features, views, model->feature_size, scorer->logits, result->pairs);
    if (recipe->low_level)
        result->status = add_low_level(scorer, seen, result, &message);
    if (result->status != QC_OK) {
        result->score = 0;
        memset(result->pairs, 0, sizeof result->pairs);
        return;
    }
    result->score_minimum = recipe->minimum;
    result->score_maximum = recipe->maximum;
    result->pair_count = (uint32_t)recipe->output_count;
    result->width = seen->width;
    result->height = seen->height;
    result->positions = recipe->positions;
    result->size_rule = recipe->size_rule;
    result->size_pixels = recipe->size_pixels;
    result->logit_scale = recipe->logit_scale;
    result->temperature = recipe->temperature;
    result->profile = recipe->profile;
    memcpy(result->recipe, scorer->recipe_line, sizeof result->recipe);
    result->model = model->info.hash;
    result->kernels = model->kernels->name;
    result->precision = model->info.precision;
}

static qc_status check_batch(const struct qc_scorer *scorer, const qc_image *images, size_t count,
                             struct message *message)
{
    if (!images)
        return fail(message, QC_ERROR_ARGUMENT, "images is NULL");
    if (count > scorer->limits.batch)
        return fail(message, QC_ERROR_TOO_LARGE,
                    "%zu images, the scorer was made for batches of %zu", count,
                    scorer->limits.batch);
    if (!scorer->recipe.text_count)
        return fail(message, QC_ERROR_UNSUPPORTED,
                    "the model %s has no prompts: it can embed images but not score them%s",
                    scorer->model->info.name,
                    scorer->model->has_text ? "; ask for a profile, such as clip-iqa, or give "
                                              "prompts"
                                            : "");
    return QC_OK;
}

/* The images of these numbers, at most images_at_once(). */
static void score_some(struct qc_scorer *scorer, const qc_image *images, const size_t *numbers,
                       size_t count, qc_result *results)
{
    size_t each = encode(scorer, images, numbers, count) / count;
    for (size_t i = 0; i < count; i++)
        fill_result(scorer, &scorer->seen[i * each],
                    scorer->features + i * each * scorer->model->feature_size, each,
                    &results[numbers[i]]);
}

qc_status qc_score_batch(qc_scorer *scorer, const qc_image *images, size_t count,
                         qc_result *results)
{
    if (!scorer || !results)
        return QC_ERROR_ARGUMENT;
    struct message message = {scorer->message, sizeof scorer->message};
    scorer->message[0] = 0;
    memset(results, 0, count * sizeof *results);

    qc_status status = check_batch(scorer, images, count, &message);
    if (status != QC_OK) {
        for (size_t i = 0; i < count; i++) {
            results[i].status = status;
            memcpy(results[i].message, scorer->message, sizeof scorer->message);
        }
        return status;
    }
    size_t valid = 0;
    for (size_t i = 0; i < count; i++) {
        struct message own = {results[i].message, sizeof results[i].message};
        results[i].status = check_fits(scorer, &images[i], &own);
        if (results[i].status == QC_OK && scorer->recipe.low_level)
            results[i].status = low_level_check(&images[i], &own);
        if (results[i].status == QC_OK)
            scorer->batch_index[valid++] = i;
    }
    size_t at_once = images_at_once(scorer);
    threads_begin(scorer->layers.threads);
    for (size_t first = 0; first < valid; first += at_once)
        score_some(scorer, images, scorer->batch_index + first, smaller(at_once, valid - first),
                   results);
    threads_end(scorer->layers.threads);
    for (size_t i = 0; i < count && status == QC_OK; i++) {
        status = results[i].status;
        memcpy(scorer->message, results[i].message, sizeof scorer->message);
    }
    return status;
}

qc_status qc_score(qc_scorer *scorer, const qc_image *image, qc_result *result)
{
    return qc_score_batch(scorer, image, 1, result);
}

/* ------------------------------------------------------------------------------------- pictures */

bool scorer_takes_rows(const qc_scorer *scorer, uint32_t width, uint32_t height)
{
    return scorer->model->tower == QC_TOWER_RESNET && !scorer->recipe.low_level &&
           size_rule_keeps(&scorer->views.rule, width, height);
}

void scorer_set_rows(qc_scorer *scorer, struct row_stream *rows)
{
    scorer->rows = rows;
}

size_t scorer_feature_size(const qc_scorer *scorer)
{
    return scorer->model->feature_size;
}

struct message scorer_message(qc_scorer *scorer)
{
    return (struct message){scorer->message, sizeof scorer->message};
}
