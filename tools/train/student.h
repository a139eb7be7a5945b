/*
 * student.h - all that learns, in one list: an image tower, the prompts that its features are
 * compared with, a head for what they show; and the running mean of the first two.
 */
#ifndef QUALICLIP_TRAIN_STUDENT_H
#define QUALICLIP_TRAIN_STUDENT_H

#include "auxiliary.h"
#include "tower.h"

struct student {
    struct tower *tower;
    uint32_t texts; /* two for each pair: positive, negative */
    bool prompts_learn;
    float *prompts, *prompt_gradients; /* texts x feature */
    struct auxiliary head;
    struct tower_parameter *parameters; /* of all three; they share the values */
    float **averages;                   /* of each parameter; NULL: it has none */
    size_t count;
};

/* Takes the tower over.  Prompts and head are zero. */
void student_create(struct student *student, struct tower *tower, uint32_t texts,
                    bool prompts_learn);
void student_free(struct student *student);

/* Random prompts and a random head; so is the tower's start another file's. */
void student_draw(struct student *student, uint64_t seed);

/* The averages begin as the values. */
void student_begin_average(struct student *student);

/* Moves the averages towards the values after step `step` (0: the first). */
void student_average(struct student *student, double decay, uint64_t step);

/* The norm of all gradients; scaled down to `limit` where it is larger. */
double student_clip(struct student *student, double limit);

#endif
