/*
 * begin.c - see begin.h.
 */
#include "begin.h"

#include <stdio.h>
#include <string.h>

#include "initialise.h"
#include "problem.h"

static const struct {
    const char *name;
    struct tower_shape shape;
} scratch[] = {
    {"nano",
     {.kind = TRAIN_RESNET, .width = 16, .feature = 128, .heads = 8, .blocks = {2, 2, 2, 2}}},
    {"vit-tiny",
     {.kind = TRAIN_VIT, .width = 192, .feature = 128, .heads = 3, .layers = 4, .patch = 16}},
};

bool begin_find(struct beginning *beginning, const char *init, char *message)
{
    *beginning = (struct beginning){.texts = 2, .prompts_learn = true};
    for (size_t i = 0; i < sizeof scratch / sizeof *scratch; i++)
        if (strcmp(init, scratch[i].name) == 0) {
            beginning->shape = scratch[i].shape;
            return true;
        }
    beginning->path = init;
    beginning->kind = BEGIN_WITH_STATE;
    struct state_head head;
    if (!state_read_head(init, &head, message))
        return false;
    beginning->shape = head.shape;
    beginning->texts = head.texts;
    beginning->prompts_learn = head.prompts_learn;
    beginning->logit_scale = head.recipe.logit_scale;
    return true;
}

bool begin_fill(const struct beginning *beginning, struct student *student, uint64_t seed,
                char *message)
{
    bool good = true;
    student_draw(student, seed);
    if (beginning->kind == BEGIN_FROM_SCRATCH)
        (student->tower->shape.kind == TRAIN_VIT ? initialise_vit : initialise_resnet)(
            student->tower, seed);
    else
        good = state_load_weights(beginning->path, student, message);
    if (good)
        student_begin_average(student);
    return good;
}
