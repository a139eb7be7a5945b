/*
 * text.h - the text tower: texts in, unit features out.
 *
 * Runs when a scorer is created or when the caller asks, never while images are scored.  Allocates
 * what it needs and frees all of it; the model is not changed, so any number of threads may call.
 */
#ifndef QUALICLIP_TEXT_H
#define QUALICLIP_TEXT_H

#include "model.h"

/* QC_OK, or why the model cannot encode texts. */
qc_status text_check(const struct qc_model *model, struct message *message);

/* Writes model->feature_size floats for each text, one after the other. */
qc_status text_encode(const struct qc_model *model, const char *const *texts, size_t count,
                      bool truncate, float *features, struct message *message);

#endif
