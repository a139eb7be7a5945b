/*
 * score_films.c - reads a few frames, scores them on all threads, prints them, and so on to the end
 * of the stream.  A film that breaks off is scored as far as it goes, and is a failure.
 */
#include "score_films.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "film_pool.h"
#include "memory.h"
#include "score_output.h"

/* Frames that are read and not yet scored. */
struct frames {
    size_t room, count;
    void **pixels; /* NULL until there are so many */
    qc_image *images;
    qc_result *results;
    uint64_t *numbers;
};

static struct frames frames_open(size_t room)
{
    struct frames frames = {.room = room,
                            .pixels = reallocate(NULL, room, sizeof(void *)),
                            .images = reallocate(NULL, room, sizeof(qc_image)),
                            .results = reallocate(NULL, room, sizeof(qc_result)),
                            .numbers = reallocate(NULL, room, sizeof(uint64_t))};
    for (size_t i = 0; i < room; i++)
        frames.pixels[i] = NULL;
    return frames;
}

static void frames_close(struct frames *frames)
{
    for (size_t i = 0; i < frames->room; i++)
        free(frames->pixels[i]);
    free(frames->pixels);
    free(frames->images);
    free(frames->results);
    free(frames->numbers);
}

/* Reads on until there is room for no more; what ended it where that was something else. */
static enum film_step frames_read(struct frames *frames, struct film *film, uint32_t every,
                                  char *message)
{
    frames->count = 0;
    while (frames->count < frames->room) {
        const size_t next = frames->count;
        if (!frames->pixels[next])
            frames->pixels[next] = allocate(film->frame_bytes);
        enum film_step step = film_read(film, frames->pixels[next], &frames->images[next], message);
        if (step != FILM_FRAME)
            return step;
        frames->numbers[next] = film->frames - 1;
        if (frames->numbers[next] % every == 0)
            frames->count++;
    }
    return FILM_FRAME;
}

/* Scores what was read, prints it, and adds it to the pool; false if nothing more can be printed.
 */
static bool frames_score(struct frames *frames, struct image_run *run, const char *path,
                         struct film_pool *pool, qc_result *example)
{
    lanes_score(&run->lanes, 0, frames->images, frames->count, frames->results);
    for (size_t i = 0; i < frames->count; i++) {
        const struct record record = {path, frames->numbers[i], frames->results[i]};
        if (record.result.status == QC_OK) {
            film_pool_add(pool, record.result.score, record.frame);
            *example = record.result;
        } else {
            char text[QC_MESSAGE_SIZE + 64];
            snprintf(text, sizeof text, "frame %" PRIu64 ": %s", record.frame,
                     record.result.message);
            image_run_failed(run, path, text);
        }
        if (!score_print(run, &record))
            return false;
    }
    return true;
}

/* The film from its first frame on; false if nothing more can be printed. */
static bool score_stream(struct image_run *run, const char *path, struct film *film)
{
    char message[QC_MESSAGE_SIZE];
    struct frames frames = frames_open(run->lanes.batch);
    struct film_pool pool = {0};
    qc_result example = {0};
    enum film_step step;
    bool written;
    do {
        step = frames_read(&frames, film, run->films.every, message);
        written = frames_score(&frames, run, path, &pool, &example);
    } while (written && step == FILM_FRAME);
    if (step == FILM_FAILED) {
        char text[QC_MESSAGE_SIZE + 64];
        snprintf(text, sizeof text, "after %" PRIu64 " frames: %s", film->frames, message);
        image_run_failed(run, path, text);
    } else if (written && film->frames == 0) {
        image_run_failed(run, path, "has no frame");
    }
    if (written && pool.count) {
        film_pool_sort(&pool);
        written = score_print_pool(run, path, &pool, &example);
    }
    film_pool_free(&pool);
    frames_close(&frames);
    return written;
}

static bool score_film(struct image_run *run, const struct input *input)
{
    char message[QC_MESSAGE_SIZE];
    const bool standard = strcmp(input->path, "-") == 0;
    FILE *stream = input->error ? NULL : standard ? stdin : fopen(input->path, "rb");
    if (!stream) {
        image_run_failed(run, input->path, input->error ? input->error : strerror(errno));
        return true;
    }
    struct film film;
    bool written = true;
    if (film_open(&film, stream, &run->films.options, message))
        written = score_stream(run, input->path, &film);
    else
        image_run_failed(run, input->path, message);
    if (!standard)
        fclose(stream);
    return written;
}

bool score_films(struct image_run *run)
{
    bool written = score_print_header(run);
    for (size_t i = 0; i < run->inputs.count && written; i++)
        written = score_film(run, &run->inputs.items[i]);
    return written;
}
