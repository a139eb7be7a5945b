/*
 * large_matrices.h - the matrices that take nearly all the time: how a model file names them where
 * they are not stored as plain numbers.  Shared by the library, which reads such files, and the
 * converter, which writes them.
 *
 * NAME may be stored as I8, with a tensor NAME.scales of one float for each output; or, instead of
 * NAME, as panels (kernels.h) in NAME.packed, of f32, f16, bf16 or I8 (scales are in the panels).
 */
#ifndef QUALICLIP_LARGE_MATRICES_H
#define QUALICLIP_LARGE_MATRICES_H

#include <stdbool.h>
#include <stddef.h>

#define SCALES_SUFFIX ".scales"
#define PACKED_SUFFIX ".packed"

/* How panels are laid out: the value of KEY_PACKED.  Another layout is another number. */
#define PACKED_LAYOUT 1

/*
 * Whether the tensor of that name is one of them: of a ViT the patch embedding and the six matrices
 * of each block, of a ModifiedResNet the 1x1 convolutions.
 */
bool is_large_matrix(const char *name, size_t length);

#endif
