/*
 * batch.c - regions -> degraded regions -> crops in 8 bits, as a file would have them.
 */
#include "batch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"
#include "draws.h"
#include "pixels.h"
#include "regions.h"
#include "strange.h"

/* Images whose values, in [0, 255], differ by less on average look the same. */
static const double visible_difference = 0.05;

uint32_t batch_images(const struct batch_recipe *recipe)
{
    return recipe->photos * CROPS * STAGES + recipe->strange;
}

static size_t image_values(const struct batch_recipe *recipe)
{
    return 3 * (size_t)recipe->crop * recipe->crop;
}

struct batch_share batch_share_of(const struct batch_recipe *recipe, uint32_t rank, uint32_t ranks)
{
    const uint32_t first = (uint32_t)((uint64_t)recipe->photos * rank / ranks);
    const uint32_t end = (uint32_t)((uint64_t)recipe->photos * (rank + 1) / ranks);
    const uint32_t strange = rank + 1 == ranks ? recipe->strange : 0;
    return (struct batch_share){first, end - first, first * CROPS * STAGES,
                                (end - first) * CROPS * STAGES + strange};
}

size_t batch_bytes(const struct batch_recipe *recipe, struct batch_share share)
{
    return share.images * image_values(recipe) * sizeof(float) +
           batch_images(recipe) * sizeof(struct image_label);
}

void batch_create(struct batch *batch, const struct batch_recipe *recipe, struct batch_share share)
{
    *batch =
        (struct batch){.photos = recipe->photos, .images = batch_images(recipe), .share = share};
    batch->pixels = reallocate(NULL, share.images, image_values(recipe) * sizeof *batch->pixels);
    batch->labels = reallocate(NULL, batch->images, sizeof *batch->labels);
}

void batch_add_lesson(struct batch *batch, uint32_t feature, uint32_t cells)
{
    batch->lesson.scores = reallocate(NULL, batch->images, sizeof(float));
    batch->lesson.features =
        feature ? reallocate(NULL, batch->images, feature * sizeof(float)) : NULL;
    batch->lesson.cells =
        cells ? reallocate(NULL, (size_t)batch->share.images * cells, feature * sizeof(float))
              : NULL;
    batch->lesson.cells_of_an_image = cells;
}

void batch_free(struct batch *batch)
{
    free(batch->lesson.scores);
    free(batch->lesson.features);
    free(batch->lesson.cells);
    free(batch->pixels);
    free(batch->labels);
    *batch = (struct batch){0};
}

/* ------------------------------------------------------------------------------------ pixels */

static float *pixels_of(const struct batch *batch, const struct batch_recipe *recipe, size_t image)
{
    return batch->pixels + (image - batch->share.first_image) * image_values(recipe);
}

/* What a thread works in. */
struct workshop {
    const struct batch_recipe *recipe;
    struct photo region, degraded;
    unsigned char *crops; /* CROPS x (before, now) x image */
    struct byte_table table;
    uint32_t left[CROPS], top[CROPS]; /* of the crops in the region */
    struct image_label series;        /* what holds for all of its images */
    double jpeg_quality;              /* that all are stored with; 0: they are not */
    uint64_t seed;
};

static void workshop_open(struct workshop *shop, const struct batch_recipe *recipe)
{
    const size_t side = region_most(recipe->crop);
    shop->recipe = recipe;
    shop->region.pixels = reallocate(NULL, 3 * side * side, sizeof(float));
    shop->degraded.pixels = reallocate(NULL, 3 * side * side, sizeof(float));
    shop->crops = reallocate(NULL, 2 * CROPS, image_values(recipe));
    byte_table_fill(&shop->table);
}

static void workshop_close(struct workshop *shop)
{
    free(shop->region.pixels);
    free(shop->degraded.pixels);
    free(shop->crops);
}

static void cut(const struct photo *photo, uint32_t left, uint32_t top, uint32_t side,
                unsigned char *bytes)
{
    for (uint32_t y = 0; y < side; y++) {
        const float *row = photo->pixels + 3 * ((size_t)(top + y) * photo->width + left);
        for (uint32_t i = 0; i < 3 * side; i++)
            *bytes++ = (unsigned char)(row[i] * 255 + 0.5f);
    }
}

static bool looks_the_same(const unsigned char *a, const unsigned char *b, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (uint64_t)abs(a[i] - b[i]);
    return (double)sum < visible_difference * (double)count;
}

/* ------------------------------------------------------------------------------------ photos */

/* Opposite corners of the region; which ones is drawn. */
static void place_crops(struct workshop *shop, struct draws *draws)
{
    const uint32_t right = shop->region.width - shop->recipe->crop;
    const uint32_t bottom = shop->region.height - shop->recipe->crop;
    const uint32_t corner = draw_below(draws, 4);
    for (uint32_t crop = 0; crop < CROPS; crop++) {
        shop->left[crop] = (corner & 1) == crop ? 0 : right;
        shop->top[crop] = corner >> 1 == crop ? 0 : bottom;
    }
}

/* The published levels or, half the time, others between them, in their order. */
static void draw_levels(const struct batch_recipe *recipe, struct draws *draws,
                        double levels[STAGES])
{
    const bool between = draw_below(draws, 2) && recipe->between;
    levels[0] = 0;
    for (int stage = 1; stage < STAGES; stage++)
        levels[stage] = between ? fmin(stage - 0.8 + draw_unit(draws), STAGES - 1) : stage;
}

static enum degradation draw_type(const struct batch_recipe *recipe, struct draws *draws)
{
    double sum = 0;
    for (int type = 0; type < degradation_count; type++)
        sum += recipe->type_weights[type];
    double at = draw_unit(draws) * sum;
    int last = 0;
    for (int type = 0; type < degradation_count; type++) {
        if (recipe->type_weights[type] > 0)
            last = type;
        at -= recipe->type_weights[type];
        if (at < 0)
            break;
    }
    return (enum degradation)last;
}

static void copy_photo(const struct photo *from, struct photo *to)
{
    to->width = from->width;
    to->height = from->height;
    memcpy(to->pixels, from->pixels, 3 * (size_t)from->width * from->height * sizeof(float));
}

/*
 * Cuts both crops of one stage.  What cannot be told from the stage before is as bad as that: some
 * first levels are the identity, and what changes places may have missed the crop.
 */
static void put_stage(struct batch *batch, struct workshop *shop, uint32_t stage, double badness)
{
    const size_t values = image_values(shop->recipe);
    for (uint32_t crop = 0; crop < CROPS; crop++) {
        const size_t image = ((size_t)shop->series.photo * CROPS + crop) * STAGES + stage;
        unsigned char *now = shop->crops + (2 * crop + stage % 2) * values;
        const unsigned char *before = shop->crops + (2 * crop + (stage + 1) % 2) * values;
        struct image_label *label = &batch->labels[image];
        cut(&shop->degraded, shop->left[crop], shop->top[crop], shop->recipe->crop, now);
        bytes_to_pixels(&shop->table, now, values / 3, pixels_of(batch, shop->recipe, image));
        *label = shop->series;
        label->badness = (float)badness;
        if (stage > 0 && looks_the_same(before, now, values))
            label->badness = label[-1].badness;
    }
}

/* Half the time whole levels, as those of a series. */
static double draw_level(const struct batch_recipe *recipe, struct draws *draws)
{
    const bool between = draw_below(draws, 2) && recipe->between;
    return between ? 0.2 + 4.8 * draw_unit(draws) : 1 + draw_below(draws, degradation_levels);
}

/* Sharpening a blurred photo makes it no worse; else two groups only add up. */
static bool add_up(enum degradation base, enum degradation type)
{
    return degradation_kinds[base].group != degradation_kinds[type].group &&
           !(degradation_kinds[base].group == DEGRADE_BLUR && type == DEGRADE_HIGH_SHARPEN);
}

/* Degrades the region that the series begins with. */
static void begin_badly(struct workshop *shop, struct draws *draws)
{
    const size_t count = 3 * (size_t)shop->region.width * shop->region.height;
    struct image_label *series = &shop->series;
    double badness, difference = 0;
    series->base = draw_type(shop->recipe, draws);
    const double strength =
        degradation_strength(series->base, draw_level(shop->recipe, draws), &badness);
    copy_photo(&shop->region, &shop->degraded);
    if (!add_up(series->base, series->type) ||
        !degrade(&shop->degraded, series->base, strength, draw_word(draws)))
        return;
    for (size_t i = 0; i < count; i++)
        difference += fabs((double)(shop->degraded.pixels[i] - shop->region.pixels[i]));
    if (difference * 255 < visible_difference * (double)count)
        return;
    series->base_badness = (float)badness;
    copy_photo(&shop->degraded, &shop->region);
}

static void put_series(struct batch *batch, struct workshop *shop, const double levels[STAGES])
{
    for (uint32_t stage = 0; stage < STAGES; stage++) {
        double badness = 0;
        copy_photo(&shop->region, &shop->degraded);
        if (stage) {
            const double strength =
                degradation_strength(shop->series.type, levels[stage], &badness);
            degrade(&shop->degraded, shop->series.type, strength, shop->seed);
        }
        if (shop->jpeg_quality > 0)
            degrade(&shop->degraded, DEGRADE_JPEG, shop->jpeg_quality, 0);
        put_stage(batch, shop, stage, badness);
    }
}

static void put_photo(struct batch *batch, struct workshop *shop, const struct photo_set *photos,
                      uint32_t photo, struct draws *draws)
{
    const struct batch_recipe *recipe = shop->recipe;
    double levels[STAGES];
    shop->series = (struct image_label){.photo = photo, .type = draw_type(recipe, draws)};
    region_choose(photos, recipe, shop->series.type, draws, &shop->region);
    place_crops(shop, draws);
    draw_levels(recipe, draws, levels);
    shop->seed = draw_word(draws);
    const bool stored = draw_unit(draws) < recipe->stored;
    shop->jpeg_quality = stored ? 80 + draw_below(draws, 18) : 0;
    if (draw_unit(draws) < recipe->compound)
        begin_badly(shop, draws);
    put_series(batch, shop, levels);
}

static void put_strange(struct batch *batch, struct workshop *shop, uint32_t image,
                        struct draws *draws)
{
    const uint32_t number = image - batch->photos * CROPS * STAGES;
    draw_strange(shop->recipe->crop, draws, shop->crops);
    bytes_to_pixels(&shop->table, shop->crops, image_values(shop->recipe) / 3,
                    pixels_of(batch, shop->recipe, image));
    batch->labels[image] = (struct image_label){
        .photo = batch->photos + number, .type = degradation_count, .badness = degradation_levels};
}

void batch_make(struct batch *batch, const struct photo_set *photos,
                const struct batch_recipe *recipe, uint64_t index)
{
    struct workshop shop;
    struct draws draws;
    workshop_open(&shop, recipe);
    const struct batch_share *share = &batch->share;
    for (uint32_t photo = share->first_photo; photo < share->first_photo + share->photos; photo++) {
        draws = draws_of(recipe->seed, index * (recipe->photos + 1) + photo);
        put_photo(batch, &shop, photos, photo, &draws);
    }
    draws = draws_of(recipe->seed, index * (recipe->photos + 1) + recipe->photos);
    for (uint32_t i = recipe->photos * CROPS * STAGES; i < share->first_image + share->images; i++)
        put_strange(batch, &shop, i, &draws);
    workshop_close(&shop);
}
