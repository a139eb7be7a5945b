/*
 * begin.c - see begin.h.
 */
#include "begin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../checkpoint/repack.h"
#include "../memory.h"
#include "checkpoint_file.h"
#include "initialise.h"
#include "model_file.h"
#include "problem.h"
#include "teacher.h"

static const struct {
    const char *name;
    struct tower_shape shape;
} scratch[] = {
    {"nano",
     {.kind = TRAIN_RESNET, .width = 16, .feature = 128, .heads = 8, .blocks = {2, 2, 2, 2}}},
    {"pico",
     {.kind = TRAIN_RESNET, .width = 8, .feature = 128, .heads = 4, .blocks = {2, 2, 2, 2}}},
    {"vit-tiny",
     {.kind = TRAIN_VIT, .width = 192, .feature = 128, .heads = 3, .layers = 4, .patch = 16}},
};

static const struct tower_shape *shape_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof scratch / sizeof *scratch; i++)
        if (strcmp(name, scratch[i].name) == 0)
            return &scratch[i].shape;
    return NULL;
}

enum beginning_kind begin_kind(const char *init)
{
    return shape_by_name(init)                        ? BEGIN_FROM_SCRATCH
           : strcmp(init, "shallow") == 0             ? BEGIN_WITH_TEACHER
           : is_model_file(init)                      ? BEGIN_WITH_MODEL
           : checkpoint_file_has(init, STATE_NUMBERS) ? BEGIN_WITH_STATE
                                                      : BEGIN_WITH_CHECKPOINT;
}

/* ---------------------------------------------------------------------------------------- find */

static void find_by_name(struct beginning *beginning)
{
    struct recipe recipe;
    recipe_from_scratch(&recipe);
    beginning->shape = *shape_by_name(beginning->path);
    beginning->logit_scale = recipe.logit_scale;
}

static bool find_state(struct beginning *beginning, char *message)
{
    struct state_head head;
    if (!state_read_head(beginning->path, &head, message))
        return false;
    beginning->shape = head.shape;
    beginning->texts = head.texts;
    beginning->has_prompts = true;
    beginning->prompts_learn = head.prompts_learn;
    beginning->logit_scale = head.recipe.logit_scale;
    return true;
}

/* Prompts that a file has are its texts' features, as far as anyone knows. */
static void take_prompts(struct beginning *beginning, uint32_t texts, bool fine_tunes)
{
    if (!texts)
        return;
    beginning->texts = texts;
    beginning->has_prompts = true;
    beginning->prompts_learn = !fine_tunes;
}

static bool find_model(struct beginning *beginning, bool fine_tunes, char *message)
{
    struct model_file *file = model_file_open(beginning->path, message);
    if (!file)
        return false;
    beginning->shape = file->shape;
    beginning->logit_scale = (double)file->logit_scale;
    take_prompts(beginning, file->texts, fine_tunes);
    model_file_close(file);
    return true;
}

/* Of each stage the block that changes the size: the others add to what it makes. */
static bool find_teacher(struct beginning *beginning, const struct begin_wishes *wishes,
                         char *message)
{
    if (!wishes->teacher)
        return problem(message, "--init=shallow: begins with a teacher's layers: give --teacher");
    beginning->path = teacher_path(wishes->teacher);
    if (!find_model(beginning, true, message))
        return false;
    struct tower_shape *shape = &beginning->shape;
    bool is_deep = false;
    for (size_t stage = 0; stage < 4; stage++) {
        is_deep = is_deep || shape->blocks[stage] > 1;
        shape->blocks[stage] = 1;
    }
    return (shape->kind == TRAIN_RESNET && is_deep) ||
           problem(message, "--init=shallow: the teacher is no ResNet with several blocks a stage");
}

static bool find_checkpoint(struct beginning *beginning, const struct begin_wishes *wishes,
                            const char *model_path, char *message)
{
    const struct checkpoint_wishes open = {wishes->activation, wishes->positions, model_path};
    struct checkpoint_sizes sizes;
    if (!checkpoint_file_measure(beginning->path, &open, &sizes, message))
        return false;
    beginning->shape = (struct tower_shape){.kind = sizes.is_resnet ? TRAIN_RESNET : TRAIN_VIT,
                                            .width = sizes.width,
                                            .feature = sizes.feature,
                                            .heads = sizes.heads,
                                            .layers = sizes.layers,
                                            .patch = sizes.patch,
                                            .exact_gelu = sizes.exact_gelu,
                                            .grid = sizes.grid};
    memcpy(beginning->shape.blocks, sizes.blocks, sizeof sizes.blocks);
    beginning->logit_scale = sizes.logit_scale;
    take_prompts(beginning, sizes.texts, wishes->fine_tunes);
    return true;
}

bool begin_find(struct beginning *beginning, const char *init, const struct begin_wishes *wishes,
                const char *model_path, char *message)
{
    bool good = true;
    *beginning = (struct beginning){
        .kind = begin_kind(init), .path = init, .texts = 2, .prompts_learn = true};
    if (beginning->kind != BEGIN_WITH_CHECKPOINT && (wishes->activation || wishes->positions))
        return problem(message,
                       "%.200s: --activation and --positions are of checkpoints that were not "
                       "converted",
                       init);
    if (beginning->kind == BEGIN_WITH_CHECKPOINT && access(init, F_OK) != 0)
        return problem(message,
                       "--init=%.200s: %s: expected a file, or nano, pico or vit-tiny, which begin "
                       "with random numbers, or shallow, which begins with --teacher's",
                       init, strerror(errno));
    switch (beginning->kind) {
    case BEGIN_FROM_SCRATCH: find_by_name(beginning); break;
    case BEGIN_WITH_STATE: good = find_state(beginning, message); break;
    case BEGIN_WITH_MODEL: good = find_model(beginning, wishes->fine_tunes, message); break;
    case BEGIN_WITH_TEACHER: good = find_teacher(beginning, wishes, message); break;
    case BEGIN_WITH_CHECKPOINT:
        good = find_checkpoint(beginning, wishes, model_path, message);
        break;
    }
    if (good && wishes->prompts == PROMPTS_FIXED && !beginning->has_prompts)
        return problem(message, "%.200s: has no prompts that could be fixed (--prompts=learn)",
                       init);
    if (wishes->prompts != PROMPTS_BY_BEGINNING)
        beginning->prompts_learn = wishes->prompts == PROMPTS_LEARN;
    return good;
}

/* ---------------------------------------------------------------------------------------- fill */

static void fill_from_scratch(struct student *student, uint64_t seed)
{
    (student->tower->shape.kind == TRAIN_VIT ? initialise_vit : initialise_resnet)(student->tower,
                                                                                   seed);
}

static bool fill_from_model(const char *path, struct student *student, char *message)
{
    struct model_file *file = model_file_open(path, message);
    if (!file)
        return false;
    bool good = model_file_fill(file, student->tower, message);
    if (good && file->texts && file->texts != student->texts)
        good = problem(message, "%.200s was changed while it was read",
                       path ? path : "the built-in model");
    else if (good && file->texts)
        memcpy(student->prompts, file->prompts,
               (size_t)file->texts * file->shape.feature * sizeof *student->prompts);
    model_file_close(file);
    return good;
}

static struct named_tensor named(const struct tower_parameter *parameter, const char *prefix,
                                 const char *name)
{
    struct named_tensor tensor = {.dimensions = parameter->dimensions,
                                  .count = parameter->count,
                                  .values = parameter->values};
    memcpy(tensor.shape, parameter->shape, sizeof tensor.shape);
    snprintf(tensor.name, sizeof tensor.name, "%s%s", prefix, name);
    return tensor;
}

static bool fill_from_checkpoint(const struct beginning *beginning, struct student *student,
                                 char *message)
{
    const size_t of_tower = student->tower->parameter_count;
    struct named_tensor *tensors = reallocate(NULL, of_tower + 1, sizeof *tensors);
    size_t count = 0;
    for (; count < of_tower; count++)
        tensors[count] =
            named(&student->parameters[count], "visual.", student->parameters[count].name);
    if (beginning->has_prompts)
        tensors[count++] = named(&student->parameters[of_tower], "", CHECKPOINT_PROMPTS);
    const bool good = checkpoint_file_fill(beginning->path, tensors, count, message);
    free(tensors);
    return good;
}

bool begin_fill(const struct beginning *beginning, struct student *student, uint64_t seed,
                char *message)
{
    bool good = true;
    student_draw(student, seed);
    switch (beginning->kind) {
    case BEGIN_FROM_SCRATCH: fill_from_scratch(student, seed); break;
    case BEGIN_WITH_STATE: good = state_load_weights(beginning->path, student, message); break;
    case BEGIN_WITH_MODEL:
    case BEGIN_WITH_TEACHER: good = fill_from_model(beginning->path, student, message); break;
    case BEGIN_WITH_CHECKPOINT: good = fill_from_checkpoint(beginning, student, message); break;
    }
    if (good)
        student_begin_average(student);
    return good;
}
