/*
 * low_level_write.c - GRepQ's low-level part on its way into a model file: keys, and the statistics
 * of pristine patches.  Those are measured by the model itself, once it is written with zeros in
 * their place, so that they are of the same weights, whatever type these are stored in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "low_level_part.h"
#include "problem.h"

/* Numbers of the mean, and of the covariance. */
static size_t mean_count(const struct low_level_part *part)
{
    return part->feature_size;
}

static size_t covariance_count(const struct low_level_part *part)
{
    return (size_t)part->feature_size * part->feature_size;
}

void put_low_level(struct gguf_writer *writer, const struct low_level_part *part,
                   const struct pristine *pristine)
{
    gguf_put_string(writer, KEY_LOW_LEVEL, "resnet18");
    gguf_put_u32(writer, KEY_LOW_LEVEL_WIDTH, part->width);
    gguf_put_u32(writer, KEY_LOW_LEVEL_PROJECTION, part->feature_size);
    gguf_put_u32(writer, KEY_PRISTINE_PHOTOS, (uint32_t)pristine->photo_count);
    gguf_put_u32(writer, KEY_PRISTINE_PATCHES, (uint32_t)pristine->patch_count);
}

void declare_pristine(struct gguf_writer *writer, const struct low_level_part *part)
{
    const uint64_t shape[] = {part->feature_size, part->feature_size};
    gguf_declare(writer, "l.pristine.mean", GGML_F64, 1, shape);
    gguf_declare(writer, "l.pristine.covariance", GGML_F64, 2, shape);
}

static void write_zeros(struct gguf_writer *writer, size_t count)
{
    static const double zero = 0;
    for (size_t i = 0; i < count; i++)
        gguf_write(writer, &zero, sizeof zero);
}

void write_blank_pristine(struct gguf_writer *writer, struct low_level_part *part)
{
    part->mean_place = gguf_next_place(writer);
    write_zeros(writer, mean_count(part));
    part->covariance_place = gguf_next_place(writer);
    write_zeros(writer, covariance_count(part));
}

static bool fill_in(FILE *file, uint64_t place, const double *numbers, size_t count)
{
    return fseek(file, (long)place, SEEK_SET) == 0 &&
           fwrite(numbers, sizeof *numbers, count, file) == count;
}

static bool measure(const struct low_level_part *part, const struct pristine *pristine,
                    const char *path, uint32_t threads, double *numbers, char *message)
{
    char reason[QC_MESSAGE_SIZE] = "";
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = reason;
    options.message_size = sizeof reason;
    qc_model *model;
    if (qc_model_open(&model, path, &options) != QC_OK)
        return problem(message, "the converted model is not usable: %.400s", reason);
    const bool good =
        pristine_measure(pristine, model, threads, numbers, numbers + mean_count(part), message);
    qc_model_close(model);
    return good;
}

bool fill_in_pristine(const struct low_level_part *part, const struct pristine *pristine,
                      const char *path, uint32_t threads, char *message)
{
    const size_t mean = mean_count(part), covariance = covariance_count(part);
    double *numbers = calloc(mean + covariance, sizeof *numbers);
    if (!numbers)
        return problem(message, "%.200s: out of memory", origin_of(path));
    bool good = measure(part, pristine, path, threads, numbers, message);
    if (good) {
        FILE *file = fopen(path, "r+b");
        good = file && fill_in(file, part->mean_place, numbers, mean) &&
               fill_in(file, part->covariance_place, numbers + mean, covariance);
        if (file && fclose(file) != 0)
            good = false;
        if (!good)
            problem(message, "%.200s: cannot be written: %s", origin_of(path), strerror(errno));
    }
    free(numbers);
    return good;
}
