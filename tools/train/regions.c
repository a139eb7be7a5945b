/*
 * regions.c - drawing places until one is good.
 */
#include "regions.h"

#include <math.h>
#include <stdlib.h>

enum { TRIES = 24 };

/* Below: out of focus; a surface without anything on it; grey. */
static const double enough_detail = 0.02, any_detail = 0.002, enough_colour = 0.06;

uint32_t region_most(uint32_t crop)
{
    return crop + crop / 2;
}

static float luma(const float *pixel)
{
    return 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
}

static double part_detail(const struct photo *region, uint32_t left, uint32_t top, uint32_t width,
                          uint32_t height)
{
    double sum = 0;
    const size_t row = 3 * (size_t)region->width;
    for (uint32_t y = top + 1; y + 1 < top + height; y++)
        for (uint32_t x = left + 1; x + 1 < left + width; x++) {
            const float *at = region->pixels + y * row + 3 * (size_t)x;
            sum += fabs((double)(4 * luma(at) - luma(at - 3) - luma(at + 3) - luma(at - row) -
                                 luma(at + row)));
        }
    return width > 2 && height > 2 ? sum / (width - 2) / (height - 2) : 0;
}

double region_detail(const struct photo *region)
{
    const uint32_t width = region->width / 2, height = region->height / 2;
    double least = 8;
    for (unsigned i = 0; i < 4; i++) {
        const double detail = part_detail(region, i % 2 ? region->width - width : 0,
                                          i / 2 ? region->height - height : 0, width, height);
        least = detail < least ? detail : least;
    }
    return least;
}

double region_colour(const struct photo *region)
{
    const size_t count = (size_t)region->width * region->height;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        const float *p = region->pixels + 3 * i;
        const float most = fmaxf(p[0], fmaxf(p[1], p[2])), least = fminf(p[0], fminf(p[1], p[2]));
        sum += (double)(most - least);
    }
    return sum / (double)count;
}

static uint32_t most_of(uint32_t wanted, uint32_t there)
{
    return wanted < there ? wanted : there;
}

/* Where pixels are taken from. */
struct place {
    const struct cached_picture *picture;
    uint32_t left, top, width, height;
    bool mirrored;
};

static struct place draw_place(const struct photo_set *photos, const struct batch_recipe *recipe,
                               struct draws *draws)
{
    const struct cached_photo *photo = &photos->photos[draw_below(draws, (uint32_t)photos->count)];
    const bool whole = draw_unit(draws) < recipe->whole;
    const uint32_t size = draw_below(draws, photo->size_count);
    const uint32_t crop = recipe->crop, most = region_most(crop);
    struct place place = {.picture = &photo->sizes[whole ? photo->size_count - 1 : size]};
    place.width = most_of(crop + draw_below(draws, most - crop + 1), place.picture->width);
    place.height = most_of(crop + draw_below(draws, most - crop + 1), place.picture->height);
    place.left = draw_below(draws, place.picture->width - place.width + 1);
    place.top = draw_below(draws, place.picture->height - place.height + 1);
    place.mirrored = draw_below(draws, 2);
    return place;
}

static void copy_place(const struct place *place, struct photo *region)
{
    region->width = place->width;
    region->height = place->height;
    float *to = region->pixels;
    for (uint32_t y = 0; y < place->height; y++) {
        const unsigned char *row =
            place->picture->pixels +
            3 * ((size_t)(place->top + y) * place->picture->width + place->left);
        for (uint32_t x = 0; x < place->width; x++, to += 3) {
            const unsigned char *from = row + 3 * (place->mirrored ? place->width - 1 - x : x);
            for (unsigned channel = 0; channel < 3; channel++)
                to[channel] = (float)from[channel] / 255;
        }
    }
}

/* Noise, compression and tones can be seen, and must be, where nothing else is. */
static bool shows_without_detail(enum degradation type)
{
    switch (degradation_kinds[type].group) {
    case DEGRADE_COMPRESSION:
    case DEGRADE_NOISE:
    case DEGRADE_BRIGHTNESS: return true;
    default: return type == DEGRADE_LINEAR_CONTRAST || type == DEGRADE_NON_LINEAR_CONTRAST;
    }
}

/* How far the region is what is needed; 1 or more: fully. */
static double fitness(const struct photo *region, double detail, bool colour)
{
    const double fit = detail > 0 ? region_detail(region) / detail : 1;
    if (!colour)
        return fit;
    const double colourful = region_colour(region) / enough_colour;
    return colourful < fit ? colourful : fit;
}

void region_choose(const struct photo_set *photos, const struct batch_recipe *recipe,
                   enum degradation type, struct draws *draws, struct photo *region)
{
    const bool anywhere = draw_unit(draws) < recipe->without_regard && shows_without_detail(type);
    const double detail = !recipe->choose_detail || anywhere ? any_detail : enough_detail;
    const bool colour = degradation_kinds[type].group == DEGRADE_COLOR;
    struct place best = {0};
    double best_fit = -1;
    for (unsigned i = 0; i < TRIES && best_fit < 1; i++) {
        const struct place place = draw_place(photos, recipe, draws);
        copy_place(&place, region);
        const double fit = fitness(region, detail, colour);
        if (fit > best_fit) {
            best_fit = fit;
            best = place;
        }
    }
    copy_place(&best, region);
}
