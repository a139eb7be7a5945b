/*
 * model_file.h - a converted model as the beginning of training: what `qualiclip convert` wrote, or
 * training itself, of plain numbers (f32, f16, bf16).
 *
 * The file is a stranger's: all that is not as it has to be is an error that names it.
 */
#ifndef QUALICLIP_TRAIN_MODEL_FILE_H
#define QUALICLIP_TRAIN_MODEL_FILE_H

#include "tower.h"

struct model_file {
    struct tower_shape shape; /* a ResNet is `folded`; grid 0 where the model takes no positions */
    uint32_t texts;           /* two for each pair: positive, negative; 0: the file has none */
    float *prompts;           /* texts x shape.feature, of unit length */
    float logit_scale;        /* divided by the temperature */
    const struct gguf *gguf;
    struct model_bytes *bytes;
};

/*
 * NULL: `message` (QC_MESSAGE_SIZE bytes) says why.  `path` must outlive it; NULL: the built-in
 * model.
 */
struct model_file *model_file_open(const char *path, char *message);
void model_file_close(struct model_file *file); /* NULL is allowed */

/* Fills in all values of a tower of the file's shape. */
bool model_file_fill(const struct model_file *file, struct tower *tower, char *message);

#endif
