/*
 * bench.c - `qualiclip bench`: how fast a model runs on this machine, for each combination of
 * kernels, precision, threads and batch.  Measures the library alone: no file is decoded.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "commands.h"
#include "diagnostics.h"
#include "machine.h"
#include "memory.h"
#include "names.h"
#include "output.h"
#include "qualiclip.h"
#include "synthetic.h"

static const char help[] =
    "Usage: qualiclip bench [OPTION]...\n"
    "\n"
    "Measures a model on this machine with a synthetic photo, for each combination of kernels,\n"
    "precision, threads and batch.\n"
    "\n"
    "  -m, --model=FILE      a model file instead of the built-in model\n"
    "      --size=WxH        the photo's size; default 224x224\n"
    "      --batch=N,...     images handed in at once; default 1,8,32\n"
    "      --threads=N,...   0: one for each processor; default 1,0\n"
    "      --kernels=NAME,...  kernel sets of `qualiclip --version`; default: the fastest\n"
    "      --precision=P,... f32, bf16, int8; default: f32, or int8 for a model of type q8\n"
    "      --seconds=S       measure each for S seconds and five calls at least; default 1\n"
    "      --format=FORMAT   text (default) or json (an object a line)\n"
    "  -h, --help            print this help and exit\n"
    "\n"
    "  ms/image   median over the calls, divided by the batch; p99 likewise\n"
    "  open       to open the model, every weight read once (all but the first time the file\n"
    "             is in memory)\n"
    "  first      to create the scorer and score the first image\n"
    "  peak RSS   the most memory that the process has held up to then, in MiB\n"
    "\n"
    "Examples:\n"
    "  qualiclip bench --size=768x512 --batch=1\n"
    "  qualiclip bench -m vit-b-32.gguf --threads=1,2,4 --format=json > bench.json\n";

enum { list_room = 32, limit_size = 32768, limit_batch = 1024, limit_threads = 1024 };
enum { fewest_calls = 5 };

struct bench {
    const char *model_path;
    enum output_format format;
    double seconds;
    uint32_t width, height;
    uint32_t batches[list_room], threads[list_room];
    char *kernels[list_room];
    qc_precision precisions[list_room];
    size_t batch_count, thread_count, kernels_count, precision_count;
    bool automatic_threads; /* 1 and all; a build without threads does 1 alone */
    qc_image image;
    char message[QC_MESSAGE_SIZE];
    int status;
};

/* One row of the result. */
struct measurement {
    uint32_t batch, threads;
    double ms_per_image, p99_ms, images_per_second, open_ms, first_ms, rss_mb;
};

/* One combination while it is measured. */
struct trial {
    const qc_model *model;
    const qc_model_info *info;
    qc_scorer *scorer;
    qc_image *images;
    qc_result *results;
    float *feature;
};

/* ------------------------------------------------------------------------------- measuring */

static bool compute(const struct trial *trial, size_t count)
{
    if (trial->info->pair_count)
        return qc_score_batch(trial->scorer, trial->images, count, trial->results) == QC_OK;
    for (size_t i = 0; i < count; i++) /* no prompts: what can be measured is the tower */
        if (qc_embed(trial->scorer, &trial->images[i], trial->feature) != QC_OK)
            return false;
    return true;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Calls for the time that was asked for, and sums up; false if a call fails. */
static bool repeat(const struct bench *bench, const struct trial *trial,
                   struct measurement *measurement)
{
    size_t count = 0, room = 1024;
    double *times = reallocate(NULL, room, sizeof *times);
    double start = machine_seconds(), before = start, now = start;
    bool good = true;
    while (good && (count < fewest_calls || now - start < bench->seconds)) {
        if (count == room)
            times = reallocate(times, room *= 2, sizeof *times);
        before = machine_seconds();
        good = compute(trial, measurement->batch);
        now = machine_seconds();
        times[count++] = now - before;
    }
    qsort(times, count, sizeof *times, by_value);
    double median = (times[(count - 1) / 2] + times[count / 2]) / 2;
    size_t beyond = count / 100; /* calls slower than the 99th percentile */
    measurement->ms_per_image = 1e3 * median / measurement->batch;
    measurement->p99_ms = 1e3 * times[count - 1 - beyond] / measurement->batch;
    measurement->images_per_second = measurement->batch / median;
    free(times);
    return good;
}

static bool create_scorer(struct bench *bench, struct trial *trial,
                          const struct measurement *measurement)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = bench->width;
    options.max_height = bench->height;
    options.max_batch = measurement->batch;
    options.threads = measurement->threads;
    options.message = bench->message;
    options.message_size = sizeof bench->message;
    qc_status status = qc_scorer_create(&trial->scorer, trial->model, &options);
    if (status != QC_OK && !bench->message[0])
        snprintf(bench->message, sizeof bench->message, "%s", qc_status_string(status));
    return status == QC_OK;
}

static bool measure(struct bench *bench, struct trial *trial, struct measurement *measurement)
{
    double start = machine_seconds();
    bool good = create_scorer(bench, trial, measurement);
    if (good) {
        trial->images = reallocate(NULL, measurement->batch, sizeof *trial->images);
        trial->results = reallocate(NULL, measurement->batch, sizeof *trial->results);
        trial->feature = reallocate(NULL, trial->info->feature_size, sizeof *trial->feature);
        for (uint32_t i = 0; i < measurement->batch; i++)
            trial->images[i] = bench->image;
        good = compute(trial, 1);
        measurement->first_ms = 1e3 * (machine_seconds() - start);
        good = good && repeat(bench, trial, measurement);
        if (!good)
            snprintf(bench->message, sizeof bench->message, "%s", qc_scorer_message(trial->scorer));
        measurement->rss_mb = machine_peak_mb();
    }
    qc_scorer_destroy(trial->scorer);
    free(trial->images);
    free(trial->results);
    free(trial->feature);
    return good;
}

/* -------------------------------------------------------------------------------- printing */

static bool print_json(const struct bench *bench, const struct measurement *row,
                       const qc_model_info *info)
{
    char size[32];
    snprintf(size, sizeof size, "%ux%u", (unsigned)bench->width, (unsigned)bench->height);
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "batch", row->batch);
    cJSON_AddNumberToObject(object, "threads", row->threads);
    json_add_text(object, "precision", info->precision);
    json_add_text(object, "kernels", info->kernels);
    json_add_measurement(object, "ms_per_image", row->ms_per_image);
    json_add_measurement(object, "images_per_second", row->images_per_second);
    json_add_measurement(object, "open_ms", row->open_ms);
    json_add_measurement(object, "first_ms", row->first_ms);
    json_add_measurement(object, "rss_mb", row->rss_mb);
    json_add_measurement(object, "p99_ms", row->p99_ms);
    json_add_text(object, "size", size);
    json_add_text(object, "model", info->hash);
    return output_json_line(object);
}

static bool print_header(const struct bench *bench, const qc_model_info *info)
{
    output_begin_line();
    printf("model %s (%s), %u x %u pixels, weights %s", info->name, info->hash,
           (unsigned)bench->width, (unsigned)bench->height, info->weight_type);
    return output_end_line() &&
           printf("%-16s %-9s %7s %6s %10s %10s %10s %9s %9s %9s", "kernels", "precision",
                  "threads", "batch", "ms/image", "p99", "images/s", "open ms", "first ms",
                  "peak RSS") > 0 &&
           output_end_line();
}

static bool print_text(const struct measurement *row, const qc_model_info *info)
{
    printf("%-16s %-9s %7u %6u %10.3f %10.3f %10.1f %9.2f %9.2f %9.1f", info->kernels,
           info->precision, (unsigned)row->threads, (unsigned)row->batch, row->ms_per_image,
           row->p99_ms, row->images_per_second, row->open_ms, row->first_ms, row->rss_mb);
    return output_end_line();
}

/* ------------------------------------------------------------------------------ combinations */

/* False if standard output takes no more. */
static bool run_combination(struct bench *bench, const qc_model *model, const qc_model_info *info,
                            struct measurement *row)
{
    struct trial trial = {.model = model, .info = info};
    bench->message[0] = '\0';
    if (measure(bench, &trial, row))
        return bench->format == OUTPUT_JSON ? print_json(bench, row, info) : print_text(row, info);
    if (bench->automatic_threads && row->threads > 1)
        return true; /* nobody asked for threads, and this build has none */
    complain("batch %u, %u threads, kernels %s: %s", (unsigned)row->batch, (unsigned)row->threads,
             info->kernels, bench->message);
    bench->status = COMMAND_FAILED;
    return true;
}

static bool run_model(struct bench *bench, const qc_model *model, double open_ms, bool header)
{
    qc_model_info info;
    bool written = true;
    qc_model_describe(model, &info);
    if (header && bench->format == OUTPUT_TEXT)
        written = print_header(bench, &info);
    for (size_t t = 0; t < bench->thread_count; t++) {
        for (size_t b = 0; b < bench->batch_count && written; b++) {
            struct measurement row = {
                .batch = bench->batches[b], .threads = bench->threads[t], .open_ms = open_ms};
            written = run_combination(bench, model, &info, &row);
        }
    }
    return written;
}

static bool run_kernels(struct bench *bench, const char *kernels, qc_precision precision,
                        bool header)
{
    qc_model *model;
    qc_model_options options;
    qc_model_options_init(&options);
    options.kernels = kernels;
    options.precision = precision;
    options.message = bench->message;
    options.message_size = sizeof bench->message;
    bench->message[0] = '\0';
    double start = machine_seconds();
    qc_status status = qc_model_open(&model, bench->model_path, &options);
    double open_ms = 1e3 * (machine_seconds() - start);
    if (status != QC_OK) {
        complain_about(bench->model_path ? bench->model_path : "built-in model",
                       bench->message[0] ? bench->message : qc_status_string(status));
        bench->status = COMMAND_FAILED;
        return true;
    }
    bool written = run_model(bench, model, open_ms, header);
    qc_model_close(model);
    return written;
}

/* ---------------------------------------------------------------------------------- options */

enum option_code {
    option_size = 256,
    option_batch,
    option_threads,
    option_kernels,
    option_precision,
    option_seconds,
    option_format
};

static const struct option options[] = {
    {"model", required_argument, NULL, 'm'},
    {"size", required_argument, NULL, option_size},
    {"batch", required_argument, NULL, option_batch},
    {"threads", required_argument, NULL, option_threads},
    {"kernels", required_argument, NULL, option_kernels},
    {"precision", required_argument, NULL, option_precision},
    {"seconds", required_argument, NULL, option_seconds},
    {"format", required_argument, NULL, option_format},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool take_precisions(struct bench *bench, char *value)
{
    char *names[list_room];
    if (!split_list(value, names, list_room, &bench->precision_count))
        return false;
    for (size_t i = 0; i < bench->precision_count; i++)
        if (!parse_precision(names[i], &bench->precisions[i]))
            return false;
    return true;
}

/* Takes one option; NULL, or what was expected of its value. */
static const char *take_option(struct bench *bench, int code, char *value)
{
    static const char *const formats[] = {"text", "json", NULL};
    int choice;
    switch (code) {
    case 'm': bench->model_path = value; break;
    case option_size:
        if (!parse_size(value, limit_size, &bench->width, &bench->height))
            return "--size: expected a width and a height such as 640x480";
        break;
    case option_batch:
        if (!parse_counts(value, 1, limit_batch, bench->batches, list_room, &bench->batch_count))
            return "--batch: expected numbers from 1 to 1024 such as 1,8,32";
        break;
    case option_threads:
        if (!parse_counts(value, 0, limit_threads, bench->threads, list_room, &bench->thread_count))
            return "--threads: expected numbers from 0 to 1024 such as 1,2";
        bench->automatic_threads = false;
        break;
    case option_kernels:
        if (!split_list(value, bench->kernels, list_room, &bench->kernels_count))
            return "--kernels: expected names separated by commas";
        break;
    case option_precision:
        if (!take_precisions(bench, value))
            return "--precision: expected " PRECISIONS ", separated by commas";
        break;
    case option_seconds:
        if (!parse_positive(value, &bench->seconds) || bench->seconds > 86400)
            return "--seconds: expected a number greater than 0, at most a day";
        break;
    case option_format:
        if (!parse_choice(value, formats, &choice))
            return "--format: expected text or json";
        bench->format = choice ? OUTPUT_JSON : OUTPUT_TEXT;
        break;
    }
    return NULL;
}

/* True: measure.  False: bench->status is how the program ends. */
static bool parse(struct bench *bench, int argc, char **argv)
{
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":m:h", options, NULL)) != -1) {
        if (code == 'h') {
            fputs(help, stdout);
            return false;
        }
        if (code == '?' || code == ':') {
            bench->status = option_error("bench", code, argv);
            return false;
        }
        char *value = optarg ? copy_string(optarg) : NULL; /* lists are cut in place */
        const char *expected = take_option(bench, code, optarg);
        if (expected)
            bench->status = usage_error("bench", "%s, not '%s'", expected, value);
        free(value);
        if (expected)
            return false;
    }
    if (optind < argc) {
        bench->status = usage_error("bench",
                                    "'%s': no argument is expected; a model is given "
                                    "with -m",
                                    argv[optind]);
        return false;
    }
    return true;
}

/* 0 becomes the number of processors; what is there twice is measured once. */
static void settle_threads(struct bench *bench)
{
    size_t kept = 0;
    for (size_t i = 0; i < bench->thread_count; i++) {
        uint32_t threads = bench->threads[i] ? bench->threads[i] : machine_processors();
        bool seen = false;
        for (size_t j = 0; j < kept; j++)
            seen = seen || bench->threads[j] == threads;
        if (!seen)
            bench->threads[kept++] = threads;
    }
    bench->thread_count = kept;
}

int command_bench(int argc, char **argv)
{
    struct bench bench = {.seconds = 1,
                          .width = 224,
                          .height = 224,
                          .batches = {1, 8, 32},
                          .batch_count = 3,
                          .threads = {1, 0},
                          .thread_count = 2,
                          .kernels_count = 1,
                          .precision_count = 1,
                          .automatic_threads = true};
    if (!parse(&bench, argc, argv))
        return bench.status;
    json_start();
    settle_threads(&bench);
    uint8_t *pixels = synthetic_photo(bench.width, bench.height);
    bench.image = (qc_image){.format = QC_PIXEL_RGB,
                             .width = bench.width,
                             .height = bench.height,
                             .planes = {pixels, NULL, NULL},
                             .strides = {(ptrdiff_t)3 * bench.width, 0, 0}};
    bool written = true;
    for (size_t k = 0; k < bench.kernels_count && written; k++)
        for (size_t p = 0; p < bench.precision_count && written; p++)
            written = run_kernels(&bench, bench.kernels[k], bench.precisions[p], k + p == 0);
    free(pixels);
    return written ? bench.status : COMMAND_FAILED;
}
