/*
 * score.c - `qualiclip score`: images in, a line for each out, in their order or the best first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "diagnostics.h"
#include "image_run.h"
#include "memory.h"
#include "names.h"
#include "pictures.h"

static const char help[] =
    "Usage: qualiclip score [OPTION]... IMAGE...\n"
    "\n"
    "Scores PNG and JPEG photos: 0 is bad, 1 is good.  `-` is an image on standard input.\n"
    "A photo is scored as it is stored, unless --size says otherwise at its own size; EXIF\n"
    "orientation is ignored.\n"
    "\n"
    "      --profile=NAME       score by another recipe than the model's: qualiclip,\n"
    "                           qualiclip-pyiqa, qualiclip+, clip-iqa, clip-iqa-pyiqa, clip-iqa+,\n"
    "                           liqe, liqe-mix (1 to 5), grepq (0 to 2), clip.  Prompts that the\n"
    "                           model does not store are encoded by its text tower\n"
    "      --prompts=FILE       compare with these instead of the model's: a pair a line, "
    "positive\n"
    "                           TAB negative [TAB name]; # begins a comment.  The model must hold\n"
    "                           its text tower and vocabulary (convert --vocab)\n"
    "      --text=TEXT          compare with this text (several times: with each of them): the\n"
    "                           probabilities add up to 1, the score is the first text's.  Means\n"
    "                           --profile=clip, under which --prompts names a file of one text a\n"
    "                           line: text [TAB name]\n"
    "      --truncate           cut prompts of too many tokens instead of refusing them\n"
    "      --sort               the best first, failed ones last (waits for all of "
    "them)\n" IMAGE_OPTIONS_HELP "\n"
    "Output: text  0.8731  photo.jpg        and the recipe, where it is not the model's own\n"
    "        csv   path,score,width,height,error,model,recipe\n"
    "        json  path, score, pairs (a probability for each pair of opposite prompts),\n"
    "              pair_names, width, height, model, profile, kernels, precision, positions,\n"
    "              temperature, logit_scale, size, score_range, recipe; or path, error\n"
    "Scores can be compared where model and recipe are the same.\n"
    "\n"
    "A photo that cannot be scored is reported on standard error; the others are scored, and\n"
    "the exit status is 1.\n"
    "\n"
    "Examples:\n"
    "  qualiclip score photo.jpg\n"
    "  qualiclip score -m clip.gguf --text='a sharp photo' --text='a blurry photo' photo.jpg\n"
    "  qualiclip score --sort -r ~/Pictures | head -20        the twenty best\n"
    "  curl -s https://example.org/photo.jpg | qualiclip score -\n"
    "  qualiclip score --format=json *.jpg | jq -r 'select(.score < 0.3).path'\n";

/* What became of an image; status and message for every kind of failure. */
struct record {
    const char *path;
    qc_result result;
};

/* Records of the images that are on their way, or where they are sorted of all. */
struct records {
    struct record *items;
    size_t room; /* image i's is items[i % room] */
};

static void set_error(struct record *record, const char *message)
{
    record->result.status = QC_ERROR_IO;
    snprintf(record->result.message, sizeof record->result.message, "%s", message);
}

/* Pixels that are decoded before they are scored: beyond, a batch makes nothing faster. */
static const uint64_t pixels_at_once = UINT64_C(1) << 24;

/* Pictures of one piece, read and not yet scored, and where their results go. */
struct pending {
    size_t count;
    uint64_t pixels;
    qc_picture **pictures;
    qc_image *images;
    qc_result *results;
    struct record **records;
};

static struct pending pending_open(size_t room)
{
    return (struct pending){.pictures = reallocate(NULL, room, sizeof(qc_picture *)),
                            .images = reallocate(NULL, room, sizeof(qc_image)),
                            .results = reallocate(NULL, room, sizeof(qc_result)),
                            .records = reallocate(NULL, room, sizeof(struct record *))};
}

static void pending_close(struct pending *pending)
{
    free(pending->pictures);
    free(pending->images);
    free(pending->results);
    free(pending->records);
}

/* Reads an image, or notes why that is not possible. */
static void read_image(struct pending *pending, const struct input *input, struct record *record)
{
    char message[QC_MESSAGE_SIZE];
    memset(record, 0, sizeof *record);
    record->path = input->path;
    qc_picture *picture = input->error ? NULL : picture_open(input->path, message);
    if (!picture) {
        set_error(record, input->error ? input->error : message);
        return;
    }
    const qc_image image = qc_picture_view(picture);
    pending->pixels += (uint64_t)image.width * image.height;
    pending->records[pending->count] = record;
    pending->images[pending->count] = image;
    pending->pictures[pending->count++] = picture;
}

/* Scores what has been read, and lets go of the pixels. */
static void score_pending(struct lanes *lanes, size_t lane, struct pending *pending)
{
    lanes_score(lanes, lane, pending->images, pending->count, pending->results);
    for (size_t i = 0; i < pending->count; i++) {
        pending->records[i]->result = pending->results[i];
        qc_picture_free(pending->pictures[i]);
    }
    pending->count = 0;
    pending->pixels = 0;
}

static void score_images(struct image_run *run, void *context, size_t lane, size_t first,
                         size_t count)
{
    const struct records *records = context;
    struct pending pending = pending_open(count);
    for (size_t i = first; i < first + count; i++) {
        read_image(&pending, &run->inputs.items[i], &records->items[i % records->room]);
        if (pending.pixels >= pixels_at_once)
            score_pending(&run->lanes, lane, &pending);
    }
    score_pending(&run->lanes, lane, &pending);
    pending_close(&pending);
}

static void print_text(const struct image_run *run, const struct record *record)
{
    if (record->result.status != QC_OK)
        return;
    printf("%.4f  %s", (double)record->result.score, record->path);
    if (run->other_recipe)
        printf("  (%s)", printable(record->result.recipe).text);
}

static void print_csv(const struct image_run *run, const struct record *record)
{
    (void)run;
    const qc_result *result = &record->result;
    output_csv_text(record->path);
    if (result->status == QC_OK) {
        printf(",%.9g,%u,%u,,%s,", (double)result->score, (unsigned)result->width,
               (unsigned)result->height, result->model);
        output_csv_text(result->recipe);
    } else {
        fputs(",,,,", stdout);
        output_csv_text(result->message);
        fputs(",,", stdout);
    }
}

static cJSON *describe(const struct image_run *run, const struct record *record)
{
    const qc_result *result = &record->result;
    const float range[] = {result->score_minimum, result->score_maximum};
    cJSON *object = cJSON_CreateObject();
    json_add_text(object, "path", record->path);
    if (result->status != QC_OK) {
        json_add_text(object, "error", result->message);
        return object;
    }
    json_add_float(object, "score", result->score);
    json_add_floats(object, "pairs", result->pairs, result->pair_count);
    cJSON *names = cJSON_AddArrayToObject(object, "pair_names");
    for (uint32_t i = 0; i < result->pair_count; i++)
        json_append_text(names, qc_scorer_pair_name(run->lanes.whole.prompts, i));
    cJSON_AddNumberToObject(object, "width", result->width);
    cJSON_AddNumberToObject(object, "height", result->height);
    json_add_text(object, "model", result->model);
    json_add_text(object, "profile", result->profile);
    json_add_text(object, "kernels", result->kernels);
    json_add_text(object, "precision", result->precision);
    json_add_text(object, "positions", positions_name(result->positions));
    json_add_float(object, "temperature", result->temperature);
    json_add_float(object, "logit_scale", result->logit_scale);
    json_add_text(object, "size", size_name(result->size_rule, result->size_pixels).text);
    json_add_floats(object, "score_range", range, 2);
    if (strcmp(result->profile, "grepq") == 0)
        json_add_float(object, "low_level", result->low_level);
    json_add_text(object, "recipe", result->recipe);
    return object;
}

/* False if standard output takes no more. */
static bool print_record(struct image_run *run, const struct record *record)
{
    if (run->format == OUTPUT_JSON)
        return output_json_line(describe(run, record));
    if (run->format == OUTPUT_TEXT && record->result.status != QC_OK)
        return true; /* it is on standard error */
    output_begin_line();
    (run->format == OUTPUT_CSV ? print_csv : print_text)(run, record);
    return output_end_line();
}

static bool print_header(const struct image_run *run)
{
    if (run->format != OUTPUT_CSV)
        return true;
    output_begin_line();
    fputs("path,score,width,height,error,model,recipe", stdout);
    return output_end_line();
}

/* Complains about an image that failed; one that did not is printed, unless they are sorted. */
static bool print_image(struct image_run *run, void *context, size_t index)
{
    const struct records *records = context;
    const struct record *record = &records->items[index % records->room];
    if (record->result.status != QC_OK)
        image_run_failed(run, record->path, record->result.message);
    return run->sort || print_record(run, record);
}

/* Where an image comes among the sorted: its score, then its place on the command line. */
struct rank {
    float score; /* -1: failed */
    size_t index;
};

static int best_first(const void *left, const void *right)
{
    const struct rank *a = left, *b = right;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

static bool print_sorted(struct image_run *run, const struct record *records)
{
    size_t count = run->inputs.count;
    struct rank *ranks = reallocate(NULL, count, sizeof *ranks);
    for (size_t i = 0; i < count; i++)
        ranks[i] =
            (struct rank){records[i].result.status == QC_OK ? records[i].result.score : -1.0f, i};
    qsort(ranks, count, sizeof *ranks, best_first);
    bool written = true;
    for (size_t i = 0; i < count && written; i++)
        written = print_record(run, &records[ranks[i].index]);
    free(ranks);
    return written;
}

static bool score_all(struct image_run *run)
{
    const size_t batch = run->lanes.batch, total = run->inputs.count;
    const size_t pieces = run->sort ? (total + batch - 1) / batch : image_run_room(run);
    struct records records = {reallocate(NULL, pieces * batch, sizeof *records.items),
                              pieces * batch};
    const struct image_work work = {pieces, score_images, print_image, &records};
    bool written = print_header(run) && image_run_each(run, &work);
    if (run->sort && written)
        written = print_sorted(run, records.items);
    free(records.items);
    return written;
}

int command_score(int argc, char **argv)
{
    static const struct image_command command = {"score", help, true};
    struct image_run run;
    if (!image_run_open(&run, &command, argc, argv))
        return run.status;
    if (!score_all(&run))
        run.status = COMMAND_FAILED;
    return image_run_close(&run);
}
