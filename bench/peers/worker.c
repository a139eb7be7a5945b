/*
 * worker.c - libqualiclip as a peer, by the public interface alone: 8-bit pixels to score.
 *
 * Settings on the command line, commands on standard input, one answer a line: see peers.py.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peak.h"
#include "qualiclip.h"

struct worker {
    const char *kernels, *precision;
    uint32_t batch, threads, width, height;
    qc_model *model;
    qc_scorer *scorer;
    uint8_t *pixels;
    qc_image *images;
    qc_result *results;
    char message[QC_MESSAGE_SIZE];
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* getrusage() would tell what the program that started this one had held. */
static double peak_megabytes(void)
{
    unsigned long kilobytes = 0;
    char line[128];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %lu", &kilobytes) == 1)
            break;
    if (status)
        fclose(status);
    return (double)kilobytes / 1024;
}

/* The value of "name=value" among the arguments, or the default. */
static const char *setting(char **arguments, const char *name, const char *otherwise)
{
    const size_t length = strlen(name);
    for (; *arguments; arguments++)
        if (strncmp(*arguments, name, length) == 0 && (*arguments)[length] == '=')
            return *arguments + length + 1;
    return otherwise;
}

static uint32_t number(char **arguments, const char *name)
{
    return (uint32_t)strtoul(setting(arguments, name, "1"), NULL, 10);
}

static bool read_pixels(struct worker *worker, const char *path)
{
    const size_t bytes = (size_t)3 * worker->width * worker->height;
    worker->pixels = malloc(bytes);
    worker->images = calloc(worker->batch, sizeof *worker->images);
    worker->results = calloc(worker->batch, sizeof *worker->results);
    FILE *file = fopen(path, "rb");
    const bool good = worker->pixels && worker->images && worker->results && file &&
                      fread(worker->pixels, 1, bytes, file) == bytes;
    if (file)
        fclose(file);
    if (!good)
        snprintf(worker->message, sizeof worker->message, "%s: cannot be read", path);
    for (uint32_t i = 0; good && i < worker->batch; i++)
        worker->images[i] = (qc_image){.format = QC_PIXEL_RGB,
                                       .width = worker->width,
                                       .height = worker->height,
                                       .planes = {worker->pixels},
                                       .strides = {(ptrdiff_t)3 * worker->width}};
    return good;
}

static bool open_model(struct worker *worker, const char *path)
{
    qc_model_options options;
    qc_model_options_init(&options);
    options.kernels = *worker->kernels ? worker->kernels : NULL;
    options.precision = strcmp(worker->precision, "int8") == 0   ? QC_PRECISION_INT8
                        : strcmp(worker->precision, "bf16") == 0 ? QC_PRECISION_BF16
                                                                 : QC_PRECISION_F32;
    options.message = worker->message;
    options.message_size = sizeof worker->message;
    return qc_model_open(&worker->model, path, &options) == QC_OK;
}

static bool create_scorer(struct worker *worker)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = worker->width;
    options.max_height = worker->height;
    options.max_batch = worker->batch;
    options.threads = worker->threads;
    options.message = worker->message;
    options.message_size = sizeof worker->message;
    return qc_scorer_create(&worker->scorer, worker->model, &options) == QC_OK;
}

static bool score(struct worker *worker)
{
    if (qc_score_batch(worker->scorer, worker->images, worker->batch, worker->results) == QC_OK)
        return true;
    snprintf(worker->message, sizeof worker->message, "%s", qc_scorer_message(worker->scorer));
    return false;
}

static bool print_feature(struct worker *worker, const qc_model_info *info)
{
    float *feature = malloc(info->feature_size * sizeof *feature);
    const bool good = feature && qc_embed(worker->scorer, worker->images, feature) == QC_OK;
    for (uint32_t i = 0; good && i < info->feature_size; i++)
        printf("%s%.9g", i ? " " : "", (double)feature[i]);
    printf("\n");
    free(feature);
    return good;
}

static bool answer(struct worker *worker, const qc_model_info *info, const char *command)
{
    bool good = true;
    if (strcmp(command, "run\n") == 0) {
        const double start = seconds();
        good = score(worker);
        printf("%.9f\n", seconds() - start);
    } else if (strcmp(command, "feature\n") == 0) {
        good = print_feature(worker, info);
    } else if (strcmp(command, "memory\n") == 0) {
        printf("%.1f\n", peak_megabytes());
    } else if (strcmp(command, "peak\n") == 0) {
        printf("%.1f\n", peak_gflops(info->kernels, info->precision));
    } else {
        return false;
    }
    return fflush(stdout) == 0 && good;
}

static bool serve(struct worker *worker, char **arguments)
{
    if (!read_pixels(worker, setting(arguments, "pixels", "")))
        return false;
    const double base = peak_megabytes(), start = seconds();
    if (!open_model(worker, setting(arguments, "model", "")))
        return false;
    const double opened = seconds();
    if (!create_scorer(worker) || !score(worker))
        return false;
    const double first = seconds();
    qc_model_info info;
    qc_model_describe(worker->model, &info);
    printf("{\"open_ms\": %.3f, \"first_ms\": %.3f, \"base_mb\": %.1f, \"version\": \"%s\", "
           "\"kernels\": \"%s\", \"precision\": \"%s\"}\n",
           1e3 * (opened - start), 1e3 * (first - opened), base, qc_version(), info.kernels,
           info.precision);
    fflush(stdout);
    char command[32];
    while (fgets(command, sizeof command, stdin) && answer(worker, &info, command))
        continue;
    return true;
}

static void print_error(const char *message)
{
    printf("{\"error\": \"");
    for (; *message; message++)
        putchar(*message == '"' || *message == '\\' || (unsigned char)*message < ' ' ? '\''
                                                                                     : *message);
    printf("\"}\n");
}

int main(int count, char **arguments)
{
    (void)count;
    struct worker worker = {.kernels = setting(arguments, "kernels", ""),
                            .precision = setting(arguments, "precision", "f32"),
                            .batch = number(arguments, "batch"),
                            .threads = number(arguments, "threads"),
                            .width = number(arguments, "width"),
                            .height = number(arguments, "height")};
    const bool good = serve(&worker, arguments + 1);
    if (!good)
        print_error(worker.message);
    qc_scorer_destroy(worker.scorer);
    qc_model_close(worker.model);
    free(worker.pixels);
    free(worker.images);
    free(worker.results);
    return good ? 0 : 1;
}
