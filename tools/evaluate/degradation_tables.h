/*
 * degradation_tables.h - what a trial found, on standard output and as a file of all scores.
 */
#ifndef QUALICLIP_DEGRADATION_TABLES_H
#define QUALICLIP_DEGRADATION_TABLES_H

#include "degradation_summary.h"
#include "inputs.h"
#include "judged_models.h"
#include "output.h"

/* A finished trial and whose it is. */
struct judgement {
    const struct degradation_trial *trial;
    const struct trial_setup *setup;
    const struct judged_models *models;
    const struct trial_summary *summaries; /* one for each model */
    const struct input_list *photos;
};

/* False if standard output failed. */
bool print_judgement(const struct judgement *judgement, enum output_format format);

/* A line for each image, photo,type,level,score,... with level 0 for the pristine photo; false,
 * once complained about, if the file cannot be written. */
bool dump_scores(const struct judgement *judgement, const char *path);

#endif
