/*
 * request_options.h - the words of `qualiclip train` as a request, and as changes of a recipe.
 */
#ifndef QUALICLIP_TRAIN_REQUEST_OPTIONS_H
#define QUALICLIP_TRAIN_REQUEST_OPTIONS_H

#include "training.h"

/* What the recipe is changed by, applied once it is known which one it is. */
struct recipe_changes {
    bool given;
    enum { RECIPE_BY_BEGINNING, RECIPE_FROM_SCRATCH, RECIPE_FINE_TUNE } recipe;
    bool *set; /* of each field */
    double *values;
    double type_weights[degradation_count]; /* -1: not given */
};

/* What parse_training() returns beside 0 and the status of a complaint. */
enum { HELP_WANTED = -1 };

int parse_training(struct training_request *request, struct recipe_changes *changes, int argc,
                   char **argv);

void apply_changes(const struct recipe_changes *changes, struct recipe *recipe);

#endif
