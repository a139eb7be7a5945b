/*
 * set_neon.c - the table of the NEON kernels.
 */
#include "compiler.h"

#if QUALICLIP_AARCH64

#include "arm/neon.h"
#include "reference/reference.h"

const kernel_set kernel_set_neon = {
    .name = "neon",
    .fixed_shape = false,
    .gemm_scratch = neon_gemm_scratch,
    .gemm = neon_gemm,
    .winograd_input = reference_winograd_input,
    .winograd_products = reference_winograd_products,
    .winograd_output = reference_winograd_output,
    .round_rows = reference_round_rows,
    .attention_scratch = neon_attention_scratch,
    .attention = neon_attention,
    .layernorm = neon_layernorm,
    .softmax = neon_softmax,
    .activate = neon_activate,
    .average_pool_row = neon_average_pool_row,
    .column_mean = neon_column_mean,
    .all_finite = neon_all_finite,
    .widen = neon_widen,
};

#else

typedef int set_neon_is_for_aarch64;

#endif
