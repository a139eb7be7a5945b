/*
 * tensor_file.h - named tensors of f32 to a safetensors file, and back.
 *
 * Knows nothing of what they are.  A file has its name only once it is whole and on the disk.
 */
#ifndef QUALICLIP_TRAIN_TENSOR_FILE_H
#define QUALICLIP_TRAIN_TENSOR_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct named_tensor {
    char name[128];
    unsigned dimensions;
    size_t shape[4];
    size_t count;
    float *values;
};

/* False: `message` (QC_MESSAGE_SIZE) says why; what was at `path` is as it was. */
bool tensor_file_write(const char *path, const struct named_tensor *tensors, size_t count,
                       char *message);

/* Fills the tensors, all of which must be there in their shapes.  More may be there. */
bool tensor_file_read(const char *path, const struct named_tensor *tensors, size_t count,
                      char *message);

#endif
