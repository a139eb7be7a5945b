/*
 * views.c - the size rules.
 */
#include "views.h"

#include "format.h"

#define TILE_SIZE   224
#define TILE_STRIDE 32

/* -------------------------------------------------------------------------------------- options */

qc_status size_rule_check(const struct size_rule *rule, uint32_t minimum, struct message *message)
{
    bool sized = rule->kind == QC_SIZE_CROP || rule->kind == QC_SIZE_LONG;
    if (sized && (rule->pixels < minimum || rule->pixels > IMAGE_SIDE_MAX))
        return fail(message, QC_ERROR_ARGUMENT,
                    "size_pixels is %lu, expected %lu (the model's minimum) to %lu",
                    (unsigned long)rule->pixels, (unsigned long)minimum,
                    (unsigned long)IMAGE_SIDE_MAX);
    if (rule->kind == QC_SIZE_TILES && minimum > TILE_SIZE)
        return fail(message, QC_ERROR_ARGUMENT,
                    "size_rule is tiles, which have %d x %d pixels; the model needs at least %lu x "
                    "%lu",
                    TILE_SIZE, TILE_SIZE, (unsigned long)minimum, (unsigned long)minimum);
    return QC_OK;
}

size_t size_rule_views(const struct size_rule *rule)
{
    return rule->kind == QC_SIZE_TILES ? VIEWS_MOST : 1;
}

uint32_t size_rule_least(const struct size_rule *rule, uint32_t minimum)
{
    return rule->kind == QC_SIZE_CROP ? 1 : minimum; /* a crop is enlarged */
}

/* ------------------------------------------------------------------------------------- geometry */

/* `part` of `side` in the middle; an odd rest is halved as Python's round() does, to even. */
static uint64_t centred(uint64_t side, uint32_t part)
{
    uint64_t half = (side - part) / 2;
    return (side - part) % 2 ? half + half % 2 : half;
}

/* The short side becomes `size` pixels, the other in proportion, rounded down; of that the middle.
 */
static struct resize_goal crop_goal(uint32_t width, uint32_t height, uint32_t size)
{
    uint64_t longer = larger(width, height), shorter = smaller(width, height);
    uint64_t long_side = size * longer / shorter;
    uint64_t full_width = width > height ? long_side : size;
    uint64_t full_height = width > height ? size : long_side;
    return (struct resize_goal){
        full_width, full_height, centred(full_width, size), centred(full_height, size), size, size};
}

/* The long side becomes `size` pixels, which is less than it has; the other is rounded. */
static struct resize_goal long_goal(uint32_t width, uint32_t height, uint32_t size)
{
    uint64_t longer = larger(width, height), shorter = smaller(width, height);
    uint32_t short_side = (uint32_t)larger(1, (2 * shorter * size + longer) / (2 * longer));
    uint32_t full_width = width < height ? short_side : size;
    uint32_t full_height = width < height ? size : short_side;
    return (struct resize_goal){full_width, full_height, 0, 0, full_width, full_height};
}

static struct resize_goal goal_of(const struct size_rule *rule, uint32_t width, uint32_t height)
{
    if (rule->kind == QC_SIZE_CROP)
        return crop_goal(width, height, rule->pixels);
    if (rule->kind == QC_SIZE_LONG && larger(width, height) > rule->pixels)
        return long_goal(width, height, rule->pixels);
    return (struct resize_goal){width, height, 0, 0, width, height};
}

/* ------------------------------------------------------------------------------------- planning */

struct tower_limits size_rule_limits(const struct size_rule *rule,
                                     const struct tower_limits *images)
{
    struct tower_limits limits = *images;
    switch (rule->kind) {
    case QC_SIZE_CROP: limits.width = limits.height = rule->pixels; break;
    case QC_SIZE_LONG:
        limits.width = smaller(limits.width, rule->pixels);
        limits.height = smaller(limits.height, rule->pixels);
        break;
    case QC_SIZE_TILES:
        limits.width = limits.height = TILE_SIZE;
        limits.batch = VIEWS_MOST; /* one image after the other */
        break;
    default: break;
    }
    return limits;
}

/* Whether any image within the limits is resized, and how far at most. */
static bool resizes(const struct size_rule *rule, const struct tower_limits *images,
                    struct resize_limits *limits)
{
    size_t longest = larger(images->width, images->height);
    size_t shortest = smaller(images->width, images->height);
    size_t size = rule->pixels;
    bool crops = rule->kind == QC_SIZE_CROP;
    if (!crops && !(rule->kind == QC_SIZE_LONG && longest > size))
        return false;
    *limits = (struct resize_limits){.side_in = longest, .side_out = size};
    if (crops) /* short / size for one side; of the other, rounded down, (size + 1) / size that */
        limits->reduction = 1 + shortest * (size + 1) / size / size;
    else /* long / size for one side; where the other is rounded down, half as much again */
        limits->reduction = 1 + 3 * longest / (2 * size);
    return true;
}

void views_plan(struct views *views, const struct size_rule *rule,
                const struct tower_limits *images, struct arena *arena, size_t *scratch)
{
    *views = (struct views){.rule = *rule};
    struct resize_limits limits;
    if (!resizes(rule, images, &limits))
        return;
    struct tower_limits seen = size_rule_limits(rule, images);
    resize_plan(&views->resize, &limits, arena);
    views->resized_size = 3 * seen.width * seen.height;
    views->resized = arena_take(arena, images->batch, views->resized_size);
    *scratch = larger(*scratch, resize_scratch(&limits));
}

/* ---------------------------------------------------------------------------------------- views */

qc_status views_size(const struct size_rule *rule, const qc_image *image, uint32_t minimum,
                     uint32_t *width, uint32_t *height, struct message *message)
{
    bool tiles = rule->kind == QC_SIZE_TILES;
    if (tiles && (image->width < TILE_SIZE || image->height < TILE_SIZE))
        return fail(message, QC_ERROR_TOO_SMALL,
                    "the image has %lu x %lu pixels, tiles need at least %d x %d",
                    (unsigned long)image->width, (unsigned long)image->height, TILE_SIZE,
                    TILE_SIZE);
    struct resize_goal goal = goal_of(rule, image->width, image->height);
    *width = tiles ? TILE_SIZE : goal.width;
    *height = tiles ? TILE_SIZE : goal.height;
    if (*width >= minimum && *height >= minimum)
        return QC_OK;
    char size[64] = "";
    if (*width != image->width || *height != image->height)
        format_text(size, sizeof size, ", resized %lu x %lu", (unsigned long)*width,
                    (unsigned long)*height);
    return fail(message, QC_ERROR_TOO_SMALL,
                "the image has %lu x %lu pixels%s, the model needs at least %lu x %lu",
                (unsigned long)image->width, (unsigned long)image->height, size,
                (unsigned long)minimum, (unsigned long)minimum);
}

bool size_rule_keeps(const struct size_rule *rule, uint32_t width, uint32_t height)
{
    const struct resize_goal goal = goal_of(rule, width, height);
    return rule->kind != QC_SIZE_TILES && goal.full_width == width && goal.full_height == height &&
           goal.width == width && goal.height == height;
}

static qc_image part_of(const qc_image *image, const struct resize_goal *part)
{
    qc_image view = *image;
    view.width = part->width;
    view.height = part->height;
    view.left += (uint32_t)part->left;
    view.top += (uint32_t)part->top;
    return view;
}

/* Places of a crop along a side. */
static size_t tiles_along(uint32_t side)
{
    return (side - TILE_SIZE) / TILE_STRIDE + 1;
}

size_t views_count(const struct size_rule *rule, const qc_image *image)
{
    if (rule->kind != QC_SIZE_TILES)
        return 1;
    return smaller(tiles_along(image->width) * tiles_along(image->height), VIEWS_MOST);
}

/* Crops on a grid, row by row; of more than VIEWS_MOST as many, evenly spread. */
static size_t make_tiles(const qc_image *image, size_t count, qc_image *made)
{
    size_t columns = tiles_along(image->width), step = columns * tiles_along(image->height) / count;
    for (size_t i = 0; i < count; i++) {
        size_t tile = i * step;
        struct resize_goal part = {.left = (uint32_t)(tile % columns * TILE_STRIDE),
                                   .top = (uint32_t)(tile / columns * TILE_STRIDE),
                                   .width = TILE_SIZE,
                                   .height = TILE_SIZE};
        made[i] = part_of(image, &part);
    }
    return count;
}

struct resize_job {
    const struct resize *resize;
    const struct layers *layers;
    const qc_image *image;
    qc_background background;
    uint8_t *rgb;
    uint32_t width, height, rows; /* of the result; rows of one task */
};

static void resize_task(void *context, size_t index, size_t worker)
{
    const struct resize_job *job = context;
    uint32_t first = (uint32_t)index * job->rows;
    resize_rows(job->resize, job->layers->kernels, job->image, job->background, first,
                (uint32_t)smaller(job->rows, job->height - first),
                job->rgb + (size_t)first * 3 * job->width,
                job->layers->scratch + worker * job->layers->scratch_size);
}

/* The result in views->resized.  Neighbouring tasks both read the rows between them: few tasks. */
static qc_image make_resized(struct views *views, const struct layers *layers,
                             qc_background background, const qc_image *image,
                             const struct resize_goal *goal, size_t slot)
{
    struct resize_job job = {&views->resize,
                             layers,
                             image,
                             background,
                             views->resized + slot * views->resized_size,
                             goal->width,
                             goal->height,
                             0};
    resize_prepare(&views->resize, image->width, image->height, goal);
    size_t tasks = smaller(threads_count(layers->threads), goal->height);
    job.rows = (uint32_t)((goal->height + tasks - 1) / tasks);
    threads_run(layers->threads, (goal->height + job.rows - 1) / job.rows, resize_task, &job);
    return (qc_image){.format = QC_PIXEL_RGB,
                      .width = goal->width,
                      .height = goal->height,
                      .planes = {job.rgb},
                      .strides = {3 * (ptrdiff_t)goal->width}};
}

size_t views_make(struct views *views, const struct layers *layers, qc_background background,
                  const qc_image *image, size_t slot, qc_image *made)
{
    if (views->rule.kind == QC_SIZE_TILES)
        return make_tiles(image, views_count(&views->rule, image), made);
    const struct resize_goal goal = goal_of(&views->rule, image->width, image->height);
    if (goal.full_width == image->width && goal.full_height == image->height)
        made[0] = part_of(image, &goal);
    else
        made[0] = make_resized(views, layers, background, image, &goal, slot);
    return 1;
}
