/*
 * score.c - `qualiclip score`: images in, a line for each out, in their order or the best first.
 * Films are scored by score_films.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "image_run.h"
#include "memory.h"
#include "pictures.h"
#include "score_films.h"
#include "score_output.h"

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
    "      --sort               the best first, failed ones last (waits for all of them)\n"
    "      --fast-decode        with --size=crop224 or long=N: a JPEG that is more than twice as\n"
    "                           large is decoded smaller, faster and with another score; the\n"
    "                           recipe tells\n"
    IMAGE_OPTIONS_HELP "\n";

static const char help_end[] =
    "Films: YUV4MPEG2 files (.y4m), and with --raw frames without headers; each frame is scored,\n"
    "and then mean, percentile and worst frames are told.  Not together with photos.\n"
    "      --raw=FORMAT:WxH     the inputs are frames one after another, such as nv12:1920x1080.\n"
    "                           FORMAT: rgb, bgr, rgba, bgra, rgbx, bgrx, argb, abgr, xrgb, xbgr,\n"
    "                           rgb565, grey, grey10, grey12, i420, yv12, i422, i444, nv12, nv21,\n"
    "                           nv16, p010, yuyv, uyvy\n"
    "      --matrix=NAME        of YUV: bt601, bt709 or bt2020; default: bt709 from 720 rows on,\n"
    "                           bt601 below\n"
    "      --range=NAME         full or limited; default: as the file says, else limited for YUV,\n"
    "                           full for other formats\n"
    "      --every=N            score frames 0, N, 2N ... alone; default 1\n"
    "      --percentile=P       the score that P % of the frames do not exceed; default 5\n"
    "      --worst=N            how many of the worst frames are told; default 3\n"
    "\n"
    "Output: text  0.8731  photo.jpg        and the recipe, where it is not the model's own\n"
    "        csv   path,score,width,height,error,model,recipe\n"
    "        json  path, score, pairs (a probability for each pair of opposite prompts),\n"
    "              pair_names, width, height, model, profile, kernels, precision, positions,\n"
    "              temperature, logit_scale, size, score_range, recipe; or path, error\n"
    "        Of films, text has path#frame, csv and json a column or member frame; then as text\n"
    "        and csv a line each for the mean, the percentile and the worst; as json path,\n"
    "        frames, mean, percentile, percent, worst (frame and score), model, recipe\n"
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
    "  ffmpeg -v error -i film.mkv -f rawvideo -pix_fmt nv12 - | \\\n"
    "      qualiclip score --raw nv12:1920x1080 -\n"
    "  qualiclip score --format=json *.jpg | jq -r 'select(.score < 0.3).path'\n";

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
    struct opened_picture *pictures;
    qc_image *images;
    qc_result *results;
    struct record **records;
};

static struct pending pending_open(size_t room)
{
    return (struct pending){.pictures = reallocate(NULL, room, sizeof(struct opened_picture)),
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

/* Opens an image, or notes why that is not possible. */
static bool open_image(const struct image_run *run, struct record *record,
                       const struct input *input, bool decode, struct opened_picture *opened)
{
    char message[QC_MESSAGE_SIZE];
    memset(record, 0, sizeof *record);
    record->path = input->path;
    record->frame = NOT_A_FRAME;
    if (!input->error && picture_open(opened, input->path, decode, run->scaled_for, message))
        return true;
    set_error(record, input->error ? input->error : message);
    return false;
}

/* Scores an image while it is decoded. */
static void score_image(struct image_run *run, size_t lane, const struct input *input,
                        struct record *record)
{
    struct opened_picture opened;
    if (!open_image(run, record, input, false, &opened))
        return;
    lanes_score_picture(&run->lanes, lane, opened.picture, &record->result);
    picture_tidy(record->result.message, input->path);
    picture_close(&opened);
}

/* Decodes an image that is to be scored together with others. */
static void read_image(const struct image_run *run, struct pending *pending,
                       const struct input *input, struct record *record)
{
    struct opened_picture *opened = &pending->pictures[pending->count];
    if (!open_image(run, record, input, true, opened))
        return;
    const qc_image image = qc_picture_view(opened->picture);
    pending->pixels += (uint64_t)image.width * image.height;
    pending->records[pending->count] = record;
    pending->images[pending->count++] = image;
}

/* Scores what has been read, and lets go of the pixels. */
static void score_pending(struct lanes *lanes, size_t lane, struct pending *pending)
{
    lanes_score(lanes, lane, pending->images, pending->count, pending->results);
    for (size_t i = 0; i < pending->count; i++) {
        pending->records[i]->result = pending->results[i];
        picture_close(&pending->pictures[i]);
    }
    pending->count = 0;
    pending->pixels = 0;
}

static void score_images(struct image_run *run, void *context, size_t lane, size_t first,
                         size_t count)
{
    const struct records *records = context;
    if (run->lanes.batch == 1 || run->scaled_for) { /* of which single pictures tell */
        for (size_t i = first; i < first + count; i++)
            score_image(run, lane, &run->inputs.items[i], &records->items[i % records->room]);
        return;
    }
    struct pending pending = pending_open(count);
    for (size_t i = first; i < first + count; i++) {
        read_image(run, &pending, &run->inputs.items[i], &records->items[i % records->room]);
        if (pending.pixels >= pixels_at_once)
            score_pending(&run->lanes, lane, &pending);
    }
    score_pending(&run->lanes, lane, &pending);
    pending_close(&pending);
}

/* Complains about an image that failed; one that did not is printed, unless they are sorted. */
static bool print_image(struct image_run *run, void *context, size_t index)
{
    const struct records *records = context;
    const struct record *record = &records->items[index % records->room];
    if (record->result.status != QC_OK)
        image_run_failed(run, record->path, record->result.message);
    return run->sort || score_print(run, record);
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
        written = score_print(run, &records[ranks[i].index]);
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
    bool written = score_print_header(run) && image_run_each(run, &work);
    if (run->sort && written)
        written = print_sorted(run, records.items);
    free(records.items);
    return written;
}

int command_score(int argc, char **argv)
{
    static const struct image_command command = {"score", help, help_end, true};
    struct image_run run;
    if (!image_run_open(&run, &command, argc, argv))
        return run.status;
    if (!(run.films.any ? score_films : score_all)(&run))
        run.status = COMMAND_FAILED;
    return image_run_close(&run);
}
