/*
 * degraded_copies.c - reads an image once and makes its copies, several at a time.
 */
#include "degraded_copies.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "degrade/bytes.h"
#include "degrade_figure.h"
#include "diagnostics.h"
#include "in_order.h"
#include "memory.h"
#include "pictures.h"
#include "png_file.h"
#include "progress.h"

/* One image on its way; piece i makes copies[i]. */
struct image {
    struct copies_request *request;
    const char *path, *stem;
    uint32_t width, height;
    uint8_t *pixels; /* RGB */
    struct made_copy {
        enum degradation type;
        int level;
        bool failed;
        char message[QC_MESSAGE_SIZE];
    } * copies;
    struct degrade_figure *figure; /* NULL: files */
    bool good;
};

size_t copies_count(const struct copies_request *request)
{
    size_t types = 0, levels = 0;
    for (int i = 0; i < degradation_count; i++)
        types += request->types[i];
    for (int i = 0; i < degradation_levels; i++)
        levels += request->levels[i];
    return types * levels;
}

/* --------------------------------------------------------------------------------- what is told */

static bool print_row(const struct copies_request *request, const char *path, const char *image,
                      const struct made_copy *copy, const char *error)
{
    output_begin_line();
    output_csv_text(path);
    putchar(',');
    output_csv_text(image);
    if (copy)
        printf(",%s,%d,%.9g", degradation_kinds[copy->type].name, copy->level,
               degradation_strength(copy->type, copy->level, NULL));
    else
        fputs(",,,", stdout);
    printf(",%" PRIu64 ",", request->seed);
    output_csv_text(error);
    return output_end_line();
}

static bool print_object(const struct copies_request *request, const char *path, const char *image,
                         const struct made_copy *copy, const char *error)
{
    cJSON *object = cJSON_CreateObject();
    if (path[0])
        json_add_text(object, "path", path);
    json_add_text(object, "image", image);
    if (copy) {
        cJSON_AddStringToObject(object, "type", degradation_kinds[copy->type].name);
        cJSON_AddNumberToObject(object, "level", copy->level);
        json_add_measurement(object, "strength",
                             degradation_strength(copy->type, copy->level, NULL));
    }
    cJSON_AddNumberToObject(object, "seed", (double)request->seed);
    if (error[0])
        json_add_text(object, "error", error);
    return output_json_line(object);
}

/* Of one copy, or of all in a figure (copy NULL), or of none (path empty). */
static bool tell(const struct copies_request *request, const char *path, const char *image,
                 const struct made_copy *copy, const char *error)
{
    if (request->format == OUTPUT_CSV)
        return print_row(request, path, image, copy, error);
    if (request->format == OUTPUT_JSON)
        return print_object(request, path, image, copy, error);
    if (error[0])
        return true; /* it is on standard error */
    output_begin_line();
    fputs(path, stdout);
    return output_end_line();
}

bool copies_begin(const struct copies_request *request)
{
    if (request->format != OUTPUT_CSV)
        return true;
    output_begin_line();
    fputs("path,image,type,level,strength,seed,error", stdout);
    return output_end_line();
}

bool copies_failed(const struct copies_request *request, const char *path, const char *message)
{
    complain_about(path, message);
    return tell(request, "", path, NULL, message);
}

/* ------------------------------------------------------------------------------------ the copies
 */

/* DIRECTORY/STEM.NAME.png, to be freed. */
static char *path_of(const struct image *image, const char *name)
{
    const char *directory = image->request->directory;
    const size_t length = strlen(directory);
    const char *slash = length && directory[length - 1] == '/' ? "" : "/";
    const size_t size = length + strlen(image->stem) + strlen(name) + sizeof "/..png";
    char *path = allocate(size);
    snprintf(path, size, "%s%s%s.%s.png", directory, slash, image->stem, name);
    return path;
}

static char *copy_path(const struct image *image, const struct made_copy *copy)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%d", degradation_kinds[copy->type].name, copy->level);
    return path_of(image, name);
}

/* The degraded image in eight bits; false if that failed. */
static bool make_pixels(const struct image *image, const struct made_copy *copy, uint8_t *pixels)
{
    const size_t values = 3 * (size_t)image->width * image->height;
    struct photo photo = {image->width, image->height, malloc(values * sizeof(float))};
    if (!photo.pixels)
        return false;
    values_from_bytes(photo.pixels, image->pixels, values);
    const double strength = degradation_strength(copy->type, copy->level, NULL);
    const bool done = degrade(&photo, copy->type, strength, image->request->seed);
    if (done)
        bytes_from_values(pixels, photo.pixels, values);
    free(photo.pixels);
    return done;
}

static void make_copy(void *context, size_t worker, size_t piece)
{
    const struct image *image = context;
    struct made_copy *copy = &image->copies[piece];
    (void)worker;
    uint8_t *pixels = malloc(3 * (size_t)image->width * image->height);
    copy->failed = !pixels || !make_pixels(image, copy, pixels);
    if (copy->failed) {
        snprintf(copy->message, sizeof copy->message,
                 "%s, level %d: not enough memory, or more than its codec takes",
                 degradation_kinds[copy->type].name, copy->level);
    } else if (image->figure) {
        degrade_figure_add(image->figure, piece, pixels);
    } else {
        char *path = copy_path(image, copy);
        copy->failed = !png_file_write(path, pixels, image->width, image->height, copy->message);
        free(path);
    }
    free(pixels);
}

static bool take_copy(void *context, size_t piece)
{
    struct image *image = context;
    const struct made_copy *copy = &image->copies[piece];
    bool told = true;
    if (copy->failed) {
        image->good = false;
        complain_about(image->path, copy->message);
    }
    if (copy->failed || !image->figure) {
        char *path = copy->failed ? copy_string("") : copy_path(image, copy);
        told = tell(image->request, path, image->path, copy, copy->failed ? copy->message : "");
        free(path);
    }
    progress_show(++image->request->done);
    return told;
}

/* Alpha is dropped, as where photos are scored. */
static void take_pixels(struct image *image, const qc_image *view)
{
    const size_t bytes = view->format == QC_PIXEL_RGBA ? 4 : 3;
    image->width = view->width;
    image->height = view->height;
    image->pixels = allocate(3 * (size_t)view->width * view->height);
    uint8_t *to = image->pixels;
    for (uint32_t y = 0; y < view->height; y++) {
        const uint8_t *row = view->planes[0] + (ptrdiff_t)y * view->strides[0];
        for (size_t x = 0; x < view->width; x++, to += 3)
            memcpy(to, row + x * bytes, 3);
    }
}

static void list_copies(struct image *image)
{
    const struct copies_request *request = image->request;
    image->copies = reallocate(NULL, copies_count(request), sizeof *image->copies);
    struct made_copy *copy = image->copies;
    for (int type = 0; type < degradation_count; type++)
        for (int level = 1; level <= degradation_levels; level++)
            if (request->types[type] && request->levels[level - 1])
                *copy++ = (struct made_copy){.type = (enum degradation)type, .level = level};
}

/* As many as threads and pieces, but of large images fewer: a copy takes up to 72 bytes a pixel. */
static size_t copies_at_once(const struct image *image, size_t count)
{
    const uint64_t most_pixels = UINT64_C(1) << 25;
    const uint64_t room = most_pixels / ((uint64_t)image->width * image->height);
    const size_t threads = image->request->threads;
    const size_t workers = threads < count ? threads : count;
    return room < 1 ? 1 : room < workers ? (size_t)room : workers;
}

static bool make_copies(struct image *image)
{
    const size_t count = copies_count(image->request);
    const struct ordered_work work = {.count = count,
                                      .workers = copies_at_once(image, count),
                                      .ahead = count,
                                      .work = make_copy,
                                      .take = take_copy,
                                      .context = image};
    return run_in_order(&work);
}

static bool make_figure(struct image *image)
{
    const struct copies_request *request = image->request;
    const struct figure_subject subject = {.name = image->path,
                                           .pixels = image->pixels,
                                           .width = image->width,
                                           .height = image->height,
                                           .seed = request->seed};
    char message[QC_MESSAGE_SIZE];
    image->figure = degrade_figure_open(&subject, request->types, request->levels,
                                        request->figure == FIGURE_CENTRE);
    bool told = make_copies(image);
    if (told) {
        char *path = path_of(image, "degradations");
        const bool written = degrade_figure_write(image->figure, path, message);
        if (!written) {
            image->good = false;
            complain("%s", message);
        }
        told = tell(request, written ? path : "", image->path, NULL, written ? "" : message);
        free(path);
    }
    degrade_figure_close(image->figure);
    return told;
}

bool copies_make(struct copies_request *request, const char *path, const char *stem, bool *good)
{
    struct image image = {.request = request, .path = path, .stem = stem, .good = true};
    struct opened_picture opened;
    char message[QC_MESSAGE_SIZE];
    if (!picture_open(&opened, path, true, 0, message)) {
        *good = false;
        return copies_failed(request, path, message);
    }
    const qc_image view = qc_picture_view(opened.picture);
    take_pixels(&image, &view);
    picture_close(&opened);
    list_copies(&image);
    const bool told = request->figure == FIGURE_NONE ? make_copies(&image) : make_figure(&image);
    free(image.copies);
    free(image.pixels);
    *good = *good && image.good;
    return told;
}
