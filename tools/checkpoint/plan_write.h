/*
 * plan_write.h - carries out a plan: reads the numbers, folds, converts and hands them to a writer.
 */
#ifndef QUALICLIP_PLAN_WRITE_H
#define QUALICLIP_PLAN_WRITE_H

#include "gguf_writer.h"
#include "plan.h"

/* Told now and then how many of the plan's numbers are written. */
typedef void plan_progress(void *context, uint64_t done, uint64_t total);

/* Announces the plan's tensors; matrices in `type` (f32, f16 or bf16), all else in f32. */
void plan_declare(const struct plan *plan, struct gguf_writer *writer, enum gguf_tensor_type type);

/*
 * Writes all numbers, one chunk after the other, in the order of plan_declare().  False where one
 * is not finite or beyond the range of its type, or the checkpoint is damaged; plan->message names
 * the tensor.  Failures of the writer are reported by gguf_writer_finish().
 */
bool plan_write(const struct plan *plan, struct gguf_writer *writer, enum gguf_tensor_type type,
                plan_progress *progress, void *context);

#endif
