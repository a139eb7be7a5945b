/*
 * checkpoint_file.c - plans a conversion that is not carried out: whatever it would refuse is
 * refused here, in the same words.
 */
#include "checkpoint_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "problem.h"
#include "source.h"
#include "sources.h"

/* What a trained model is converted with again: convert_trained.h. */
enum { HEAD_SIZE = 64 };
static const double layer_norm_epsilon = 1e-5;

static const double batch_norm_epsilon = 1e-5;

bool checkpoint_file_has(const char *path, const char *name)
{
    char message[QC_MESSAGE_SIZE];
    struct checkpoint checkpoint;
    char *file = source_file(path, message);
    bool has = false;
    if (file && checkpoint_open(&checkpoint, file, message)) {
        has = checkpoint_find(&checkpoint, name) != NULL;
        checkpoint_close(&checkpoint);
    }
    free(file);
    return has;
}

/* What training does not know of, and a checkpoint would tell nobody of. */
static bool can_learn(const struct job *job, char *message)
{
    const struct tower *tower = &job->result->tower;
    const char *reason = NULL;
    if (tower->heads * HEAD_SIZE != (tower->is_resnet ? 32 * tower->width : tower->width))
        reason = "its attention has heads of another size than 64";
    else if (!tower->is_resnet && tower->mlp_width != 4 * tower->width)
        reason = "its MLP is not four times as wide as its tokens";
    else if (!tower->is_resnet && fabs(tower->epsilon - layer_norm_epsilon) > 1e-9)
        reason = "the epsilon of its LayerNorms is not 0.00001";
    else if (!tower->is_resnet && job->image.naming->config == CONFIG_TRANSFORMERS)
        reason = "its names are transformers'; convert it, and begin with the model file";
    return !reason ||
           problem(message, "%.200s cannot be trained: %s", job->image.checkpoint.origin, reason);
}

static void copy_sizes(const struct job *job, struct checkpoint_sizes *sizes)
{
    const struct tower *tower = &job->result->tower;
    *sizes = (struct checkpoint_sizes){
        .is_resnet = tower->is_resnet,
        .width = tower->width,
        .feature = tower->feature_size,
        .heads = tower->heads,
        .layers = tower->is_resnet ? 0 : tower->layers,
        .patch = tower->is_resnet ? 0 : tower->patch_size,
        .exact_gelu = !tower->is_resnet && job->image_gelu,
        .grid = job->scoring.positions == QC_POSITIONS_GRID ? tower->grid : 0,
        .texts = job->scoring.origin == PROMPTS_STORED ? (uint32_t)job->scoring.text_count : 0,
        .logit_scale = job->logit_scale};
    memcpy(sizes->blocks, tower->blocks, sizeof sizes->blocks);
}

bool checkpoint_file_measure(const char *path, const struct checkpoint_wishes *wishes,
                             struct checkpoint_sizes *sizes, char *message)
{
    struct conversion_result result = {0};
    const struct conversion conversion = {
        .checkpoint_path = path,
        .model_path = wishes->model_path,
        .profile = checkpoint_file_has(path, STORED_PROMPTS) ? "qualiclip" : "clip",
        .activation = wishes->activation,
        .positions = wishes->positions,
        .text = TEXT_DROPPED,
        .threads = 1};
    struct job job = {.conversion = &conversion, .result = &result, .message = message};
    const bool good = sources_plan(&job) && can_learn(&job, message);
    if (good)
        copy_sizes(&job, sizes);
    sources_close(&job);
    return good;
}

static bool is_variance(const char *name)
{
    static const char end[] = ".running_var";
    const size_t length = strlen(name), size = sizeof end - 1;
    return length > size && strcmp(name + length - size, end) == 0;
}

static bool check_numbers(const char *path, const struct named_tensor *tensor, char *message)
{
    const bool positive = is_variance(tensor->name);
    for (size_t i = 0; i < tensor->count; i++) {
        const double number = (double)tensor->values[i];
        if (!isfinite(number) || (positive && !(number + batch_norm_epsilon > 0)))
            return problem(message, "%.200s: tensor %.150s: element %zu is %g, expected a %s",
                           origin_of(path), tensor->name, i, number,
                           positive ? "variance" : "finite number");
    }
    return true;
}

bool checkpoint_file_fill(const char *path, const struct named_tensor *tensors, size_t count,
                          char *message)
{
    char *file = source_file(path, message);
    bool good = file && tensor_file_read(file, tensors, count, message);
    for (size_t i = 0; i < count && good; i++)
        good = check_numbers(file, &tensors[i], message);
    free(file);
    return good;
}
