/*
 * low_level_write.c - GRepQ's low-level part on its way into a model file: keys, tensors, and the
 * statistics of pristine patches.  Those are measured by the model itself, once it is written with
 * zeros in their place, so that they are of the same weights, whatever type these are stored in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "low_level_source.h"
#include "problem.h"

/* Numbers of the mean, and of the covariance. */
static size_t mean_count(const struct low_level_source *source)
{
    return source->feature_size;
}

static size_t covariance_count(const struct low_level_source *source)
{
    return (size_t)source->feature_size * source->feature_size;
}

void put_low_level(struct gguf_writer *writer, const struct low_level_source *source,
                   const struct pristine *pristine)
{
    gguf_put_string(writer, KEY_LOW_LEVEL, "resnet18");
    gguf_put_u32(writer, KEY_LOW_LEVEL_WIDTH, source->width);
    gguf_put_u32(writer, KEY_LOW_LEVEL_PROJECTION, source->feature_size);
    gguf_put_string(writer, KEY_LOW_LEVEL_SOURCE, base_name(source->checkpoint.path));
    gguf_put_string(writer, KEY_LOW_LEVEL_SOURCE_HASH, source->hash);
    gguf_put_u32(writer, KEY_PRISTINE_PHOTOS, (uint32_t)pristine->photo_count);
    gguf_put_u32(writer, KEY_PRISTINE_PATCHES, (uint32_t)pristine->patch_count);
}

void declare_low_level(struct gguf_writer *writer, const struct low_level_source *source,
                       enum gguf_tensor_type type)
{
    const uint64_t shape[] = {source->feature_size, source->feature_size};
    plan_declare(&source->plan, writer, type);
    gguf_declare(writer, "l.pristine.mean", GGML_F64, 1, shape);
    gguf_declare(writer, "l.pristine.covariance", GGML_F64, 2, shape);
}

static void write_zeros(struct gguf_writer *writer, size_t count)
{
    static const double zero = 0;
    for (size_t i = 0; i < count; i++)
        gguf_write(writer, &zero, sizeof zero);
}

bool write_low_level(struct gguf_writer *writer, struct low_level_source *source,
                     enum gguf_tensor_type type, plan_progress *progress, void *context)
{
    if (!plan_write(&source->plan, writer, type, progress, context))
        return false;
    source->mean_place = gguf_next_place(writer);
    write_zeros(writer, mean_count(source));
    source->covariance_place = gguf_next_place(writer);
    write_zeros(writer, covariance_count(source));
    return true;
}

static bool fill_in(FILE *file, uint64_t place, const double *numbers, size_t count)
{
    return fseek(file, (long)place, SEEK_SET) == 0 &&
           fwrite(numbers, sizeof *numbers, count, file) == count;
}

static bool measure(const struct low_level_source *source, const struct pristine *pristine,
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
        pristine_measure(pristine, model, threads, numbers, numbers + mean_count(source), message);
    qc_model_close(model);
    return good;
}

bool fill_in_pristine(const struct low_level_source *source, const struct pristine *pristine,
                      const char *path, uint32_t threads, char *message)
{
    const size_t mean = mean_count(source), covariance = covariance_count(source);
    double *numbers = calloc(mean + covariance, sizeof *numbers);
    if (!numbers)
        return problem(message, "%.200s: out of memory", origin_of(path));
    bool good = measure(source, pristine, path, threads, numbers, message);
    if (good) {
        FILE *file = fopen(path, "r+b");
        good = file && fill_in(file, source->mean_place, numbers, mean) &&
               fill_in(file, source->covariance_place, numbers + mean, covariance);
        if (file && fclose(file) != 0)
            good = false;
        if (!good)
            problem(message, "%.200s: cannot be written: %s", origin_of(path), strerror(errno));
    }
    free(numbers);
    return good;
}
