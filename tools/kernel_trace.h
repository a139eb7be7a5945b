/*
 * kernel_trace.h - what a model's kernels do, and how long each takes.
 *
 * It looks into the library (lib/model.h) and puts a set of its own in place of the model's
 * kernels, which hands every call on; the library knows nothing of it.  One model at a time, scored
 * on one thread.
 */
#ifndef QUALICLIP_KERNEL_TRACE_H
#define QUALICLIP_KERNEL_TRACE_H

#include <stddef.h>

#include "qualiclip.h"

/* All calls of a kernel for one layer, or of one kind. */
struct trace_line {
    char name[80];
    size_t calls;
    double seconds, operations; /* a multiply-add is two; 0: not counted */
    int products;               /* whether the operations are products with weights */
};

/* Scorers made from now on are traced, until the model is released. */
void trace_model(qc_model *model);
void trace_release(qc_model *model);

/* Forgets what was seen. */
void trace_reset(void);

/* What was seen, the longest first; valid until the next call of the model. */
const struct trace_line *trace_lines(size_t *count);

#endif
