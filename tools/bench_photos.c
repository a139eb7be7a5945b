/*
 * bench_photos.c - `bench --photos`: image files to scores, as `qualiclip score` does it, from the
 * start of the program to its end; and the same files decoded alone, on one thread.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench_process.h"
#include "commands.h"
#include "diagnostics.h"
#include "inputs.h"
#include "machine.h"
#include "memory.h"
#include "names.h"
#include "pictures.h"

enum { fewest_runs = 3 };

/* What a process is to do, and what it tells. */
struct assignment {
    const struct bench *bench;
    const struct bench_combination *combination; /* NULL: decode */
    char *directory;
    const struct input_list *photos;
};

struct outcome {
    int status;
    double seconds; /* of the processors */
};

static double processor_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static int decode(const struct input_list *photos)
{
    char message[QC_MESSAGE_SIZE];
    for (size_t i = 0; i < photos->count; i++) {
        struct opened_picture opened;
        if (!picture_open(&opened, photos->items[i].path, true, 0, message)) {
            complain_about(photos->items[i].path, message);
            return COMMAND_FAILED;
        }
        picture_close(&opened);
    }
    return COMMAND_OK;
}

/* The command as a user would give it, its output thrown away. */
static int score(const struct assignment *assignment)
{
    const struct bench_subject *subject = assignment->combination->subject;
    char threads[32], kernels[80], precision[32];
    char *arguments[16] = {"score", "--recursive", threads};
    int count = 3;
    snprintf(threads, sizeof threads, "--threads=%u", (unsigned)assignment->combination->threads);
    if (assignment->bench->model_path) {
        arguments[count++] = "-m";
        arguments[count++] = (char *)assignment->bench->model_path;
    }
    if (subject->kernels) {
        snprintf(kernels, sizeof kernels, "--kernels=%s", subject->kernels);
        arguments[count++] = kernels;
    }
    if (subject->precision != QC_PRECISION_DEFAULT) {
        snprintf(precision, sizeof precision, "--precision=%s", precision_name(subject->precision));
        arguments[count++] = precision;
    }
    arguments[count++] = "--";
    arguments[count++] = assignment->directory;
    const int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0)
        return COMMAND_FAILED;
    optind = 1;
    return command_score(count, arguments);
}

static void work(void *context, int from, int to)
{
    const struct assignment *assignment = context;
    struct outcome outcome;
    (void)from;
    const double start = processor_seconds();
    outcome.status = assignment->combination ? score(assignment) : decode(assignment->photos);
    outcome.seconds = processor_seconds() - start;
    process_write(to, &outcome, sizeof outcome);
}

/* Seconds from the start to the end; negative if it failed. */
static double run(const struct assignment *assignment, double *of_processors)
{
    struct bench_process process;
    struct outcome outcome = {.status = COMMAND_FAILED};
    char text[80];
    const double start = machine_seconds();
    if (!process_start(&process, work, (void *)assignment))
        return -1;
    const bool told = process_read(process.from, &outcome, sizeof outcome);
    const char *end = process_end(&process, text, sizeof text);
    *of_processors = outcome.seconds;
    return told && !end && outcome.status == COMMAND_OK ? machine_seconds() - start : -1;
}

static int by_value(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void add_time(double **times, size_t count, double seconds)
{
    *times = reallocate(*times, count + 1, sizeof **times);
    (*times)[count] = seconds;
}

/* What came out, of all runs of each. */
struct times {
    double *decoding;   /* processor seconds */
    double **computing; /* likewise, of each combination; their wall time is in `seconds` */
    size_t runs;
};

/* Everything once; false if it failed. */
static bool run_all(struct bench *bench, struct assignment assignment, struct times *times)
{
    double of_processors;
    assignment.combination = NULL;
    if (run(&assignment, &of_processors) < 0)
        return false;
    add_time(&times->decoding, times->runs, of_processors);
    for (size_t i = 0; i < bench->combination_count; i++) {
        struct bench_combination *combination = &bench->combinations[i];
        assignment.combination = combination;
        const double seconds = run(&assignment, &of_processors);
        if (seconds < 0)
            return false;
        add_time(&combination->seconds, times->runs, seconds);
        add_time(&times->computing[i], times->runs, of_processors);
    }
    times->runs++;
    return true;
}

static bool print(const struct bench *bench, const struct assignment *assignment,
                  struct times *times)
{
    const double count = (double)assignment->photos->count;
    const double decoding = median(times->decoding, times->runs);
    bool written = true;
    if (bench->format == OUTPUT_TEXT) {
        output_begin_line();
        printf("%zu photos in %s, %zu runs; to decode one takes %.2f ms", assignment->photos->count,
               printable(assignment->directory).text, times->runs, 1e3 * decoding / count);
        written = output_end_line() &&
                  printf("%-16s %-9s %7s %10s %9s %12s", "kernels", "precision", "threads",
                         "images/s", "ms/image", "of it decoding") > 0 &&
                  output_end_line();
    }
    for (size_t i = 0; i < bench->combination_count && written; i++) {
        const struct bench_combination *combination = &bench->combinations[i];
        const struct bench_subject *subject = combination->subject;
        const double seconds = median(combination->seconds, times->runs);
        const double share = decoding / median(times->computing[i], times->runs);
        const char *kernels = subject->kernels ? subject->kernels : qc_kernels_name(0);
        if (bench->format == OUTPUT_TEXT) {
            printf("%-16s %-9s %7u %10.1f %9.3f %10.1f %%", kernels,
                   precision_name(subject->precision), (unsigned)combination->threads,
                   count / seconds, 1e3 * seconds / count, 100 * share);
            written = output_end_line();
            continue;
        }
        cJSON *object = cJSON_CreateObject();
        json_add_text(object, "photos", assignment->directory);
        cJSON_AddNumberToObject(object, "images", count);
        cJSON_AddNumberToObject(object, "threads", combination->threads);
        json_add_text(object, "precision", precision_name(subject->precision));
        json_add_text(object, "kernels", kernels);
        json_add_measurement(object, "images_per_second", count / seconds);
        json_add_measurement(object, "ms_per_image", 1e3 * seconds / count);
        json_add_measurement(object, "decode_ms", 1e3 * decoding / count);
        json_add_measurement(object, "decode_share", share);
        written = output_json_line(object);
    }
    return written;
}

static void measure(struct bench *bench, const struct assignment *assignment)
{
    struct times times = {.computing =
                              reallocate(NULL, bench->combination_count, sizeof *times.computing)};
    for (size_t i = 0; i < bench->combination_count; i++)
        times.computing[i] = NULL;
    double of_processors;
    bool good = run(assignment, &of_processors) >= 0; /* the files are in memory from now on */
    const double start = machine_seconds();
    while (good && (times.runs < fewest_runs || machine_seconds() - start < bench->seconds))
        good = run_all(bench, *assignment, &times);
    if (!good)
        complain_about(assignment->directory, "not all of its photos can be scored");
    if (!good || !print(bench, assignment, &times))
        bench->status = COMMAND_FAILED;
    for (size_t i = 0; i < bench->combination_count; i++)
        free(times.computing[i]);
    free(times.computing);
    free(times.decoding);
}

void bench_photos(struct bench *bench, char *directory)
{
    struct input_list photos = {0};
    inputs_gather(&photos, &directory, 1, true);
    const struct assignment assignment = {bench, NULL, directory, &photos};
    if (photos.items[0].error) { /* there is one item at least: why there are none */
        complain_about(directory, photos.items[0].error);
        bench->status = COMMAND_FAILED;
    } else {
        measure(bench, &assignment);
    }
    inputs_free(&photos);
}
