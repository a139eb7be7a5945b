/*
 * photo_set.c - files -> pictures at a few sizes.
 */
#include "photo_set.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"
#include "photo_reading.h"
#include "pictures.h"
#include "qualiclip.h"

static const uint32_t longest_sides[PHOTO_SIZES] = {1536, 1024, 768, 512, 384, 256, 192};

/* Weights of the inputs that one output covers, along one side. */
struct span {
    uint32_t first, count;
    float first_weight, last_weight; /* those between count fully */
};

static struct span *find_spans(uint32_t from, uint32_t to)
{
    struct span *spans = reallocate(NULL, to, sizeof *spans);
    for (uint32_t i = 0; i < to; i++) {
        const double begin = (double)i * from / to, end = (double)(i + 1) * from / to;
        const uint32_t first = (uint32_t)begin;
        uint32_t last = (uint32_t)ceil(end - 1e-9) - 1;
        last = last < from ? last : from - 1;
        spans[i] =
            (struct span){first, last - first + 1, (float)(first + 1 - begin), (float)(end - last)};
        if (first == last)
            spans[i].first_weight = (float)(end - begin);
    }
    return spans;
}

static float span_weight(const struct span *span, uint32_t i)
{
    return i == 0 ? span->first_weight : i + 1 == span->count ? span->last_weight : 1;
}

/* One row of `from`, scaled down along x, times `weight`, added to `sums`. */
static void add_row(const unsigned char *row, const struct span *spans, uint32_t width,
                    float weight, float *sums)
{
    for (uint32_t x = 0; x < width; x++)
        for (uint32_t i = 0; i < spans[x].count; i++) {
            const unsigned char *pixel = row + 3 * (size_t)(spans[x].first + i);
            const float factor = weight * span_weight(&spans[x], i);
            for (unsigned channel = 0; channel < 3; channel++)
                sums[3 * x + channel] += factor * pixel[channel];
        }
}

/* `to` has its sides set, each at most those of `from`, and its pixels; areas are averaged. */
static void scale_down(const struct cached_picture *from, struct cached_picture *to)
{
    struct span *columns = find_spans(from->width, to->width);
    struct span *rows = find_spans(from->height, to->height);
    const size_t row_size = 3 * (size_t)to->width;
    float *sums = reallocate(NULL, row_size, sizeof *sums);
    const float area = (float)((double)from->width * from->height / to->width / to->height);
    for (uint32_t y = 0; y < to->height; y++) {
        memset(sums, 0, row_size * sizeof *sums);
        for (uint32_t i = 0; i < rows[y].count; i++)
            add_row(from->pixels + 3 * (size_t)from->width * (rows[y].first + i), columns,
                    to->width, span_weight(&rows[y], i), sums);
        for (size_t x = 0; x < row_size; x++)
            to->pixels[y * row_size + x] = (unsigned char)(sums[x] / area + 0.5f);
    }
    free(sums);
    free(rows);
    free(columns);
}

static void copy_rgb(const qc_image *image, struct cached_picture *picture)
{
    const unsigned step = image->format == QC_PIXEL_RGBA ? 4 : 3;
    unsigned char *to = picture->pixels;
    for (uint32_t y = 0; y < image->height; y++) {
        const uint8_t *from = image->planes[0] + (ptrdiff_t)y * image->strides[0];
        for (uint32_t x = 0; x < image->width; x++, from += step, to += 3)
            memcpy(to, from, 3);
    }
}

static size_t picture_bytes(const struct cached_picture *picture)
{
    return 3 * (size_t)picture->width * picture->height;
}

static struct cached_picture new_picture(uint32_t width, uint32_t height)
{
    struct cached_picture picture = {width, height, NULL};
    picture.pixels = allocate(picture_bytes(&picture));
    return picture;
}

static uint32_t scaled(uint32_t side, uint32_t longest, uint32_t to)
{
    const uint32_t result = (uint32_t)((double)side * to / longest + 0.5);
    return result ? result : 1;
}

/* The sizes of a photo from its own, which it takes over. */
static void make_sizes(struct cached_photo *photo, struct cached_picture original,
                       uint32_t shortest)
{
    const bool wide = original.width >= original.height;
    const uint32_t longest = wide ? original.width : original.height;
    for (unsigned i = 0; i < PHOTO_SIZES; i++) {
        const uint32_t to = longest_sides[i];
        if (to >= longest)
            continue;
        const uint32_t width = scaled(original.width, longest, to);
        const uint32_t height = scaled(original.height, longest, to);
        if ((wide ? height : width) < shortest)
            break;
        if (photo->size_count == 0 && longest <= longest_sides[0])
            photo->sizes[photo->size_count++] = original;
        if (photo->size_count == PHOTO_SIZES)
            break;
        struct cached_picture *made = &photo->sizes[photo->size_count];
        *made = new_picture(width, height);
        scale_down(photo->size_count ? made - 1 : &original, made);
        photo->size_count++;
    }
    if (photo->size_count == 0)
        photo->sizes[photo->size_count++] = original;
    if (photo->sizes[0].pixels != original.pixels)
        free(original.pixels);
}

static bool load_photo(struct cached_photo *photo, const char *path, uint32_t shortest,
                       char *message)
{
    struct opened_picture opened;
    if (!picture_open(&opened, path, true, 0, message))
        return false;
    const qc_image image = qc_picture_view(opened.picture);
    if (image.width < shortest || image.height < shortest) {
        snprintf(message, QC_MESSAGE_SIZE, "%ux%u pixels: crops need %u a side, and it is left out",
                 (unsigned)image.width, (unsigned)image.height, (unsigned)shortest);
        picture_close(&opened);
        return false;
    }
    struct cached_picture original = new_picture(image.width, image.height);
    copy_rgb(&image, &original);
    picture_close(&opened);
    *photo = (struct cached_photo){.path = copy_string(path)};
    make_sizes(photo, original, shortest);
    return true;
}

/* Frees the largest size of the photo whose largest is the largest of all; false: none is left. */
static bool drop_largest(struct photo_set *set)
{
    struct cached_photo *heaviest = NULL;
    for (size_t i = 0; i < set->count; i++)
        if (set->photos[i].size_count > 1 && (!heaviest || picture_bytes(&set->photos[i].sizes[0]) >
                                                               picture_bytes(&heaviest->sizes[0])))
            heaviest = &set->photos[i];
    if (!heaviest)
        return false;
    set->bytes -= picture_bytes(&heaviest->sizes[0]);
    free(heaviest->sizes[0].pixels);
    heaviest->size_count--;
    memmove(heaviest->sizes, heaviest->sizes + 1, heaviest->size_count * sizeof *heaviest->sizes);
    return true;
}

struct loading {
    struct photo_set *set;
    const char *const *paths;
    const struct photo_wishes *wishes;
};

/* A photo stands at its place in the list until those before it have moved up. */
static bool load_place(void *context, size_t index, char *message)
{
    const struct loading *loading = context;
    return load_photo(&loading->set->photos[index], loading->paths[index],
                      loading->wishes->shortest, message);
}

static void keep_place(void *context, size_t index)
{
    const struct loading *loading = context;
    struct photo_set *set = loading->set;
    const struct cached_photo photo = set->photos[index];
    set->photos[set->count++] = photo;
    for (uint32_t size = 0; size < photo.size_count; size++)
        set->bytes += picture_bytes(&photo.sizes[size]);
    while (set->bytes > loading->wishes->memory && drop_largest(set))
        continue;
}

void photo_set_load(struct photo_set *set, const char *const *paths, size_t count,
                    const struct photo_wishes *wishes)
{
    *set = (struct photo_set){.photos = reallocate(NULL, count, sizeof *set->photos)};
    struct loading loading = {set, paths, wishes};
    const struct photo_reading reading = {.paths = paths,
                                          .count = count,
                                          .workers = wishes->workers,
                                          .unit = "photos",
                                          .read = load_place,
                                          .keep = keep_place,
                                          .context = &loading};
    read_photos(&reading);
}

void photo_set_free(struct photo_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        for (uint32_t size = 0; size < set->photos[i].size_count; size++)
            free(set->photos[i].sizes[size].pixels);
        free(set->photos[i].path);
    }
    free(set->photos);
    *set = (struct photo_set){0};
}
