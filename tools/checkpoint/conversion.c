/*
 * conversion.c - the order of things: plan; encode the prompts that are texts; write, verify, put
 * in place.
 */
#include "conversion.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job.h"
#include "model_keys.h"
#include "problem.h"
#include "prompt_features.h"
#include "repack.h"
#include "sources.h"

/* Several passes over numbers, told as one. */
struct progress {
    const struct conversion *conversion;
    uint64_t done, total; /* before this pass; of all */
};

static void tell_progress(void *context, uint64_t done, uint64_t total)
{
    const struct progress *progress = context;
    (void)total;
    if (progress->conversion->progress)
        progress->conversion->progress(progress->conversion->context, progress->done + done,
                                       progress->total);
}

static uint64_t count_numbers(const struct plan *plan)
{
    uint64_t count = 0;
    for (size_t i = 0; i < plan->count; i++)
        count += plan_item_count(&plan->items[i]);
    return count;
}

/* PATH.PROCESS.SUFFIX, or NULL. */
static char *name_beside(const char *path, const char *suffix, char *message)
{
    const size_t size = strlen(path) + strlen(suffix) + 40;
    char *name = malloc(size);
    if (name)
        snprintf(name, size, "%s.%ld.%s", path, (long)getpid(), suffix);
    else
        problem(message, "%.200s: out of memory", origin_of(path));
    return name;
}

/* ---------------------------------------------------------------------------------- encoding */

static bool encode(struct job *job, const char *text_model, struct progress *progress)
{
    const struct conversion *conversion = job->conversion;
    const struct prompt_texts texts = {.set = job->scoring.profile->prompts,
                                       .context = job->learned.vectors ? &job->learned : NULL,
                                       .prompts = conversion->prompts,
                                       .prompt_count = conversion->prompt_count,
                                       .truncate = conversion->truncate};
    const bool good =
        encode_prompts(&texts, text_model, job->features, conversion->note, conversion->progress,
                       progress->done, progress->total, conversion->context, job->message);
    progress->done += (uint64_t)job->scoring.text_count * TEXT_PROGRESS;
    return good;
}

/* Job->features, by way of a file beside the model's that is gone afterwards: the text tower's
 * numbers are mapped from it, and take no memory. */
static bool encode_texts(struct job *job, struct progress *progress)
{
    const size_t size = job->scoring.text_count * job->result->tower.feature_size;
    char *path = name_beside(job->conversion->model_path, "text", job->message);
    job->features = malloc(size * sizeof *job->features);
    bool good = path && job->features;
    if (path && !job->features)
        problem(job->message, "%.200s: out of memory", origin_of(job->conversion->model_path));
    if (good && write_text_model(path, &job->text_plan, &job->text_sizes, job->text_gelu,
                                 job->result->tower.feature_size, &job->vocabulary, tell_progress,
                                 progress, job->message)) {
        progress->done += count_numbers(&job->text_plan);
        good = encode(job, path, progress);
    } else {
        good = false;
    }
    free(path);
    return good;
}

/* ----------------------------------------------------------------------------------- writing */

/* In the order of write_numbers(). */
static void declare_tensors(struct gguf_writer *writer, const struct job *job)
{
    const uint64_t shape[] = {job->result->tower.feature_size, job->scoring.text_count};
    plan_declare(&job->plan, writer, job->conversion->type);
    if (job->result->keeps_text)
        plan_declare(&job->text_plan, writer, job->conversion->type);
    if (job->low_level.is_open) {
        plan_declare(&job->low_level_plan, writer, job->conversion->type);
        declare_pristine(writer, &job->low_level_part);
    }
    if (job->features)
        gguf_declare(writer, "qualiclip.prompts", GGML_F32, 2, shape);
}

static bool write_plan(const struct job *job, const struct plan *plan, struct gguf_writer *writer,
                       struct progress *progress)
{
    const bool good = plan_write(plan, writer, job->conversion->type, tell_progress, progress);
    progress->done += count_numbers(plan);
    return good;
}

static bool write_numbers(struct gguf_writer *writer, struct job *job, struct progress *progress)
{
    if (!write_plan(job, &job->plan, writer, progress) ||
        (job->result->keeps_text && !write_plan(job, &job->text_plan, writer, progress)))
        return false;
    if (job->low_level.is_open) {
        if (!write_plan(job, &job->low_level_plan, writer, progress))
            return false;
        write_blank_pristine(writer, &job->low_level_part);
    }
    if (job->features)
        gguf_write(writer, job->features,
                   job->scoring.text_count * job->result->tower.feature_size * sizeof(float));
    return true;
}

static bool write_model(struct job *job, const char *path, struct progress *progress)
{
    struct gguf_writer *writer = gguf_writer_open(path, job->message);
    if (!writer)
        return false;
    put_model_keys(writer, job);
    declare_tensors(writer, job);
    if (!write_numbers(writer, job, progress)) {
        gguf_writer_abandon(writer);
        return false;
    }
    return gguf_writer_finish(writer, job->message);
}

static bool is_repacked(const struct conversion *conversion)
{
    return conversion->type == GGML_I8 || conversion->packed;
}

/* Puts a finished file in its place, if it is usable. */
static bool verify_and_rename(const struct conversion *conversion, const char *candidate,
                              uint64_t *file_size, char *message)
{
    const char *path = conversion->model_path;
    struct stat status;
    *file_size = stat(candidate, &status) == 0 ? (uint64_t)status.st_size : 0;
    if (conversion->verify && !conversion->verify(conversion->context, candidate, message))
        return false;
    return rename(candidate, path) == 0 ||
           problem(message, "%.200s: %s", origin_of(path), strerror(errno));
}

/* The same, its large matrices in another form. */
static bool repack_and_verify(const struct conversion *conversion, const char *from,
                              uint64_t *file_size, char *message)
{
    const struct large_form form = {.whole = conversion->type == GGML_I8,
                                    .packed = conversion->packed};
    char *candidate = name_beside(conversion->model_path, "repacked", message);
    const bool written = candidate && repack(from, candidate, form, message);
    const bool good = written && verify_and_rename(conversion, candidate, file_size, message);
    if (written && !good)
        unlink(candidate);
    free(candidate);
    return good;
}

/* The file has another name until it has been looked at. */
static bool write_and_verify(struct job *job, struct progress *progress)
{
    const struct conversion *conversion = job->conversion;
    const char *path = conversion->model_path;
    char *candidate = name_beside(path, "unverified", job->message);
    if (!candidate)
        return false;
    const bool written = write_model(job, candidate, progress);
    bool good = written && (!job->low_level.is_open ||
                            fill_in_pristine(&job->low_level_part, conversion->pristine, candidate,
                                             conversion->threads, job->message));
    if (good && is_repacked(conversion))
        good = repack_and_verify(conversion, candidate, &job->result->file_size, job->message);
    else if (good)
        good = verify_and_rename(conversion, candidate, &job->result->file_size, job->message);
    if (written)
        unlink(candidate);
    free(candidate);
    return good;
}

static bool carry_out(struct job *job)
{
    struct progress progress = {.conversion = job->conversion};
    progress.total = count_numbers(&job->plan);
    if (job->result->keeps_text)
        progress.total += count_numbers(&job->text_plan);
    progress.total += count_numbers(&job->low_level_plan);
    if (job_encodes(job))
        progress.total +=
            count_numbers(&job->text_plan) + (uint64_t)job->scoring.text_count * TEXT_PROGRESS;
    return (!job_encodes(job) || encode_texts(job, &progress)) && write_and_verify(job, &progress);
}

/* --------------------------------------------------------------------------------- the whole */

static bool is_same_file(const char *path, const char *other)
{
    struct stat one, two;
    return path && stat(path, &one) == 0 && stat(other, &two) == 0 && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
}

static bool check_paths(const struct conversion *conversion, char *message)
{
    const char *path = conversion->model_path;
    const char *file = base_name(path);
    struct stat target;
    if (is_same_file(conversion->checkpoint_path, path) ||
        is_same_file(conversion->text_path, path) || is_same_file(conversion->context_path, path) ||
        is_same_file(conversion->low_level_path, path))
        return problem(message, "%.200s: the output would overwrite the checkpoint",
                       origin_of(path));
    if (!*file)
        return problem(message, "%.200s: the output has no file name", origin_of(path));
    if (stat(path, &target) == 0 && !S_ISREG(target.st_mode))
        return problem(message, "%.200s: cannot be written: not a regular file", origin_of(path));

    size_t length = (size_t)(file - path);
    char *folder = malloc(length + 2);
    if (!folder)
        return problem(message, "%.200s: out of memory", origin_of(path));
    memcpy(folder, path, length);
    strcpy(folder + length, ".");
    int error = access(folder, W_OK | X_OK) == 0 ? 0 : errno;
    free(folder);
    return !error ||
           problem(message, "%.200s: cannot be written: %s", origin_of(path), strerror(error));
}

bool convert_checkpoint(const struct conversion *conversion, struct conversion_result *result,
                        char *message)
{
    struct job job = {.conversion = conversion, .result = result, .message = message};
    memset(result, 0, sizeof *result);
    if (!check_paths(conversion, message))
        return false;
    bool good = sources_plan(&job);
    if (good) {
        result->profile = job.scoring.name;
        result->readout = job.scoring.readout;
        result->pair_count = job.scoring.output_count;
        good = carry_out(&job);
    }
    free(job.features);
    sources_close(&job);
    return good;
}

bool convert_model(const struct conversion *conversion, uint64_t *file_size, char *message)
{
    if (!check_paths(conversion, message))
        return false;
    if (!is_repacked(conversion))
        return problem(message,
                       "%.200s: is a model file already: what can change is its type, to "
                       "q8, and whether it is packed",
                       origin_of(conversion->checkpoint_path));
    return repack_and_verify(conversion, conversion->checkpoint_path, file_size, message);
}
