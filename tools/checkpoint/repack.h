/*
 * repack.h - a model file in, the same model with its large matrices in another form out: 8 bits,
 * or panels as kernels read them, or both.
 */
#ifndef QUALICLIP_REPACK_H
#define QUALICLIP_REPACK_H

#include <stdbool.h>

/* Of large_matrices.h. */
struct large_form {
    bool whole;  /* whole numbers of 8 bits, a scale for each output; else as they are */
    bool packed; /* panels */
};

/*
 * Whole numbers are what the library makes of the file at open when it is to compute in int8: the
 * same bits.  Everything else is copied.  False: `message` (QC_MESSAGE_SIZE) says why, and `to` is
 * as it was.
 */
bool repack(const char *from, const char *to, struct large_form form, char *message);

/* Whether a file begins as model files do. */
bool is_model_file(const char *path);

#endif
