/*
 * bench.c - `qualiclip bench`: how fast a model runs on this machine, for each combination of
 * kernels, precision, threads and batch.  What is asked for; how it is measured is in bench_*.c.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "bench.h"
#include "commands.h"
#include "diagnostics.h"
#include "machine.h"
#include "memory.h"
#include "names.h"
#include "synthetic.h"

static const char help[] =
    "Usage: qualiclip bench [OPTION]...\n"
    "\n"
    "Measures a model on this machine with a synthetic photo, for each combination of kernels,\n"
    "precision, threads and batch.  They take turns, so that what disturbs one disturbs all.\n"
    "\n"
    "  -m, --model=FILE      a model file instead of the built-in model\n"
    "      --size=WxH        the photo's size; default 224x224\n"
    "      --batch=N,...     images handed in at once; default 1,8,32\n"
    "      --threads=N,...   0: one for each processor; default 1,0\n"
    "      --kernels=NAME,...  kernel sets of `qualiclip --version`; default: the fastest\n"
    "      --precision=P,... f32, bf16, int8; default: f32, or int8 for a model of type q8\n"
    "      --seconds=S       measure each for S seconds and five calls at least; default 1\n"
    "      --profile         also where the time of an image goes, layer by layer, on one thread\n"
    "      --photos=DIR      instead: `qualiclip score` over a directory of photos, from start to\n"
    "                        end, and how much of it is decoding\n"
    "      --format=FORMAT   text (default) or json (an object a line)\n"
    "  -h, --help            print this help and exit\n"
    "\n"
    "  ms/image   median over the calls, divided by the batch; p99 likewise\n"
    "  GFLOP/s    products with weights as the model is defined, a multiply-add being two; where\n"
    "             fewer are computed, the last lines tell\n"
    "  of peak    of what these kernels' instructions can do between registers, on as many cores\n"
    "  open       to open the model, every weight read once, in a fresh process\n"
    "  first      to create the scorer and score the first image there\n"
    "  peak RSS   the most memory that process has held, a whole batch scored, in MiB\n"
    "\n"
    "Examples:\n"
    "  qualiclip bench --size=768x512 --batch=1 --profile\n"
    "  qualiclip bench -m vit-b-32.gguf --precision=f32,bf16,int8 --format=json > bench.json\n";

enum { limit_size = 32768, limit_batch = 1024, limit_threads = 1024 };

/* What the command line asks for. */
struct request {
    char *photos;
    uint32_t width, height;
    uint32_t batches[bench_list_room], threads[bench_list_room];
    char *kernels[bench_list_room];
    qc_precision precisions[bench_list_room];
    size_t batch_count, thread_count, kernels_count, precision_count;
};

/* ---------------------------------------------------------------------------------- options */

enum option_code {
    option_size = 256,
    option_batch,
    option_threads,
    option_kernels,
    option_precision,
    option_seconds,
    option_profile,
    option_photos,
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
    {"profile", no_argument, NULL, option_profile},
    {"photos", required_argument, NULL, option_photos},
    {"format", required_argument, NULL, option_format},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool take_precisions(struct request *request, char *value)
{
    char *names[bench_list_room];
    if (!split_list(value, names, bench_list_room, &request->precision_count))
        return false;
    for (size_t i = 0; i < request->precision_count; i++)
        if (!parse_precision(names[i], &request->precisions[i]))
            return false;
    return true;
}

/* Takes one option; NULL, or what was expected of its value. */
static const char *take_option(struct bench *bench, struct request *request, int code, char *value)
{
    static const char *const formats[] = {"text", "json", NULL};
    int choice;
    switch (code) {
    case 'm': bench->model_path = value; break;
    case option_size:
        if (!parse_size(value, limit_size, &request->width, &request->height))
            return "--size: expected a width and a height such as 640x480";
        break;
    case option_batch:
        if (!parse_counts(value, 1, limit_batch, request->batches, bench_list_room,
                          &request->batch_count))
            return "--batch: expected numbers from 1 to 1024 such as 1,8,32";
        break;
    case option_threads:
        if (!parse_counts(value, 0, limit_threads, request->threads, bench_list_room,
                          &request->thread_count))
            return "--threads: expected numbers from 0 to 1024 such as 1,2";
        bench->automatic_threads = false;
        break;
    case option_kernels:
        if (!split_list(value, request->kernels, bench_list_room, &request->kernels_count))
            return "--kernels: expected names separated by commas";
        break;
    case option_precision:
        if (!take_precisions(request, value))
            return "--precision: expected " PRECISIONS ", separated by commas";
        break;
    case option_seconds:
        if (!parse_positive(value, &bench->seconds) || bench->seconds > 86400)
            return "--seconds: expected a number greater than 0, at most a day";
        break;
    case option_profile: bench->profile = true; break;
    case option_photos: request->photos = value; break;
    case option_format:
        if (!parse_choice(value, formats, &choice))
            return "--format: expected text or json";
        bench->format = choice ? OUTPUT_JSON : OUTPUT_TEXT;
        break;
    }
    return NULL;
}

/* True: measure.  False: bench->status is how the program ends. */
static bool parse(struct bench *bench, struct request *request, int argc, char **argv)
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
        const char *expected = take_option(bench, request, code, optarg);
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
static void settle_threads(struct request *request)
{
    size_t kept = 0;
    for (size_t i = 0; i < request->thread_count; i++) {
        uint32_t threads = request->threads[i] ? request->threads[i] : machine_processors();
        bool seen = false;
        for (size_t j = 0; j < kept; j++)
            seen = seen || request->threads[j] == threads;
        if (!seen)
            request->threads[kept++] = threads;
    }
    request->thread_count = kept;
}

/* -------------------------------------------------------------------------------- combinations */

void bench_combination_failed(struct bench *bench, const struct bench_combination *combination,
                              const char *reason)
{
    const struct bench_subject *subject = combination->subject;
    if (bench->automatic_threads && combination->threads > 1)
        return; /* nobody asked for threads, and this build has none */
    complain("batch %u, %u threads%s%s: %s", (unsigned)combination->batch,
             (unsigned)combination->threads, subject->kernels ? ", kernels " : "",
             subject->kernels ? subject->kernels : "", reason);
    bench->status = COMMAND_FAILED;
}

static void combine(struct bench *bench, const struct request *request)
{
    const size_t subjects = request->kernels_count * request->precision_count;
    const size_t each = request->thread_count * request->batch_count;
    bench->subjects = reallocate(NULL, subjects, sizeof *bench->subjects);
    bench->combinations = reallocate(NULL, subjects * each, sizeof *bench->combinations);
    for (size_t k = 0; k < request->kernels_count; k++) {
        for (size_t p = 0; p < request->precision_count; p++) {
            struct bench_subject *subject = &bench->subjects[bench->subject_count++];
            *subject = (struct bench_subject){.kernels = request->kernels[k],
                                              .precision = request->precisions[p]};
            for (size_t i = 0; i < each; i++)
                bench->combinations[bench->combination_count++] = (struct bench_combination){
                    .subject = subject,
                    .threads = request->threads[i / request->batch_count],
                    .batch = request->batches[i % request->batch_count]};
        }
    }
}

static int by_value(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void measure(struct bench *bench)
{
    for (size_t i = 0; i < bench->combination_count; i++)
        bench_measure_first(bench, &bench->combinations[i]);
    bench_measure_speed(bench);
    for (size_t i = 0; i < bench->combination_count; i++) {
        struct bench_combination *combination = &bench->combinations[i];
        if (combination->count)
            qsort(combination->seconds, combination->count, sizeof *combination->seconds, by_value);
        combination->measured = combination->measured && combination->count;
    }
}

static void run(struct bench *bench, const struct request *request)
{
    uint8_t *pixels = synthetic_photo(request->width, request->height);
    bench->image = (qc_image){.format = QC_PIXEL_RGB,
                              .width = request->width,
                              .height = request->height,
                              .planes = {pixels, NULL, NULL},
                              .strides = {(ptrdiff_t)3 * request->width, 0, 0}};
    measure(bench);
    if (!bench_print(bench))
        bench->status = COMMAND_FAILED;
    free(pixels);
}

int command_bench(int argc, char **argv)
{
    struct bench bench = {.seconds = 1, .automatic_threads = true};
    struct request request = {.width = 224,
                              .height = 224,
                              .batches = {1, 8, 32},
                              .batch_count = 3,
                              .threads = {1, 0},
                              .thread_count = 2,
                              .kernels_count = 1,
                              .precision_count = 1};
    if (!parse(&bench, &request, argc, argv))
        return bench.status;
    json_start();
    settle_threads(&request);
    if (request.photos)
        request.batch_count = 1;
    combine(&bench, &request);
    if (request.photos)
        bench_photos(&bench, request.photos);
    else
        run(&bench, &request);
    for (size_t i = 0; i < bench.combination_count; i++)
        free(bench.combinations[i].seconds);
    free(bench.combinations);
    free(bench.subjects);
    return bench.status;
}
