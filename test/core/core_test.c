/*
 * core_test.c - the library as firmware uses it: a model and a scorer in fixed blocks, frames of
 * several formats.  Prints scores to the last bit, for builds to be compared with each other.
 *
 *     core_test MODEL.gguf
 *
 * Ends with status 1, and a sentence, where anything is not as it should be.
 */
#include "qualiclip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 321, HEIGHT = 245 };

/* Aligned by hand: a block in some section of a firmware's memory. */
static unsigned char file[(8 << 20) + 64], model_memory[(1 << 20) + 64], scorer_memory[24 << 20];
static uint8_t pixels[3 * WIDTH * HEIGHT + 64];

static void *aligned(unsigned char *memory)
{
    return memory + (64 - (uintptr_t)memory % 64) % 64;
}

static void check(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "core_test: %s\n", what);
    exit(1);
}

static size_t read_file(const char *path, void *data, size_t room)
{
    FILE *stream = fopen(path, "rb");
    check(stream != NULL, path);
    const size_t size = fread(data, 1, room, stream);
    fclose(stream);
    return size;
}

static qc_model *open_model(const void *data, size_t size, const char *kernels)
{
    char message[QC_MESSAGE_SIZE] = "";
    qc_model_options options;
    qc_model_options_init(&options);
    options.kernels = kernels;
    options.message = message;
    options.message_size = sizeof message;
    options.memory = aligned(model_memory);
    options.memory_size = sizeof model_memory - 64;
    qc_model *model;
    qc_model_info info;
    check(qc_model_open_memory(&model, data, size, &options) == QC_OK, message);
    qc_model_describe(model, &info);
    options.memory_size = info.memory_size; /* what it told is enough */
    check(qc_model_open_memory(&model, data, size, &options) == QC_OK, message);
    return model;
}

static qc_scorer *make_scorer(const qc_model *model)
{
    char message[QC_MESSAGE_SIZE] = "";
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = WIDTH;
    options.max_height = HEIGHT;
    options.message = message;
    options.message_size = sizeof message;
    options.memory_size = qc_scorer_memory(model, &options);
    options.memory = aligned(scorer_memory);
    check(options.memory_size && options.memory_size <= sizeof scorer_memory - 64,
          "the scorer's block is too small");
    qc_scorer *scorer;
    check(qc_scorer_create(&scorer, model, &options) == QC_OK, message);
    return scorer;
}

static void score_frames(const qc_model *model, const char *kernels)
{
    static const qc_pixel_format formats[] = {QC_PIXEL_NV12, QC_PIXEL_YUYV, QC_PIXEL_RGB,
                                              QC_PIXEL_GREY10};
    qc_scorer *scorer = make_scorer(model);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        qc_image frame;
        check(qc_image_init(&frame, formats[i], WIDTH, HEIGHT, pixels) <= sizeof pixels, "a frame");
        frame.left = 3;
        frame.width -= 3;
        qc_result result;
        check(qc_score(scorer, &frame, &result) == QC_OK, result.message);
        check(result.score > 0 && result.score < 1, "a score out of its range");
        printf("%s %s %a\n", kernels, qc_pixel_format_name(formats[i]), (double)result.score);
    }
    qc_image small;
    qc_result result;
    qc_image_init(&small, QC_PIXEL_RGB, 5, 5, pixels);
    check(qc_score(scorer, &small, &result) == QC_ERROR_TOO_SMALL, "a tiny image was scored");
    printf("%s\n", result.message);
    qc_scorer_destroy(scorer);
}

int main(int count, char **arguments)
{
    check(count == 2, "expected a model file");
    void *data = aligned(file);
    const size_t size = read_file(arguments[1], data, sizeof file - 64);
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 7919 >> 6 ^ i / WIDTH);
    const char *kernels;
    for (size_t i = 0; (kernels = qc_kernels_name(i)) != NULL; i++) {
        if (strstr(kernels, "openblas"))
            continue; /* not in every build */
        qc_model *model = open_model(data, size, kernels);
        score_frames(model, kernels);
        qc_model_close(model);
    }
    return 0;
}
