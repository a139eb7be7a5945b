/*
 * tower_resnet18.c - GRepQ's low-level checkpoint: torchvision's ResNet-18 as a list of its
 * children (0 the first convolution, 1 its BatchNorm, 4 to 7 the stages) and a head of two linear
 * layers, on one side; the names of docs/model-file.md on the other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "low_level_source.h"
#include "problem.h"

#define ENCODER "encoder.resnet18."

/* The same tensors under torchvision's names, and its classifier, which GRepQ does not use. */
static const char second_names[] = "encoder.base_model.";
static const char counter[] = ".num_batches_tracked"; /* of BatchNorm: for training alone */

static bool measure(struct low_level_source *source)
{
    uint64_t stem[4], head[2];
    struct plan *plan = &source->plan;
    if (!plan_shape(plan, ENCODER "0.weight", 4, stem) ||
        !plan_shape(plan, "head.2.weight", 2, head))
        return false;
    plan_check_range(plan, "the width (outputs of " ENCODER "0)", stem[0], 1, 512);
    plan_check_range(plan, "the size of the feature (head.2)", head[0], 1, 1024);
    source->width = (uint32_t)stem[0];
    source->feature_size = (uint32_t)head[0];
    return !plan->failed;
}

static void plan_block(struct plan *plan, unsigned stage, unsigned block, uint64_t inputs,
                       uint64_t outputs)
{
    char to[64], conv[96], norm[96];
    for (unsigned i = 0; i < 2; i++) {
        snprintf(to, sizeof to, "l.stage.%u.%u.conv%u", stage, block, i + 1);
        snprintf(conv, sizeof conv, ENCODER "%u.%u.conv%u", stage + 4, block, i + 1);
        snprintf(norm, sizeof norm, ENCODER "%u.%u.bn%u", stage + 4, block, i + 1);
        plan_convolution(plan, to, conv, norm, outputs, i ? outputs : inputs, 3);
    }
    if (inputs == outputs)
        return;
    snprintf(to, sizeof to, "l.stage.%u.%u.shortcut", stage, block);
    snprintf(conv, sizeof conv, ENCODER "%u.%u.downsample.0", stage + 4, block);
    snprintf(norm, sizeof norm, ENCODER "%u.%u.downsample.1", stage + 4, block);
    plan_convolution(plan, to, conv, norm, outputs, inputs, 1);
}

static bool plan_resnet18(struct low_level_source *source)
{
    struct plan *plan = &source->plan;
    if (!measure(source))
        return false;
    const uint64_t width = source->width;
    plan_convolution(plan, "l.stem", ENCODER "0", ENCODER "1", width, 3, 7);
    for (unsigned stage = 0; stage < 4; stage++) {
        const uint64_t outputs = width << stage;
        plan_block(plan, stage, 0, stage ? outputs / 2 : outputs, outputs);
        plan_block(plan, stage, 1, outputs, outputs);
    }
    plan_linear(plan, "l.head.0", "head.0", 8 * width, 8 * width);
    plan_linear(plan, "l.head.1", "head.2", source->feature_size, 8 * width);
    return !plan->failed;
}

static bool is_droppable(const char *name)
{
    const size_t length = strlen(name), ending = strlen(counter);
    return strncmp(name, second_names, strlen(second_names)) == 0 ||
           (length > ending && strcmp(name + length - ending, counter) == 0);
}

static bool pass_over_rest(const struct low_level_source *source, bool allow_unknown,
                           void (*note)(void *, const char *), void *context, char *message)
{
    const struct checkpoint *checkpoint = &source->checkpoint;
    for (size_t i = 0; i < checkpoint->count; i++) {
        const struct checkpoint_entry *entry = &checkpoint->entries[i];
        if (entry->used)
            continue;
        const bool known = is_droppable(entry->name);
        if (!known && !allow_unknown)
            return problem(
                message,
                "%.200s: %.150s is not known to be part of GRepQ's low-level model (pass "
                "over such names with --allow-unknown)",
                checkpoint->origin, entry->name);
        char line[QC_MESSAGE_SIZE];
        snprintf(line, sizeof line, "dropped %s%.300s", known ? "" : "unknown ", entry->name);
        make_printable(line);
        if (note)
            note(context, line);
    }
    return true;
}

/* As for towers: a file whose tensors claim far more numbers than it has bytes is an attack. */
static bool check_total(const struct low_level_source *source, char *message)
{
    uint64_t numbers = 0;
    for (size_t i = 0; i < source->plan.count; i++)
        numbers += plan_item_count(&source->plan.items[i]);
    return numbers / 64 <= source->checkpoint.file_size ||
           problem(message,
                   "%.200s: has %" PRIu64 " bytes, but its tensors claim %" PRIu64 " numbers",
                   source->checkpoint.origin, source->checkpoint.file_size, numbers);
}

bool low_level_open(struct low_level_source *source, const char *path, bool allow_unknown,
                    void (*note)(void *context, const char *line), void *context, char *message)
{
    memset(source, 0, sizeof *source);
    if (!checkpoint_open(&source->checkpoint, path, message))
        return false;
    source->plan.checkpoint = &source->checkpoint;
    source->plan.message = message;
    return plan_resnet18(source) && pass_over_rest(source, allow_unknown, note, context, message) &&
           check_total(source, message) && hash_file(path, source->hash, message);
}

void low_level_close(struct low_level_source *source)
{
    plan_free(&source->plan);
    if (source->checkpoint.path) /* it was opened */
        checkpoint_close(&source->checkpoint);
}
