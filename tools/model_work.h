/*
 * model_work.h - how much arithmetic a model's layers are.  Looks inside the library (lib/model.h),
 * as kernel_trace.h does; nothing else of the program may.
 */
#ifndef QUALICLIP_MODEL_WORK_H
#define QUALICLIP_MODEL_WORK_H

#include <stddef.h>
#include <stdint.h>

#include "qualiclip.h"

/*
 * Operations for an image of that size, a multiply-add being two: every product with weights, of
 * every token or pixel, as the model is defined; of attention pooling, one query.  Attention's own
 * products are not counted, nor is GRepQ's low-level part.
 */
double model_work(const qc_model *model, uint32_t width, uint32_t height);

/* Whether weights at that address belong to a layer of the image tower, and to which. */
struct layer_name {
    char text[48];
};

struct layer_name model_layer_of(const qc_model *model, const void *weights);

#endif
