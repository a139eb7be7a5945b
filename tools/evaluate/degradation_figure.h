/*
 * degradation_figure.h - figure 1 of the QualiCLIP paper: mean score against intensity for each
 * group of degradations, a panel for each model.
 */
#ifndef QUALICLIP_DEGRADATION_FIGURE_H
#define QUALICLIP_DEGRADATION_FIGURE_H

#include "degradation_tables.h"
#include "markup.h"

/* Draws it at the end of a document; `alone`: as a file of its own. */
void draw_degradation_figure(struct markup *svg, const struct judgement *judgement, bool alone);

/* False, once complained about, if the file cannot be written. */
bool write_degradation_figure(const struct judgement *judgement, const char *path);

#endif
