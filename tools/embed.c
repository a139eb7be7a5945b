/*
 * embed.c - `qualiclip embed`: images in, their unit features out, a line for each.
 */
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "image_run.h"
#include "memory.h"
#include "pictures.h"

static const char help[] =
    "Usage: qualiclip embed [OPTION]... IMAGE...\n"
    "\n"
    "Prints the feature of each image: a vector of length 1, as CLIP's image encoder gives it.\n"
    "The cosine of two images is the sum of the products of their numbers.  `-` is an image on\n"
    "standard input.  --temperature and --batch are accepted and change nothing.  With\n"
    "--size=tiles it is the mean of the crops' features, brought to length 1.\n"
    "\n"
    IMAGE_OPTIONS_HELP
    "\n"
    "Output: text  the numbers separated by single blanks, two blanks, the path\n"
    "        csv   path, a column f0, f1, ... for each number, error\n"
    "        json  path, feature (an array); or path, error\n"
    "\n"
    "Examples:\n"
    "  qualiclip embed --format=json *.jpg > features.json\n"
    "  qualiclip embed --positions=grid -m vit-b-32.gguf photo.jpg\n";

static void print_text(const char *path, const float *feature, size_t size)
{
    for (size_t i = 0; i < size; i++)
        printf("%s%.9g", i ? " " : "", (double)feature[i]);
    printf("  %s", path);
}

/* `feature` NULL: it failed, and `error` tells why. */
static void print_csv(const char *path, const float *feature, size_t size, const char *error)
{
    output_csv_text(path);
    for (size_t i = 0; i < size; i++) {
        putchar(',');
        if (feature)
            printf("%.9g", (double)feature[i]);
    }
    putchar(',');
    if (!feature)
        output_csv_text(error);
}

static cJSON *describe(const char *path, const float *feature, size_t size, const char *error)
{
    cJSON *object = cJSON_CreateObject();
    json_add_text(object, "path", path);
    if (feature)
        json_add_floats(object, "feature", feature, size);
    else
        json_add_text(object, "error", error);
    return object;
}

static bool print_header(const struct image_run *run)
{
    if (run->format != OUTPUT_CSV)
        return true;
    output_begin_line();
    fputs("path", stdout);
    for (uint32_t i = 0; i < run->info.feature_size; i++)
        printf(",f%u", (unsigned)i);
    fputs(",error", stdout);
    return output_end_line();
}

static bool print_feature(const struct image_run *run, const char *path, const float *feature,
                          const char *error)
{
    size_t size = run->info.feature_size;
    if (run->format == OUTPUT_JSON)
        return output_json_line(describe(path, feature, size, error));
    if (run->format == OUTPUT_TEXT && !feature)
        return true; /* it is on standard error */
    output_begin_line();
    if (run->format == OUTPUT_CSV)
        print_csv(path, feature, size, error);
    else
        print_text(path, feature, size);
    return output_end_line();
}

/* Features of the images that are on their way, or why there is none. */
struct embeddings {
    struct embedding {
        bool failed;
        char message[QC_MESSAGE_SIZE];
    } *items;
    float *features;
    size_t room, size; /* image i's are items[i % room], features[i % room * size] */
};

static void embed_image(struct image_run *run, size_t lane, const struct input *input,
                        struct embedding *embedding, float *feature)
{
    embedding->failed = true;
    if (input->error) {
        snprintf(embedding->message, sizeof embedding->message, "%s", input->error);
        return;
    }
    struct opened_picture opened;
    if (!picture_open(&opened, input->path, false, 0, embedding->message))
        return;
    embedding->failed =
        !lanes_embed(&run->lanes, lane, opened.picture, feature, embedding->message);
    if (embedding->failed)
        picture_tidy(embedding->message, input->path);
    picture_close(&opened);
}

static void embed_images(struct image_run *run, void *context, size_t lane, size_t first,
                         size_t count)
{
    const struct embeddings *embeddings = context;
    for (size_t i = first; i < first + count; i++) {
        const size_t place = i % embeddings->room;
        embed_image(run, lane, &run->inputs.items[i], &embeddings->items[place],
                    embeddings->features + place * embeddings->size);
    }
}

static bool print_image(struct image_run *run, void *context, size_t index)
{
    const struct embeddings *embeddings = context;
    const size_t place = index % embeddings->room;
    const struct embedding *embedding = &embeddings->items[place];
    const char *path = run->inputs.items[index].path;
    if (!embedding->failed)
        return print_feature(run, path, embeddings->features + place * embeddings->size, NULL);
    image_run_failed(run, path, embedding->message);
    return print_feature(run, path, NULL, embedding->message);
}

int command_embed(int argc, char **argv)
{
    static const struct image_command command = {"embed", help, "", false};
    struct image_run run;
    if (!image_run_open(&run, &command, argc, argv))
        return run.status;
    const size_t pieces = image_run_room(&run);
    struct embeddings embeddings = {.room = pieces * run.lanes.batch,
                                    .size = run.info.feature_size};
    embeddings.items = reallocate(NULL, embeddings.room, sizeof *embeddings.items);
    embeddings.features =
        reallocate(NULL, embeddings.room, embeddings.size * sizeof *embeddings.features);
    const struct image_work work = {pieces, embed_images, print_image, &embeddings};
    if (!print_header(&run) || !image_run_each(&run, &work))
        run.status = COMMAND_FAILED;
    free(embeddings.features);
    free(embeddings.items);
    return image_run_close(&run);
}
