/*
 * degradation_figure.h - figure 1 of the QualiCLIP paper: mean score against intensity for each
 * group of degradations, a panel for each model.
 */
#ifndef QUALICLIP_DEGRADATION_FIGURE_H
#define QUALICLIP_DEGRADATION_FIGURE_H

#include "degradation_tables.h"
#include "markup.h"

/* One model's panel, as a part of a page. */
void draw_degradation_panel(struct markup *page, const struct judgement *judgement, size_t model);

/* All models' in one file.  False, once complained about, if the file cannot be written. */
bool write_degradation_figure(const struct judgement *judgement, const char *path);

#endif
