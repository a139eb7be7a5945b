/*
 * begin.c - see begin.h.
 */
#include "begin.h"

#include <stdio.h>
#include <string.h>

#include "../checkpoint/repack.h"
#include "initialise.h"
#include "model_file.h"
#include "problem.h"

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

static bool find_state(struct beginning *beginning, char *message)
{
    struct state_head head;
    if (!state_read_head(beginning->path, &head, message))
        return false;
    beginning->kind = BEGIN_WITH_STATE;
    beginning->shape = head.shape;
    beginning->texts = head.texts;
    beginning->prompts_learn = head.prompts_learn;
    beginning->logit_scale = head.recipe.logit_scale;
    return true;
}

/* Prompts that a file has are its texts' features, which do not learn. */
static bool find_model(struct beginning *beginning, char *message)
{
    struct model_file *file = model_file_open(beginning->path, message);
    if (!file)
        return false;
    beginning->kind = BEGIN_WITH_MODEL;
    beginning->shape = file->shape;
    beginning->logit_scale = (double)file->logit_scale;
    if (file->texts) {
        beginning->texts = file->texts;
        beginning->prompts_learn = false;
    }
    model_file_close(file);
    return true;
}

bool begin_find(struct beginning *beginning, const char *init, char *message)
{
    *beginning = (struct beginning){.path = init, .texts = 2, .prompts_learn = true};
    for (size_t i = 0; i < sizeof scratch / sizeof *scratch; i++)
        if (strcmp(init, scratch[i].name) == 0) {
            beginning->shape = scratch[i].shape;
            return true;
        }
    return (is_model_file(init) ? find_model : find_state)(beginning, message);
}

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
        good = problem(message, "%.200s was changed while it was read", path);
    else if (good && file->texts)
        memcpy(student->prompts, file->prompts,
               (size_t)file->texts * file->shape.feature * sizeof *student->prompts);
    model_file_close(file);
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
    case BEGIN_WITH_MODEL: good = fill_from_model(beginning->path, student, message); break;
    }
    if (good)
        student_begin_average(student);
    return good;
}
