/*
 * conversion.c - the order of things: plan the tower, the prompts and the recipe; see that nothing
 * in the checkpoint was misunderstood; write, verify, put in place.
 */
#include "conversion.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "activation.h"
#include "leftovers.h"
#include "wrapping.h"
#include "problem.h"
#include "recipe.h"
#include "source.h"
#include "source_hash.h"
#include "text_tower.h"
#include "vocabulary.h"

static const char prompts_name[] = "prompts_features";

/* Everything that one conversion holds. */
struct job {
    const struct conversion *conversion;
    struct conversion_result *result;
    char *message;
    char *file; /* of the checkpoint */
    struct checkpoint checkpoint;
    struct published_config config;
    struct activation_answer activation;
    struct plan plan;
    struct text_tower_sizes text;
    const char *vocabulary_path; /* NULL: there is none */
    struct vocabulary_files vocabulary;
    struct recipe recipe;
    double logit_scale;
    char source_hash[SOURCE_HASH_SIZE];
};

/* ---------------------------------------------------------------------------------- planning */

/* The checkpoint holds the logarithm, as CLIP learns it. */
static bool read_logit_scale(struct job *job)
{
    struct checkpoint *checkpoint = &job->checkpoint;
    struct checkpoint_entry *entry = checkpoint_find(checkpoint, "logit_scale");
    job->logit_scale = 100;
    if (!entry)
        return true;
    double logarithm;
    if (entry->value->kind == VALUE_FLOAT) {
        entry->used = true;
        logarithm = entry->value->number;
    } else {
        struct view view;
        bool is_vector =
            entry->value->kind == VALUE_TENSOR && entry->value->tensor->dimensions == 1;
        const uint64_t one = 1;
        if (!checkpoint_view(checkpoint, "logit_scale", is_vector, &view, job->message) ||
            (is_vector && !check_shape(checkpoint, &view, &one, job->message)) ||
            !checkpoint_load(checkpoint, &view, job->message))
            return false;
        checkpoint_read(checkpoint, &view, 0, 1, &logarithm);
    }
    job->logit_scale = exp(logarithm);
    if (!(fabs(logarithm) <= 50)) /* far outside, and still finite in f32 */
        return problem(job->message, "%.200s: logit_scale is %g, expected a logarithm such as 4.6",
                       checkpoint->origin, logarithm);
    return true;
}

static bool plan_prompts(struct job *job)
{
    struct conversion_result *result = job->result;
    uint64_t shape[2];
    struct checkpoint_entry *stored = checkpoint_find(&job->checkpoint, prompts_name);
    if (job->conversion->prompt_count) {
        result->pair_count = job->conversion->prompt_count;
        if (stored)
            stored->used = true;
        return true;
    }
    if (!stored)
        return true;
    if (!plan_shape(&job->plan, prompts_name, 2, shape))
        return false;
    plan_check_range(&job->plan, "the number of prompts (prompts_features)", shape[0], 2,
                     2 * QC_PAIRS_MAX);
    plan_check_range(&job->plan, "the number of prompts modulo 2", shape[0] % 2, 0, 0);
    plan_table(&job->plan, "qualiclip.prompts", prompts_name, shape[0], result->tower.feature_size);
    result->pair_count = shape[0] / 2;
    return !job->plan.failed;
}

/* A tensor can repeat a few numbers endlessly; a model of that kind is an attack on the disk. */
static bool check_total(struct job *job)
{
    struct conversion_result *result = job->result;
    for (size_t i = 0; i < job->plan.count; i++)
        result->number_count += plan_item_count(&job->plan.items[i]);
    result->tensor_count = job->plan.count;
    if (result->number_count / 64 > job->checkpoint.file_size)
        return problem(job->message,
                       "%.200s: has %" PRIu64 " bytes, but its tensors claim %" PRIu64 " numbers",
                       job->checkpoint.origin, job->checkpoint.file_size, result->number_count);
    return true;
}

static void take_note(const struct job *job, const char *what, const char *more)
{
    char line[QC_MESSAGE_SIZE];
    if (!job->conversion->note)
        return;
    snprintf(line, sizeof line, "%s%.300s", what, more);
    make_printable(line);
    job->conversion->note(job->conversion->context, line);
}

/* A vocabulary that is published with the model is taken; one that is given has to be of use. */
static void find_vocabulary(struct job *job)
{
    const struct conversion *conversion = job->conversion;
    job->vocabulary_path = conversion->vocabulary;
    if (!conversion->vocabulary && source_has_vocabulary(conversion->checkpoint_path) &&
        checkpoint_has_prefix(&job->checkpoint, job->plan.naming->text.blocks)) {
        job->vocabulary_path = conversion->checkpoint_path;
        take_note(job, "vocabulary: vocab.json and merges.txt of ", conversion->checkpoint_path);
    }
}

static bool plan_text(struct job *job)
{
    find_vocabulary(job);
    if (!job->vocabulary_path && job->conversion->prompt_count)
        return problem(job->message, "prompts can only be encoded with a vocabulary");
    return !job->vocabulary_path ||
           (plan_text_tower(&job->plan, &job->text, job->result->tower.feature_size) &&
            vocabulary_read(&job->vocabulary, job->vocabulary_path, job->text.token_count,
                            job->message));
}

static bool plan_activation(struct job *job)
{
    const struct activation_question question = {
        .demanded = job->conversion->activation,
        .checkpoint = &job->checkpoint,
        .naming = job->plan.naming,
        .config = &job->config,
        .has_vit = !job->result->tower.is_resnet,
        .has_text = job->vocabulary_path != NULL,
    };
    if (!question.has_vit && !question.has_text)
        return true;
    if (!find_activation(&question, &job->activation, job->message))
        return false;
    take_note(job, job->activation.is_gelu ? "activation: gelu, " : "activation: quick_gelu, ",
              job->activation.reason);
    return true;
}

/* Own prompts make a recipe of their own, with the other settings as they would have been. */
static struct recipe choose_recipe(const struct job *job)
{
    const struct conversion *conversion = job->conversion;
    const bool own = conversion->prompt_count > 0;
    const bool stored = checkpoint_find(&job->checkpoint, prompts_name) != NULL;
    struct recipe recipe =
        find_recipe(own && !conversion->profile ? "custom" : conversion->profile, stored);
    if (own)
        recipe.pair_count = 0;
    return recipe;
}

static void note_plan(const struct job *job)
{
    const struct conversion *conversion = job->conversion;
    if (conversion->note) {
        note_names(&job->checkpoint, conversion->note, conversion->context);
        if (checkpoint_find(&job->checkpoint, "logit_scale"))
            conversion->note(conversion->context,
                             KEY_LOGIT_SCALE " <- logit_scale, its exponential");
        if (conversion->prompt_count && checkpoint_find(&job->checkpoint, prompts_name))
            conversion->note(conversion->context, "dropped prompts_features: others are given");
    }
    for (size_t i = 0; conversion->note && i < job->plan.count; i++) {
        const struct plan_item *item = &job->plan.items[i];
        char line[QC_MESSAGE_SIZE];
        int used = snprintf(line, sizeof line, "%s <- %.100s (%s", item->name, item->view.name,
                            element_name(item->view.tensor->type));
        for (unsigned d = 0; d < item->view.dimensions; d++)
            used += snprintf(line + used, sizeof line - (size_t)used, "%s%" PRIu64, d ? " x " : " ",
                             item->view.shape[d]);
        snprintf(line + used, sizeof line - (size_t)used, ")%s",
                 item->kind == PLAN_COPY ? "" : ", BatchNorm folded");
        make_printable(line);
        conversion->note(conversion->context, line);
    }
}

static bool plan_model(struct job *job)
{
    const struct conversion *conversion = job->conversion;
    job->plan.checkpoint = &job->checkpoint;
    job->plan.message = job->message;
    job->plan.naming = find_naming(&job->checkpoint);
    job->plan.config = &job->config;
    if (conversion->note)
        note_names(&job->checkpoint, conversion->note, conversion->context);
    take_note(job, "names: ", job->plan.naming->title);
    if (!published_config_read(&job->config, job->file, job->plan.naming->config, job->message) ||
        !plan_tower(&job->plan, &job->result->tower) || !plan_text(job) ||
        !plan_activation(job) || !plan_prompts(job) || !read_logit_scale(job))
        return false;
    if (job->config.path)
        take_note(job, "agrees with ", job->config.path);
    if (job->config.pixels_path)
        take_note(job, "mean and deviation of pixels: ", job->config.pixels_path);
    note_plan(job);
    job->recipe = choose_recipe(job);
    job->result->profile = job->recipe.profile;
    return pass_over_leftovers(&job->checkpoint, job->plan.naming, job->vocabulary_path != NULL,
                               conversion->allow_unknown, conversion->note, conversion->context,
                               job->message) &&
           check_total(job) && plan_knows_heads(&job->plan, &job->result->tower);
}

/* ----------------------------------------------------------------------------------- writing */

static void put_tower(struct gguf_writer *writer, const struct job *job)
{
    const struct tower *tower = &job->result->tower;
    const bool is_told = job->config.pixels_path != NULL;
    static const float mean[] = {0.48145466f, 0.4578275f, 0.40821073f};
    static const float deviation[] = {0.26862954f, 0.26130258f, 0.27577711f};
    gguf_put_bool(writer, KEY_HAS_VISION, true);
    gguf_put_string(writer, KEY_TOWER, tower->is_resnet ? "resnet" : "vit");
    gguf_put_u32(writer, KEY_WIDTH, tower->width);
    gguf_put_u32(writer, KEY_HEADS, tower->heads);
    gguf_put_u32(writer, KEY_PROJECTION, tower->feature_size);
    if (tower->grid)
        gguf_put_u32(writer, KEY_IMAGE_SIZE, tower->grid * tower->patch_size);
    if (tower->is_resnet) {
        gguf_put_u32s(writer, KEY_STAGE_BLOCKS, tower->blocks, 4);
    } else {
        gguf_put_u32(writer, KEY_PATCH_SIZE, tower->patch_size);
        gguf_put_u32(writer, KEY_MLP_WIDTH, tower->mlp_width);
        gguf_put_u32(writer, KEY_LAYERS, tower->layers);
        gguf_put_f32(writer, KEY_EPSILON, (float)tower->epsilon);
    }
    if (!tower->is_resnet || job->vocabulary_path)
        gguf_put_bool(writer, KEY_USE_GELU, job->activation.is_gelu);
    gguf_put_f32s(writer, KEY_IMAGE_MEAN, is_told ? job->config.mean : mean, 3);
    gguf_put_f32s(writer, KEY_IMAGE_STD, is_told ? job->config.deviation : deviation, 3);
}

static void put_pair_names(struct gguf_writer *writer, const struct job *job)
{
    const size_t count = (size_t)job->result->pair_count;
    char numbered[QC_PAIRS_MAX][32];
    const char *names[QC_PAIRS_MAX];
    for (size_t i = 0; i < count; i++) {
        snprintf(numbered[i], sizeof numbered[i], "pair %zu", i + 1);
        if (job->conversion->prompt_count)
            names[i] = job->conversion->prompts[i].name;
        else
            names[i] = job->recipe.pair_count == count ? job->recipe.pair_names[i] : numbered[i];
    }
    if (count)
        gguf_put_strings(writer, KEY_PAIR_NAMES, names, count);
}

static void put_recipe(struct gguf_writer *writer, const struct job *job)
{
    const bool grid = job->recipe.uses_positions && job->result->tower.grid;
    gguf_put_string(writer, KEY_PROFILE, job->recipe.profile);
    gguf_put_string(writer, KEY_POSITIONS, grid ? "grid" : "none");
    gguf_put_f32(writer, KEY_LOGIT_SCALE, (float)job->logit_scale);
    gguf_put_f32(writer, KEY_TEMPERATURE, job->recipe.temperature);
    put_pair_names(writer, job);
}

static void put_text(struct gguf_writer *writer, const struct job *job)
{
    const struct vocabulary_files *vocabulary = &job->vocabulary;
    if (!job->vocabulary_path)
        return;
    put_text_tower(writer, &job->text, job->result->tower.feature_size);
    gguf_put_strings(writer, KEY_TOKENS, vocabulary->tokens, vocabulary->token_count);
    gguf_put_strings(writer, KEY_MERGES, vocabulary->merges, vocabulary->merge_count);
}

static void put_provenance(struct gguf_writer *writer, const struct job *job)
{
    const struct conversion *conversion = job->conversion;
    char name[256], converter[64];
    source_name(conversion->checkpoint_path, name, sizeof name);
    snprintf(converter, sizeof converter, "qualiclip %s", qc_version());
    gguf_put_string(writer, KEY_ARCHITECTURE, "clip");
    gguf_put_string(writer, KEY_NAME, conversion->name ? conversion->name : name);
    if (conversion->license)
        gguf_put_string(writer, KEY_LICENSE, conversion->license);
    gguf_put_string(writer, KEY_SOURCE, base_name(job->file));
    gguf_put_string(writer, KEY_SOURCE_HASH, job->source_hash);
    gguf_put_string(writer, KEY_CONVERTER, converter);
}

static size_t prompts_size(const struct job *job)
{
    return 2 * job->conversion->prompt_count * job->result->tower.feature_size * sizeof(float);
}

static void write_blank_prompts(const struct job *job, struct gguf_writer *writer)
{
    static const float zero = 0;
    for (size_t i = 0; i < prompts_size(job) / sizeof zero; i++)
        gguf_write(writer, &zero, sizeof zero);
}

static bool write_model(struct job *job, const char *path)
{
    const struct conversion *conversion = job->conversion;
    struct gguf_writer *writer = gguf_writer_open(path, job->message);
    if (!writer)
        return false;
    put_provenance(writer, job);
    put_tower(writer, job);
    put_text(writer, job);
    put_recipe(writer, job);
    plan_declare(&job->plan, writer, conversion->type);
    const uint64_t shape[] = {job->result->tower.feature_size, 2 * conversion->prompt_count};
    if (conversion->prompt_count)
        gguf_declare(writer, "qualiclip.prompts", GGML_F32, 2, shape);
    if (!plan_write(&job->plan, writer, conversion->type, conversion->progress,
                    conversion->context)) {
        gguf_writer_abandon(writer);
        return false;
    }
    write_blank_prompts(job, writer);
    return gguf_writer_finish(writer, job->message);
}

/* Own prompts are encoded by the model that was just written, and put where zeros hold their place:
 * at the end of the file. */
static bool write_prompts(const struct job *job, const char *path)
{
    const struct conversion *conversion = job->conversion;
    const size_t size = prompts_size(job);
    float *features = malloc(size);
    if (!features)
        return problem(job->message, "%.200s: out of memory", origin_of(path));
    bool good = conversion->encode(conversion->context, path, features, job->message);
    FILE *file = good ? fopen(path, "r+b") : NULL;
    if (good) {
        const long padded = (long)((size + GGUF_OUR_ALIGNMENT - 1) / GGUF_OUR_ALIGNMENT *
                                   GGUF_OUR_ALIGNMENT);
        good = file && fseek(file, -padded, SEEK_END) == 0 &&
               fwrite(features, 1, size, file) == size;
        if (file && fclose(file) != 0)
            good = false;
        if (!good)
            problem(job->message, "%.200s: cannot be written: %s", origin_of(path),
                    strerror(errno));
    }
    free(features);
    return good;
}

/* The file has another name until it has been looked at. */
static bool write_and_verify(struct job *job)
{
    const struct conversion *conversion = job->conversion;
    const char *path = conversion->model_path;
    size_t size = strlen(path) + 40;
    char *candidate = malloc(size);
    if (!candidate)
        return problem(job->message, "%.200s: out of memory", origin_of(path));
    snprintf(candidate, size, "%s.%ld.unverified", path, (long)getpid());
    bool written = write_model(job, candidate);
    bool good = written && (!conversion->prompt_count || write_prompts(job, candidate));
    if (good) {
        struct stat status;
        job->result->file_size = stat(candidate, &status) == 0 ? (uint64_t)status.st_size : 0;
        good =
            !conversion->verify || conversion->verify(conversion->context, candidate, job->message);
        if (good && rename(candidate, path) != 0)
            good = problem(job->message, "%.200s: %s", origin_of(path), strerror(errno));
    }
    if (written && !good)
        unlink(candidate);
    free(candidate);
    return good;
}

/* --------------------------------------------------------------------------------- the whole */

static bool check_paths(const struct conversion *conversion, char *message)
{
    const char *path = conversion->model_path;
    const char *file = base_name(path);
    struct stat target;
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

static bool open_checkpoint(struct job *job)
{
    const struct conversion *conversion = job->conversion;
    job->file = source_file(conversion->checkpoint_path, job->message);
    if (!job->file || !checkpoint_open(&job->checkpoint, job->file, job->message))
        return false;
    if (source_contains(&job->checkpoint, conversion->model_path)) {
        checkpoint_close(&job->checkpoint);
        return problem(job->message, "%.200s: the output would overwrite the checkpoint",
                       origin_of(conversion->model_path));
    }
    return true;
}

bool convert_checkpoint(const struct conversion *conversion, struct conversion_result *result,
                        char *message)
{
    struct job job = {.conversion = conversion, .result = result, .message = message};
    memset(result, 0, sizeof *result);
    bool good = false;
    if (check_paths(conversion, message) && open_checkpoint(&job)) {
        good = plan_model(&job) && hash_checkpoint(&job.checkpoint, job.source_hash, message) &&
               write_and_verify(&job);
        vocabulary_free(&job.vocabulary);
        plan_free(&job.plan);
        published_config_free(&job.config);
        checkpoint_close(&job.checkpoint);
    }
    free(job.file);
    return good;
}
