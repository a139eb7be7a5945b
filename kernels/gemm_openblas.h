/*
 * gemm_openblas.h - sets whose dense matrix products are OpenBLAS's.
 */
#ifndef QUALICLIP_GEMM_OPENBLAS_H
#define QUALICLIP_GEMM_OPENBLAS_H

#include "compiler.h"
#include "kernels.h"

extern const kernel_set kernel_set_reference_openblas;
#if QUALICLIP_X86
extern const kernel_set kernel_set_avx2_openblas;
#endif

#endif
