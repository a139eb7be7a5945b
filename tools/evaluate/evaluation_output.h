/*
 * evaluation_output.h - what an evaluation found, on standard output.
 */
#ifndef QUALICLIP_EVALUATION_OUTPUT_H
#define QUALICLIP_EVALUATION_OUTPUT_H

#include "evaluation.h"
#include "output.h"

/* False if standard output takes no more. */
bool evaluation_print(const struct evaluation *evaluation, enum output_format format);

/* The names that have no partner, on standard error. */
void evaluation_complain_of_names(const struct evaluation *evaluation);

#endif
